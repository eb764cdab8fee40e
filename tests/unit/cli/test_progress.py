"""Progress: live on a terminal, one line a step elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest
from rich.console import Console

from chi_helpers.cli.progress import OnTerminal, elapsed
from chi_helpers.model.outcome import Outcome, Result


def test_without_a_terminal_each_step_is_one_line(sample):
    """When it ends, with what became of it and how long it took; stdout stays empty."""
    done = sample("steps")
    lines = [re.sub(r"\d+\.\d s", "N s", line) for line in done.stderr.splitlines()]
    assert lines == [
        "done: Reserve: lease [hello] (N s)",
        "already so: Open port 22",
        "failed: Launch: No valid host. (N s)",
    ]
    assert done.stdout == ""


def on_a_terminal(environ, folder):
    """What `steps` writes to a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.cli.sample", "steps"],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**environ, "TERM": "xterm-256color"},
        cwd=folder,
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
    assert child.wait(timeout=30) == 0
    return written.decode()


def test_a_terminal_shows_steps_that_are_under_way(environ, tmp_path):
    """With their note and the time so far; ended steps stay, in colour."""
    text = on_a_terminal(environ, tmp_path)
    assert "waits for Blazar" in text
    assert re.search(r"\x1b\[32m✓ \x1b\[0mReserve", text)
    assert "lease [hello]" in text  # square brackets are not markup
    assert "\x1b[?25h" in text  # the cursor is shown again


def test_no_color_is_honoured(environ, tmp_path):
    """https://no-color.org: NO_COLOR takes the colours away, and nothing else."""
    text = on_a_terminal({**environ, "NO_COLOR": "1"}, tmp_path)
    assert "✓ Reserve" in re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)


def test_a_terminal_without_unicode_gets_ascii():
    """No question marks where the signs should be."""
    raw = io.BytesIO()
    console = Console(
        file=io.TextIOWrapper(raw, encoding="ascii"), force_terminal=True, width=80, color_system=None
    )
    shown = OnTerminal(console)
    for result in Result:
        shown.finished(Outcome("Step", result))
    console.file.flush()
    assert raw.getvalue().decode("ascii").splitlines() == ["+ Step", "= Step", "- Step", "x Step", "x Step"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (3.25, "3.2 s"), (59.94, "59.9 s"), (65, "1 min 05 s")]
)
def test_elapsed(seconds, text):
    """Tenths of seconds as long as they matter."""
    assert elapsed(seconds) == text
