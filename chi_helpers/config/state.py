"""Where the kit keeps what it must remember: journals, logs, known host keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LAB_FILE = "reservation.yaml"


def state_folder(environ: Mapping[str, str], here: Path) -> Path:
    """Find the folder, which need not exist yet.

    $CHI_LAB_STATE; else `.chi-lab` beside the nearest reservation.yaml at or above `here`; else `chi-lab` in
    $XDG_STATE_HOME or ~/.local/state.
    """
    if chosen := environ.get("CHI_LAB_STATE"):
        return Path(chosen).expanduser().absolute()
    for folder in (here, *here.parents):
        if (folder / LAB_FILE).is_file():
            return folder / ".chi-lab"
    base = environ.get("XDG_STATE_HOME") or (Path(environ.get("HOME") or "~") / ".local/state").expanduser()
    return Path(base) / "chi-lab"
