"""The lab's own known_hosts file: host keys that the site vouched for, and no others."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

NAME = "known_hosts"


def keys_of(folder: Path, address: str, instance_id: str) -> tuple[str, ...]:
    """The keys (`type base64`) that were learnt for this instance at this address; empty where none were."""
    found = []
    for line in _lines(folder):
        words = line.split()
        # address type base64 instance
        if len(words) == 4 and (words[0], words[3]) == (address, instance_id):  # noqa: PLR2004
            found.append(" ".join(words[1:3]))
    return tuple(found)


def knows(file: Path, address: str) -> bool:
    """Whether the known_hosts file has a key for `address`, whatever machine was behind it."""
    return any(line.split()[:1] == [address] for line in _lines(file.parent))


def remember(folder: Path, address: str, instance_id: str, keys: tuple[str, ...]) -> Path:
    """Make `keys` the only ones for `address`: an address that is used again has another machine behind it.

    The instance's id stands as the comment. Returns the file (0600), which is replaced in one go.
    """
    kept = [line for line in _lines(folder) if line.split()[:1] != [address]]
    lines = [*kept, *(f"{address} {key} {instance_id}" for key in keys)]
    with NamedTemporaryFile("w", dir=folder, prefix=NAME, delete=False, encoding="utf-8") as new:
        new.write("".join(f"{line}\n" for line in lines))
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(folder / NAME)
    return folder / NAME


def forget(folder: Path, address: str) -> None:
    """Drop the keys of an address that was released."""
    if knows(folder / NAME, address):
        remember(folder, address, "", ())


def _lines(folder: Path) -> list[str]:
    file = folder / NAME
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
