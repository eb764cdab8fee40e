"""What the reaper remembers from run to run, in a file. To lose it delays deletions and adds none.

`chi_helpers.policy.memory` says what is remembered.

{"format": 1, "first_seen": [[kind, id, <UTC>], ...], "warned": [[kind, id, <UTC>], ...]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chi_helpers.apply.reaper.files import replace_file
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import Memory

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
NAME = "memory.json"


class Recalled(NamedTuple):
    memory: Memory
    fault: str = ""
    """Why the memory is empty although there is a file, for the report; empty where all is well."""


def load(file: Path) -> Recalled:
    """Read the memory; a file that is missing, or cannot be read whole, is no memory at all. Never raises.

    Half a memory is not used: an entry that was read wrongly could make a thing look older than it is.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}")  # noqa: TRY301 - one place says what is wrong
        return Recalled(Memory(_read(document["first_seen"]), _read(document["warned"])))
    except FileNotFoundError:
        return Recalled(Memory())
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Recalled(Memory(), f"{file} cannot be read ({error}): what was seen and warned is forgotten.")


def save(file: Path, memory: Memory) -> None:
    """Replace the file (0600) in one go. Raises `OSError`."""
    document = {"format": FORMAT, "first_seen": _write(memory.first_seen), "warned": _write(memory.warned)}
    replace_file(file, json.dumps(document, ensure_ascii=False, indent=0))


def _write(instants: Mapping[Ref, datetime]) -> list[list[str]]:
    return sorted([str(ref.kind), ref.id, at.astimezone(UTC).isoformat()] for ref, at in instants.items())


def _read(rows: Any) -> dict[Ref, datetime]:
    found = {}
    for kind, name, at in rows:
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None or not isinstance(name, str):
            raise ValueError(f"an instant without a time zone, or an id that is none: {kind} {name!r} {at}")
        found[Ref(Kind(kind), name)] = instant.astimezone(UTC)
    return found
