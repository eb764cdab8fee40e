"""The journal: what was planned and begun, and what became of it. A JSON object a line, safe on the disk."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

NAME = "journal.jsonl"


def _clock() -> datetime:
    return datetime.now(UTC)


class Journal:
    """Appends to `journal.jsonl` in a lab's folder (0600): ids, names, times and sentences, no secrets."""

    def __init__(self, descriptor: int, clock: Callable[[], datetime] = _clock) -> None:
        self._descriptor = descriptor
        self._clock = clock

    def write(self, event: str, **what: Any) -> None:
        """Append `{"at": ..., "event": event, ...}` and wait until it is on the disk."""
        self.write_all(event, (what,))

    def write_all(self, event: str, entries: Iterable[Mapping[str, Any]]) -> None:
        """Append one line for each of `entries`, and wait once until all of them are on the disk."""
        at = self._clock().isoformat(timespec="milliseconds")
        lines = "".join(
            json.dumps({"at": at, "event": event, **entry}, ensure_ascii=False, default=str) + "\n"
            for entry in entries
        )
        if lines:
            # One write: O_APPEND keeps lines whole even if two processes write.
            os.write(self._descriptor, lines.encode())
            os.fsync(self._descriptor)


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield Journal(descriptor)
    finally:
        os.close(descriptor)
