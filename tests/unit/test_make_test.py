"""`scripts/test.sh` fails where one of its lanes fails, and leaves nothing behind when it is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

TOP = Path(__file__).parents[2]
KIT = f"""#!{sys.executable}
import os, pathlib, sys, time
if "pytest" not in sys.argv: sys.exit()
try:
    pathlib.Path("began").touch()
    time.sleep(float(os.environ.get("KIT_SECONDS", "0")))
except KeyboardInterrupt:
    time.sleep(0.5)
    pathlib.Path("taken-down").touch()
    sys.exit(2)
sys.exit(int(os.environ.get("KIT_CODE", "0")))
"""
PIPELINE = '#!/bin/sh\nsleep "${PIPELINE_SECONDS:-0}"; exit "${PIPELINE_CODE:-0}"\n'


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose programs are stand-ins."""
    programs = {
        "scripts/test.sh": (TOP / "scripts/test.sh").read_text(),
        "scripts/setup-pipeline.sh": "#!/bin/sh\n",
        ".venv/bin/python": KIT,
        "pipeline/.venv/bin/python": PIPELINE,
        "pipeline/.venv/bin/mypy": "#!/bin/sh\n",
        "bin/make": '#!/bin/sh\nexit "${LINT_CODE:-0}"\n',
    }
    for name, text in programs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def started(checkout: Path, **environment: str) -> subprocess.Popen[bytes]:
    assert shutil.which("bash")
    path = f"{checkout / 'bin'}:{os.environ['PATH']}"
    return subprocess.Popen(
        [checkout / "scripts/test.sh"],
        env={**os.environ, **environment, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, 0),
        ({"LINT_CODE": "3"}, 3),
        ({"KIT_CODE": "1"}, 1),
        ({"PIPELINE_CODE": "4"}, 4),
        ({"KIT_CODE": "1", "PIPELINE_CODE": "4"}, 1),
    ],
    ids=["all well", "lint", "kit", "pipeline", "both"],
)
def test_the_first_lane_that_fails_gives_the_exit_code(checkout, environment, code):
    assert started(checkout, **environment).wait(timeout=60) == code


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_stopped_it_waits_until_the_tests_have_taken_down_what_they_started_and_for_nothing_else(
    checkout, sent
):
    """A terminal sends SIGINT to all; SIGTERM comes to the script alone."""
    run = started(checkout, KIT_SECONDS="100", PIPELINE_SECONDS="100")
    end = time.monotonic() + 60
    while not (checkout / "began").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    children = psutil.Process(run.pid).children(recursive=True)
    if sent == signal.SIGINT:
        os.killpg(run.pid, sent)
    else:
        run.send_signal(sent)
    assert run.wait(timeout=60) == 130
    assert (checkout / "taken-down").exists()
    _, left = psutil.wait_procs(children, timeout=10)
    assert left == []
