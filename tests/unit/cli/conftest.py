"""Run the command line as a process: what a shell sees is what is tested."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's own matters."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(TOP),
        "HOME": str(tmp_path),
        "CHI_LAB_STATE": str(tmp_path / "state"),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
    }


@pytest.fixture
def sample(environ: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`sample(*args)`: run chi-lab with the sample commands, in an empty folder."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tests.unit.cli.sample", *args],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=tmp_path,
            env=environ,
        )

    return run
