"""What the reaper keeps on the disk: its memory, the manifest, the journal's groups."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from chi_helpers.apply.journal import opened
from chi_helpers.apply.reaper import memory
from chi_helpers.apply.reaper.files import replace_file
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import Memory

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KNOWN = Memory(
    {Ref(Kind.PORT, "p1"): NOON, Ref(Kind.CONTAINER, "data"): NOON + timedelta(microseconds=5)},
    {Ref(Kind.LEASE, "l1"): NOON},
)


def test_what_is_saved_is_loaded(tmp_path):
    file = tmp_path / memory.NAME
    memory.save(file, KNOWN)
    assert memory.load(file) == (KNOWN, "")
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_file_is_no_memory_and_no_fault(tmp_path):
    assert memory.load(tmp_path / memory.NAME) == (Memory(), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 2, "first_seen": [], "warned": []}',
        '{"format": 1, "first_seen": []}',
        '{"format": 1, "first_seen": [["port", "p1"]], "warned": []}',
        '{"format": 1, "first_seen": [["spaceship", "p1", "2026-03-02T12:00:00+00:00"]], "warned": []}',
        '{"format": 1, "first_seen": [["port", "p1", "2026-03-02T12:00:00"]], "warned": []}',
        '{"format": 1, "first_seen": [["port", 7, "2026-03-02T12:00:00+00:00"]], "warned": []}',
        '{"format": 1, "first_seen": [["port", "p1", "noon"]], "warned": []}',
        '{"format": 1, "first_seen": 7, "warned": []}',
    ],
)
def test_a_broken_file_is_no_memory_at_all_and_that_is_said(tmp_path, text):
    """Not even the half that can be read: a wrong entry could make a thing look older than it is."""
    file = tmp_path / memory.NAME
    file.write_text(text)
    found, fault = memory.load(file)
    assert found == Memory()
    assert str(file) in fault


def test_a_file_that_is_not_text_is_no_memory(tmp_path):
    file = tmp_path / memory.NAME
    file.write_bytes(b"\xff\xfe\x00")
    assert memory.load(file).fault


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    file = tmp_path / "memory.json"
    replace_file(file, "old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["memory.json"]
    assert file.read_text() == "old"


def test_a_group_of_entries_is_one_wait_for_the_disk(tmp_path, monkeypatch):
    waits: list[int] = []
    monkeypatch.setattr(os, "fsync", waits.append)
    with opened(tmp_path) as journal:
        journal.write_all("asking", ({"id": number} for number in range(3)))
        journal.write_all("asking", ())
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [(line["event"], line["id"]) for line in lines] == [("asking", 0), ("asking", 1), ("asking", 2)]
    assert len(waits) == 1
