"""The folder in which the kit remembers one lab of one owner at one site: journal, lock, host keys."""

from __future__ import annotations

import os
from pathlib import Path

from chi_helpers.config.state import state_folder


def lab_folder(lab: str, owner: str, site: str) -> Path:
    """`<state>/labs/<lab>-<owner>@<site>`, made 0700 where it is missing. Names were checked before."""
    folder = state_folder(os.environ, Path.cwd()) / "labs" / f"{lab}-{owner}@{site}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
