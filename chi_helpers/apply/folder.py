"""The folder in which the kit remembers one lab of one owner at one site: journal, lock, host keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chi_helpers.config.state import state_folder

if TYPE_CHECKING:
    from pathlib import Path


def lab_folder(lab: str, owner: str, site: str, start: Path) -> Path:
    """`<state>/labs/<lab>-<owner>@<site>`, made 0700 where it is missing. Names were checked before.

    `start` is the folder of the lab's file: commands typed anywhere share one lock and the keys.
    """
    folder = state_folder(os.environ, start) / "labs" / f"{lab}-{owner}@{site}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
