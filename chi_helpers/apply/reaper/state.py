"""Where the reaper keeps what it must remember: `<state>/reaper/<lab>@<site>/<project id>/`.

`memory.json` (what was seen and warned of), `journal.jsonl`, `last.json` (how the last run went), `lock`, and
`manifests/`. To lose all of it delays deletions and adds none.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from chi_helpers.apply.reaper import last
from chi_helpers.apply.reaper.files import replace_file
from chi_helpers.config.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chi_helpers.model.lab import LabSpec

MANIFESTS = "manifests"
_STAFF = "staff.sha256"


def reaper_folder(spec: LabSpec) -> Path:
    return state_folder(os.environ, spec.source.resolve().parent) / "reaper"


def project_folder(spec: LabSpec, project_id: str) -> Path:
    """The folder of one project at `spec.site`, made 0700 where it is missing. Raises `OSError`."""
    folder = reaper_folder(spec) / f"{spec.lab}@{spec.site}" / project_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def last_runs(spec: LabSpec, projects: Sequence[str] = ()) -> list[last.LastRun]:
    """How the last run went on every project of this lab that was ever reaped from here, at any site.

    `projects` (names or ids) chooses among them; empty: all.
    """
    files = sorted(reaper_folder(spec).glob(f"{spec.lab}@*/*/{last.NAME}"))
    runs = [run for file in files if (run := last.load(file)) is not None]
    return [run for run in runs if not projects or {run.project, run.project_id} & set(projects)]


def told_already(spec: LabSpec, text: str) -> bool:
    """Whether the last thing that staff were told was this text; from now on it is."""
    file = reaper_folder(spec) / f"{spec.lab}.{_STAFF}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    with suppress(OSError, ValueError):
        if file.read_text(encoding="ascii").strip() == digest:
            return True
    with suppress(OSError):  # Then they are told again: better twice than never.
        replace_file(file, f"{digest}\n")
    return False
