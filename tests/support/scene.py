"""Scenes for the reaper: things of every kind in a project, each with the fate that it is to have, and why.

Half are to go and half to stay, and each stays for a reason of its own. The fates are written down here by
hand, next to each creation, from what docs/explanation/lifetime.md promises; nothing of the kit is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.classroom import Classroom

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Thing:
    """One resource. `kind` is a key of `listing.LISTED`."""

    kind: str
    id: str
    name: str
    goes: bool
    why: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name or self.id} ({self.why})"


@dataclass
class Scene:
    """What was made in a classroom, and what is to become of it."""

    room: Classroom
    things: list[Thing] = field(default_factory=list)
    trimmed: dict[str, datetime] = field(default_factory=dict)
    """Leases that stay, and when the reaper has to let them end."""
    late: list[tuple[str, str]] = field(default_factory=list)
    """(kind, id) of what the reaper has to have seen only a moment ago."""
    lab: dict[str, Any] = field(default_factory=dict)
    """What the lab's file says of this scene."""

    def goes(self, kind: str, identifier: str, name: str, why: str) -> None:
        self.things.append(Thing(kind, identifier, name, True, why))

    def stays(self, kind: str, identifier: str, name: str, why: str) -> None:
        self.things.append(Thing(kind, identifier, name, False, why))

    def trim(self, lease: dict[str, Any], after: timedelta) -> None:
        """The lease has to end so long after its start."""
        start = datetime.fromisoformat(lease["start_date"]).replace(tzinfo=UTC)
        self.trimmed[lease["id"]] = start + after

    @property
    def going(self) -> set[tuple[str, str]]:
        return {(t.kind, t.id) for t in self.things if t.goes}

    @property
    def staying(self) -> set[tuple[str, str]]:
        return {(t.kind, t.id) for t in self.things if not t.goes}

    def named(self, keys: set[tuple[str, str]]) -> list[str]:
        """These things in words, for messages."""
        known = {(t.kind, t.id): str(t) for t in self.things}
        return sorted(known.get(key, f"{key[0]} {key[1]} (not of the scene)") for key in keys)

    def __iter__(self) -> Iterator[Thing]:
        return iter(self.things)


@dataclass
class Times:
    """Deadlines, from one instant on."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def past(self) -> datetime:
        """Long enough ago that no warning is needed: `reap.hard` is an hour."""
        return self.now - 3 * HOUR

    @property
    def recent(self) -> datetime:
        """Past the grace, but not past the hour without a warning."""
        return self.now - timedelta(minutes=12)

    @property
    def future(self) -> datetime:
        return self.now + 5 * HOUR
