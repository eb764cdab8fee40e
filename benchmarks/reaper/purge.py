"""ospurge 2.0.0 in a virtual environment of its own: its libraries are older than the kit's."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

_WANTED = ("ospurge==2.0.0", "openstacksdk<1", "setuptools<81", "six")
"""shade, which it is written with, needs an openstacksdk of its time, pkg_resources, and a six that nobody
declares."""


class NotInstalledError(Exception):
    """It cannot be installed or does not start; the message says what it said."""


def ensure(state: Path) -> str:
    """Path of its program, installed where it is not yet. Raises NotInstalledError."""
    folder = state / "ospurge"
    program = folder / "bin" / "ospurge"
    if not program.exists():
        venv.create(folder, with_pip=True)
        _run([str(folder / "bin" / "pip"), "install", "--quiet", *_WANTED])
    _run([str(program), "--help"])
    return str(program)


def home(state: Path) -> Path:
    """The folder that its package lies in."""
    return next((state / "ospurge").glob("lib/python*/site-packages"))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotInstalledError(
            f"{Path(command[0]).name} on Python {sys.version.split()[0]}: {' '.join(last)}"
        )
