"""A nightly part waits for its tests' own end, says what it tested, and writes a log where it was run as a whole."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SLOW_END = """
import pathlib, time, pytest
@pytest.fixture(scope="session", autouse=True)
def started():
    pathlib.Path("started").touch()
    yield
    time.sleep(1)
    pathlib.Path("ended").touch()
def test_it(): time.sleep(60)
"""
INTERRUPTED = 130


@pytest.fixture(scope="module")
def nightly():
    sys.path.insert(0, str(TOP / "scripts"))
    try:
        yield importlib.import_module("nightly")
    finally:
        sys.path.remove(str(TOP / "scripts"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_an_interrupted_part_waits_until_its_tests_have_taken_down_what_they_started(tmp_path, sent):
    """SIGINT goes to all, as a terminal sends it; SIGTERM to the part alone."""
    (tmp_path / "test_slow.py").write_text(SLOW_END)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_slow.py"]
    script = (
        f"import sys; sys.path.insert(0, {str(TOP / 'scripts')!r}); import nightly, pathlib\n"
        f"nightly.TOP = pathlib.Path({str(tmp_path)!r})\n"
        f"try: nightly.waited({words!r}, '.')\n"
        f"except KeyboardInterrupt: sys.exit({INTERRUPTED})\n"
    )
    plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    part = subprocess.Popen([sys.executable, "-c", script], env=plain, start_new_session=True)
    end = time.monotonic() + 60
    while not (tmp_path / "started").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    if sent == signal.SIGINT:
        os.killpg(part.pid, sent)
    else:
        part.send_signal(sent)
    assert part.wait(timeout=60) == INTERRUPTED
    assert (tmp_path / "ended").exists()


def test_words_are_passed_on_and_no_log_is_written(nightly, tmp_path, monkeypatch):
    ran = []

    def waited(command, folder):
        ran.append((folder, command))
        return 0

    monkeypatch.setattr(nightly, "waited", waited)
    monkeypatch.setattr(nightly, "record", lambda *_: pytest.fail("a look at something was recorded"))
    monkeypatch.setattr(sys, "argv", ["nightly.py", "lab", "-k", "one"])
    assert nightly.main() == 0
    [(folder, command)] = ran
    assert folder == "."
    assert command[-2:] == ["-k", "one"]


def test_the_pipeline_s_part_is_its_project_s_slow_tests(nightly, monkeypatch):
    ran = []
    monkeypatch.setattr(nightly, "waited", lambda command, folder: ran.append((folder, command)))
    monkeypatch.setattr(nightly, "record", lambda *_: None)
    monkeypatch.setattr(nightly, "python_of", lambda _: Path(sys.executable))
    nightly.run_part("pipeline", ["-x"])
    [(folder, command)] = ran
    assert folder == "pipeline"
    assert command[-3:] == ["-m", "slow", "-x"]


def test_a_part_whose_project_is_not_set_up_is_refused_before_anything_runs(
    nightly, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(nightly, "waited", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(nightly, "TOP", tmp_path)
    assert nightly.run_part("lab", []) == 2
    assert "run `make setup`" in capsys.readouterr().err


def test_a_report_that_is_cut_off_is_a_failed_run_with_a_log(nightly, tmp_path, monkeypatch):
    def killed(command, _):
        report = next(word for word in command if word.startswith("--junitxml="))
        Path(report.partition("=")[2]).write_text("<testsuites>")
        return 0

    recorded = []
    monkeypatch.setattr(nightly, "waited", killed)
    monkeypatch.setattr(nightly, "record", lambda run, _: recorded.append(run))
    monkeypatch.setattr(nightly, "python_of", lambda _: Path(sys.executable))
    monkeypatch.setattr(nightly, "TOP", tmp_path)
    assert nightly.run_part("lab", []) == 1
    assert recorded[0].code == 1


def test_a_log_says_what_failed_and_what_took_long(nightly):
    cases = (nightly.Case("a::one", 12.3, "passed"), nightly.Case("a::two", 0.4, "failed"))
    began = datetime(2026, 12, 1, tzinfo=UTC)
    run = nightly.Run("cluster", "1234567-dirty", began, 90.0, 1, cases)
    text = nightly.text_of(run, ["a::one took 12 s, 1 s before"])
    assert "The stack over three nodes, with Ray." in text
    assert "Commit 1234567-dirty, Python" in text
    assert "**1 passed, 1 failed, 0 skipped** in 1.5 minutes, exit code 1." in text
    assert "- failed: `a::two`\n- slower: a::one took 12 s, 1 s before\n" in text
    assert text.endswith("| 12 | `a::one` |\n")
