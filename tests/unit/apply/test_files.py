"""A lab's folder, its lock and its journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from chi_helpers.apply.folder import lab_folder
from chi_helpers.apply.journal import NAME, Journal, opened
from chi_helpers.apply.lock import BusyLabError, held
from tests.support.fake_site import NOW


def test_a_lab_s_folder_is_its_owner_s_alone_and_named_after_lab_owner_and_site(tmp_path, monkeypatch):
    monkeypatch.setenv("CHI_LAB_STATE", str(tmp_path / "a" / "state"))
    found = lab_folder("hello", "sam", "CHI@Fake", start=tmp_path)
    assert found == tmp_path / "a" / "state" / "labs" / "hello-sam@CHI@Fake"
    assert found.stat().st_mode & 0o777 == 0o700
    assert lab_folder("hello", "sam", "CHI@Fake", start=tmp_path) == found


class TestJournal:
    def test_a_second_run_adds_to_what_the_first_wrote(self, tmp_path):
        for step in ("one", "zwölf"):
            with opened(tmp_path) as journal:
                journal.write("started", step=step, at_all=NOW)
        file = tmp_path / NAME
        assert file.stat().st_mode & 0o777 == 0o600
        entries = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        assert [(e["event"], e["step"], e["at_all"]) for e in entries] == [
            ("started", "one", str(NOW)),
            ("started", "zwölf", str(NOW)),
        ]
        assert "zwölf" in file.read_text("utf-8")
        for entry in entries:
            at = datetime.fromisoformat(entry["at"])
            assert at.utcoffset() == datetime.now(UTC).utcoffset()
            assert abs((datetime.now(UTC) - at).total_seconds()) < 60

    def test_many_entries_are_one_write_that_is_on_the_disk(self, tmp_path, monkeypatch):
        calls: list[int] = []
        monkeypatch.setattr(os, "fsync", calls.append)
        descriptor = os.open(tmp_path / "j", os.O_WRONLY | os.O_CREAT)
        journal = Journal(descriptor, clock=lambda: NOW)
        journal.write_all("kept", [])
        assert calls == []
        journal.write_all("kept", [{"id": 1}, {"id": 2}])
        assert calls == [descriptor]
        at = "2026-03-02T15:00:20.000+00:00"
        lines = (tmp_path / "j").read_text().splitlines()
        assert [json.loads(line) for line in lines] == [{"at": at, "event": "kept", "id": n} for n in (1, 2)]

    def test_it_is_closed_on_the_way_out_and_not_inherited(self, tmp_path):
        with opened(tmp_path) as journal:
            assert not os.get_inheritable(journal._descriptor)
        with pytest.raises(OSError, match="Bad file descriptor"):
            journal.write("late")


HOLD = """
import pathlib, sys
from chi_helpers.apply.lock import held
with held(pathlib.Path(sys.argv[1]), "down"):
    print("held", flush=True)
    sys.stdin.read()
"""


class TestLock:
    def test_another_process_is_told_by_its_number_and_command(self, tmp_path):
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)], stdin=-1, stdout=-1, text=True
        ) as other:
            assert other.stdout
            assert other.stdout.readline() == "held\n"
            said = rf"Another chi-lab works on this lab: process {other.pid} \(`down`, since 2\d{{3}}-.*\+00:00\)"
            with pytest.raises(BusyLabError, match=said) as error, held(tmp_path, "up"):
                pytest.fail("two hold it")
            assert error.value.do
            written = json.loads((tmp_path / "lock").read_text())
            assert written.keys() == {"pid", "what", "since", "program"}
            assert written["program"] == "-c"
            other.kill()
        with held(tmp_path, "up"):
            assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 7}'])
    def test_a_holder_that_has_not_written_yet_is_told_as_one_that_has_just_begun(self, tmp_path, text):
        with held(tmp_path, "up"):
            (tmp_path / "lock").write_text(text)
            with pytest.raises(BusyLabError, match="a process that has just begun"), held(tmp_path, "up"):
                pytest.fail("two hold it")

    def test_what_a_longer_name_left_is_cut_off(self, tmp_path):
        (tmp_path / "lock").write_text("x" * 500)
        with held(tmp_path, "up"):
            assert json.loads((tmp_path / "lock").read_text())["what"] == "up"
            assert (tmp_path / "lock").stat().st_size < 500

    def test_it_is_free_after_a_failure_and_not_inherited(self, tmp_path):
        with pytest.raises(RuntimeError), held(tmp_path, "up"):
            raise RuntimeError
        with held(tmp_path, "up"):
            pass

    def test_the_file_is_its_owner_s_alone(self, tmp_path):
        with held(tmp_path, "up"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
