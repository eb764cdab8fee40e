"""The guard's decisions, with clocks that the test owns. No machine is needed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "ansible/roles/base/files/chi_lab_guard.py"


def _load():
    spec = importlib.util.spec_from_file_location("chi_lab_guard", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


guard = _load()
DEADLINE = datetime(2026, 1, 30, 0, 55, tzinfo=UTC)
NEVER = Path("/nowhere")


def settings(**changes):
    found = {
        "lab": "hello", "owner": "student1", "deadline": DEADLINE.isoformat(), "warn": [3600, 900],
        "zone": "America/New_York", "advice": "Save your work.",
    }  # fmt: skip
    return {**found, **changes}


class Node:
    """A node's clocks, and the guard's files on it; `said` and `off` are what the guard did."""

    def __init__(self, folder: Path, now: datetime, **changes):
        self.now, self.second = now, 1000.0
        self.folder = folder
        self.said_file, self.off_file = folder / "said", folder / "off"
        self.said_file.touch()
        self.write(**changes)
        self.boot()

    def write(self, **changes):
        (self.folder / "settings.json").write_text(json.dumps(settings(**changes)))

    def boot(self):
        """(Re)start the guard; the memory's file stays."""
        self.guard = guard.Guard(
            self.folder / "settings.json", self.folder / "memory.json", self.folder / "motd",
            wall=("sh", "-c", f"tr '\\n' ' ' >> {self.said_file}; echo >> {self.said_file}"),
            power_off=("touch", str(self.off_file)),
            now=lambda: self.now, second=lambda: self.second,
        )  # fmt: skip

    def pass_time(self, span: timedelta):
        """Let the guard run for `span`, sleeping as it asks to."""
        left = span.total_seconds()
        while left > 0:
            step = min(left, self.guard.turn())
            self.now += timedelta(seconds=step)
            self.second += step
            left -= step

    @property
    def said(self):
        return self.said_file.read_text().splitlines()

    @property
    def off(self):
        return self.off_file.exists()


def test_a_whole_life_warns_at_each_mark_once_and_powers_off_at_the_deadline(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=2))
    node.pass_time(timedelta(minutes=59, seconds=50))
    assert node.said == []
    node.pass_time(timedelta(minutes=1))
    assert [line[:28] for line in node.said] == ["Lab hello: 1 h 00 min left. "]
    assert "Thu 2026-01-29 19:55 EST (2026-01-30 00:55 UTC)" in node.said[0]
    assert "Save your work." in node.said[0]
    node.pass_time(timedelta(minutes=58))
    assert [line[11:21] for line in node.said] == ["1 h 00 min", "15 min lef"]
    node.pass_time(DEADLINE - node.now - timedelta(seconds=1))
    assert "powers off in 60 seconds" in node.said[2]
    assert not node.off
    node.pass_time(timedelta(seconds=3))
    assert node.off
    assert len(node.said) == 3


def test_power_off_comes_within_two_seconds_of_the_deadline(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(minutes=30))
    while not node.off:
        node.pass_time(timedelta(seconds=0.5))
    assert timedelta(0) <= node.now - DEADLINE <= timedelta(seconds=2)


def test_a_deadline_in_the_past_powers_off_only_after_a_notice_of_a_minute(tmp_path):
    node = Node(tmp_path, DEADLINE + timedelta(days=3))
    node.pass_time(timedelta(seconds=59))
    assert not node.off
    assert len(node.said) == 1
    node.pass_time(timedelta(seconds=3))
    assert node.off


def test_a_restart_neither_repeats_a_warning_nor_forgets_the_deadline(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(minutes=50))
    node.pass_time(timedelta(minutes=1))
    assert len(node.said) == 1
    node.boot()
    node.pass_time(timedelta(minutes=1))
    assert len(node.said) == 1
    node.now = DEADLINE + timedelta(minutes=5)  # switched off in between
    node.second = 3.0
    node.boot()
    node.pass_time(timedelta(seconds=58))
    assert not node.off
    node.pass_time(timedelta(seconds=5))
    assert node.off


def test_marks_that_passed_unseen_are_said_as_one_warning(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(minutes=10))
    node.pass_time(timedelta(minutes=5))
    assert len(node.said) == 1
    assert "10 min left" in node.said[0]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"deadline": "soon"}', '{"deadline": "2026-01-30T00:55:00"}', '{"deadline": null}',
     '{"deadline": "2026-01-30T00:55:00Z", "warn": ["x"]}', '{"deadline": "2026-01-30T00:55:00Z", "warn": [0]}'],
)  # fmt: skip
def test_settings_that_cannot_be_understood_keep_the_node_running(tmp_path, text, capsys):
    node = Node(tmp_path, DEADLINE + timedelta(hours=1))
    (tmp_path / "settings.json").write_text(text)
    node.pass_time(timedelta(minutes=10))
    assert not node.off
    assert node.said == []
    assert capsys.readouterr().err.count("keeps running") == 1


def test_missing_settings_keep_the_node_running_and_its_login_message_goes(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=3))
    node.pass_time(timedelta(seconds=5))
    assert (tmp_path / "motd").exists()
    (tmp_path / "settings.json").unlink()
    node.now = DEADLINE + timedelta(hours=1)
    node.pass_time(timedelta(minutes=10))
    assert not node.off
    assert not (tmp_path / "motd").exists()


def test_settings_lost_in_the_last_minute_take_the_notice_back(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(seconds=50))
    node.pass_time(timedelta(seconds=20))
    (tmp_path / "settings.json").unlink()
    node.pass_time(timedelta(minutes=5))
    node.write()
    node.pass_time(timedelta(seconds=59))
    assert not node.off


def test_a_clock_that_jumps_ahead_and_is_put_right_costs_nobody_anything(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=3))
    node.pass_time(timedelta(minutes=1))
    node.now += timedelta(days=400)
    node.pass_time(timedelta(minutes=14))
    assert "The clock jumped ahead" in node.said[-1]
    node.now -= timedelta(days=400)
    node.pass_time(timedelta(minutes=5))
    assert "put right" in node.said[-1]
    assert not node.off
    node.pass_time(DEADLINE - node.now - timedelta(minutes=14))
    assert [line[11:21] for line in node.said[-2:]] == ["1 h 00 min", "15 min lef"]


def test_a_clock_that_jumped_ahead_and_stays_there_is_believed_after_a_quarter_of_an_hour(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=3))
    node.pass_time(timedelta(minutes=1))
    node.now += timedelta(hours=5)
    node.pass_time(timedelta(seconds=895))
    assert not node.off
    assert len(node.said) == 1
    node.pass_time(timedelta(seconds=20))
    assert node.off


def test_a_clock_that_jumps_ahead_to_shortly_before_the_deadline_delays_the_power_off(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=3))
    node.pass_time(timedelta(minutes=1))
    node.now = DEADLINE - timedelta(seconds=50)
    node.pass_time(timedelta(minutes=14))
    assert not node.off
    node.pass_time(timedelta(minutes=2))
    assert node.off


def test_a_clock_that_jumps_ahead_over_a_mark_warns_again_at_the_true_time(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=3))
    node.now += timedelta(hours=2, minutes=5)
    node.pass_time(timedelta(seconds=15))
    node.now -= timedelta(hours=2, minutes=5)
    node.pass_time(timedelta(hours=2, minutes=30))
    assert len(node.said) == 2


def test_a_small_correction_of_the_clock_does_not_repeat_a_warning(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(minutes=60))
    node.pass_time(timedelta(seconds=5))
    node.now -= timedelta(seconds=30)
    node.pass_time(timedelta(minutes=5))
    assert len(node.said) == 1


def test_a_deadline_made_shorter_is_obeyed_and_warned_of(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=3))
    node.pass_time(timedelta(minutes=1))
    soon = node.now + timedelta(minutes=14)
    node.write(deadline=soon.isoformat())
    node.pass_time(timedelta(minutes=2))
    assert ["14 min left" in line for line in node.said] == [True]
    while not node.off:
        node.pass_time(timedelta(seconds=1))
    assert abs(node.now - soon) <= timedelta(seconds=12)


def test_a_deadline_moved_away_in_the_last_minute_takes_the_notice_back(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(seconds=40))
    node.pass_time(timedelta(seconds=20))
    node.write(deadline=(DEADLINE + timedelta(hours=2)).isoformat())
    node.pass_time(timedelta(minutes=30))
    assert not node.off


def test_a_power_off_that_fails_is_tried_again(tmp_path, capsys):
    node = Node(tmp_path, DEADLINE - timedelta(seconds=30))
    node.guard.power_off = ("false",)
    node.pass_time(timedelta(seconds=100))
    assert capsys.readouterr().err.count("power-off failed") >= 2


def test_a_wall_that_fails_does_not_stop_the_guard(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(minutes=20))
    node.guard.wall = ("no-such-program",)
    node.pass_time(timedelta(minutes=21))
    assert node.off


def test_a_memory_that_cannot_be_written_does_not_repeat_the_warning(tmp_path):
    (tmp_path / "memory.json").mkdir()  # not a file: cannot be read, nor replaced
    node = Node(tmp_path, DEADLINE - timedelta(minutes=20))
    node.pass_time(timedelta(minutes=3))
    assert len(node.said) == 1


def test_the_login_message_follows_the_time_left(tmp_path):
    node = Node(tmp_path, DEADLINE - timedelta(hours=5, minutes=12))
    node.pass_time(timedelta(seconds=1))
    text = (tmp_path / "motd").read_text()
    for part in (
        "hello",
        "student1",
        "Thu 2026-01-29 19:55 EST (2026-01-30 00:55 UTC)",
        "5 h 12 min left",
        "Save",
    ):
        assert part in text
    node.pass_time(timedelta(minutes=2))
    assert "5 h 10 min left" in (tmp_path / "motd").read_text()


def test_an_unknown_zone_leaves_the_deadline_in_utc():
    found = guard.parse(json.dumps(settings(zone="Nowhere/At_All")))
    assert guard.instants(found) == "2026-01-30 00:55 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 min"), (61, "1 min"), (3599, "1 h 00 min"), (18720, "5 h 12 min")]
)
def test_spans_read_as_people_say_them(seconds, text):
    assert guard.span(seconds) == text


def test_the_command_line_checks_a_file_and_shows_the_time_left(tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(settings(deadline="2096-01-30T00:55:00Z")))
    bad.write_text("{}")
    run = [sys.executable, str(SCRIPT)]
    assert subprocess.run([*run, "check", good], check=False).returncode == 0
    refused = subprocess.run([*run, "check", bad], check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "not understood" in refused.stderr
    shown = subprocess.run([*run, "status", good], check=True, capture_output=True, text=True)
    assert "2096-01-30 00:55 UTC" in shown.stdout
