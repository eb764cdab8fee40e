"""What the kit and the reaper wrote on a resource: stamps and marks, wherever its kind has room for them.

Kinds with metadata (instances, volumes, snapshots), images (as properties) and containers (as headers) keep
a note as keys and values; Neutron's kinds keep the stamp in their description and the mark as a tag. What
looks like a note and cannot be read is a fault, never "no note".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, unquote

from chi_helpers.model import stamp as stamps
from chi_helpers.model.inventory import Kind, Mark, Ref
from chi_helpers.model.stamp import LAB, OWNER, Stamp

MARK = "chi_lab_mark"
"""Key of the reaper's mark in metadata."""
MARK_TAG = "chi-lab-mark:"
"""Beginning of the tag that is the reaper's mark. Neutron allows 255 characters (extensions/tagging.py)."""
CONTAINER = "x-container-meta-"
_INSTANT = "%Y%m%dT%H%M%SZ"
_PARTS = 5


class Notes(NamedTuple):
    """What is written on one resource."""

    stamp: Stamp | None = None
    fault: str = ""
    mark: Mark | None = None


def of_metadata(metadata: Mapping[str, str]) -> Notes:
    """Read the notes among a resource's keys and values.

    `delete_at` alone is no stamp: python-chi's documentation tells people to set it.
    """
    stamp = stamps.from_metadata(metadata)
    fault = ""
    if stamp is None and (OWNER in metadata or LAB in metadata):
        fault = "its metadata has keys of a stamp, and the stamp cannot be read"
    mark, mark_fault = _marks([metadata[MARK]] if MARK in metadata else [])
    return Notes(stamp, fault or mark_fault, mark)


def of_description(description: str | None, tags: Iterable[str]) -> Notes:
    """Read the notes in a description and among tags."""
    stamp = stamps.from_description(description)
    fault = ""
    if stamp is None and re.match(r"\s*chi-lab(\s|$)", description or ""):
        fault = "its description begins like a stamp, and the stamp cannot be read"
    found = [tag.removeprefix(MARK_TAG) for tag in tags if tag.startswith(MARK_TAG)]
    mark, mark_fault = _marks(found)
    return Notes(stamp, fault or mark_fault, mark)


def write(mark: Mark) -> str:
    """Put a mark into one line: kind, id, owner, lab and deadline, between colons."""
    words = (mark.root.kind.name.lower(), mark.root.id, mark.owner, mark.lab)
    return ":".join((*(quote(word, safe="@") for word in words), utc(mark.deadline).strftime(_INSTANT)))


def read(text: str) -> Mark | None:
    """Read the mark that `write` wrote; None where it cannot be read."""
    parts = text.split(":")
    if len(parts) != _PARTS:
        return None
    kind, root, owner, lab = (unquote(part) for part in parts[:4])
    try:
        deadline = datetime.strptime(parts[4], _INSTANT).replace(tzinfo=UTC)
        found = Mark(Ref(Kind[kind.upper()], root), owner, lab, deadline)
    except (KeyError, ValueError):
        return None
    return found if root and owner and lab else None


def utc(instant: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError where it has no time zone."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant without a time zone: {instant}")
    return instant.astimezone(UTC)


def to_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Put keys and values into a container's headers, which know neither `_` nor letters beyond ASCII."""
    return {
        f"X-Container-Meta-{key.replace('_', '-').title()}": quote(value, safe=" :@+,/=")
        for key, value in metadata.items()
    }


def from_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Read the keys and values in a container's headers: keys in small letters, with `_`."""
    return {
        name.lower().removeprefix(CONTAINER).replace("-", "_"): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith(CONTAINER)
    }


def _marks(texts: list[str]) -> tuple[Mark | None, str]:
    """Pick the one mark that counts; where several of one owner are there, that with the latest deadline."""
    marks = [mark for mark in map(read, texts) if mark is not None]
    if len(marks) < len(texts):
        return None, "it carries a mark of the reaper that cannot be read"
    if len({(mark.owner, mark.lab) for mark in marks}) > 1:
        return None, "it carries marks of the reaper for different owners or labs"
    return max(marks, key=lambda mark: mark.deadline, default=None), ""
