"""Everything of one project at one site at one instant, as plain values: what the reaper judges.

A `Resource` says what it is, who made it, when, what it carries, and how it hangs together with others. A
fact that the site did not tell is None (or named in `unclear`), never a guess: the judge keeps what it does
not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from chi_helpers.model.stamp import Stamp


class Kind(StrEnum):
    """What a lab can leave behind. The words are those that people read."""

    LEASE = "lease"
    INSTANCE = "instance"
    FLOATING_IP = "floating IP"
    PORT = "port"
    VOLUME = "volume"
    SNAPSHOT = "volume snapshot"
    IMAGE = "image"
    NETWORK = "network"
    SUBNET = "subnet"
    ROUTER = "router"
    GROUP = "security group"
    KEY_PAIR = "key pair"
    CONTAINER = "object container"

    # An enumeration's own is written in Python, and refs are looked up by the hundred thousand.
    __hash__ = str.__hash__


class Ref(NamedTuple):
    """Names one resource: its kind, and the id that its service gave it.

    A key pair's id is `<user id>/<name>`, a container's is its name; all others have UUIDs.
    """

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the project. Times are aware and UTC; None where the site does not tell."""

    kind: Kind
    id: str
    name: str
    status: str = ""
    """The service's own word."""
    user_id: str | None = None
    """Who made it. Neutron does not know."""
    created: datetime | None = None
    stamp: Stamp | None = None
    stamp_fault: str = ""
    """A stamp is there and cannot be read: why. Then nothing is known of it."""
    mark: Mark | None = None
    """The reaper's own note on what a dying resource left behind."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What people wrote on it, where its kind has metadata; may name the owner."""
    start: datetime | None = None
    end: datetime | None = None
    """A lease's."""
    locked: bool | None = False
    """Nova's lock; Glance's `protected`."""
    revision: int | None = None
    """Neutron's revision number, for If-Match."""
    fixed: str = ""
    """Why it is not the project's to delete: "Blazar holds it", "the project's default group" ..."""
    takes: tuple[Ref, ...] = ()
    """What the site deletes along with it: a lease its instances, an instance the ports that Nova made."""
    needs: tuple[Ref, ...] = ()
    """What must not go while this stays: a port its network, its groups, the floating IP bound to it."""
    unclear: tuple[str, ...] = ()
    """Which of its ties the site did not tell, in sentences. It is kept then, and so is what it may need."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Enough to make it again; JSON's own types. For the manifest."""

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.id)


@dataclass(frozen=True, slots=True)
class Mark:
    """Written on what outlives a dying root, before the root goes: the cloud is the write-ahead log."""

    root: Ref
    owner: str
    lab: str
    deadline: datetime


class Seen(StrEnum):
    """How a kind was looked at."""

    FULLY = "listed"
    ABSENT = "no service"
    """The site's catalog has no service for it: there can be none."""
    FAILED = "not listed"
    """The listing failed or is not complete: nothing that may hang on it is known."""


@dataclass(frozen=True, slots=True)
class Listing:
    seen: Seen
    why: str = ""
    """The error, or the service that is not there."""
    requests: int = 0


@dataclass(frozen=True)
class Inventory:
    """What of one project the site showed at `at` (the site's own clock)."""

    site: str
    project_id: str
    project: str
    """The project's name."""
    at: datetime
    skew: timedelta = timedelta(0)
    """This machine's clock minus the site's."""
    viewer: str = ""
    """User id of who looked: never delete what the looking itself needs."""
    administrator: bool = False
    resources: tuple[Resource, ...] = ()
    listings: Mapping[Kind, Listing] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    """User id -> user name, where the site tells (administrators only)."""

    @cached_property
    def by_ref(self) -> dict[Ref, Resource]:
        return {resource.ref: resource for resource in self.resources}

    def complete(self, kind: Kind) -> bool:
        """Whether all of this kind that there are were seen."""
        listing = self.listings.get(kind)
        return listing is not None and listing.seen is not Seen.FAILED
