"""Look at one project of a site: every kind side by side, each with its own success or failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keystoneauth1.session import TCPKeepAliveAdapter

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Inventory, Kind, Listing, Seen
from chi_helpers.sites.clock import read_date
from chi_helpers.sites.inventory import compute, images, network, objects, reservations, service, volumes
from chi_helpers.sites.inventory.people import People
from chi_helpers.sites.inventory.service import AbsentError, Clock, Entry, Look, Service, Wanted
from chi_helpers.sites.inventory.world import World
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from chi_helpers.sites.session import Session

SERVICES: Mapping[Kind, Wanted] = {
    Kind.LEASE: service.LEASES,
    Kind.INSTANCE: service.COMPUTE,
    Kind.KEY_PAIR: service.COMPUTE,
    Kind.VOLUME: service.VOLUMES,
    Kind.SNAPSHOT: service.VOLUMES,
    Kind.IMAGE: service.IMAGES,
    Kind.CONTAINER: service.OBJECTS,
    **dict.fromkeys(network.PATHS, service.NETWORK),
}
TIMELESS = "The site's answers do not tell its time."
CONNECTIONS = 32
"""Kept open to each service."""
_CLOCKS = (Kind.LEASE, Kind.INSTANCE)
"""Whose answers tell the time, before all others: one clock, always the same where it can be."""
_PEOPLE = (Kind.LEASE, Kind.INSTANCE, Kind.VOLUME, Kind.SNAPSHOT)
"""Kinds that say who made them."""


class Doors:
    """The services of one site, opened when they are first needed. Safe to use from several threads."""

    def __init__(self, session: Session) -> None:
        self.session = session
        for scheme in ("http://", "https://"):
            # requests keeps ten connections to a host, and closes the others after each answer.
            session.conn.session.session.mount(scheme, TCPKeepAliveAdapter(pool_maxsize=CONNECTIONS))
        self._open: dict[str, Service] = {}
        self._locks = {wanted.type: threading.Lock() for wanted in SERVICES.values()}

    def of(self, kind: Kind) -> Service:
        """The service of a kind. Raises `AbsentError` where the site has none, and other `SiteError`s."""
        wanted = SERVICES[kind]
        with self._locks[wanted.type]:
            if wanted.type not in self._open:
                self._open[wanted.type] = Service(self.session, wanted)
            return self._open[wanted.type]


@dataclass
class _Found:
    """One kind's listing."""

    listing: Listing
    entries: list[Entry] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    error: SiteError | None = None

    def again(self) -> _Found:
        """The same, which cost no request this time."""
        return replace(self, listing=replace(self.listing, requests=0))


class Looker:
    """Looks at one project, again and again."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        self._people = People(doors.session)
        self._last: dict[Kind, _Found] = {}

    def look(self, kinds: Collection[Kind] | None = None, beside: Collection[Kind] = ()) -> Inventory:
        """List `kinds` (None: all), and understand them together with what was last listed of `beside`.

        Raises `SiteError` where no answer told the site's clock.
        """
        session = self.doors.session
        wanted = list(Kind) if kinds is None else [kind for kind in Kind if kind in kinds]
        keystone = session.conn.session
        access = read("log in", lambda: keystone.auth.get_access(keystone))
        administrator = "admin" in access.role_names
        first = [kind for kind in wanted if kind is not Kind.KEY_PAIR]
        with ThreadPoolExecutor(max(1, len(first))) as pool:
            found: dict[Kind, _Found] = dict(zip(first, pool.map(self._list, first), strict=True))
        people = _people(found)
        if Kind.KEY_PAIR in wanted:
            # A member may ask for its own only; an administrator for everyone's.
            viewer = session.user_id

            def key_pairs(look: Look) -> list[Entry]:
                users = self._people.everyone({*people, viewer}) if administrator else [viewer]
                return compute.key_pairs(look, users, viewer)

            found[Kind.KEY_PAIR] = self._list(Kind.KEY_PAIR, key_pairs)
        clock = _clock(found) or self._keystones_clock()
        self._last |= found
        for kind in frozenset(beside) & self._last.keys() - found.keys():
            found[kind] = self._last[kind].again()
        full = frozenset(kind for kind, part in found.items() if part.listing.seen is Seen.FULLY)
        world = World({kind: part.entries for kind, part in found.items()}, clock.site, full)
        return Inventory(
            site=session.credentials.region,
            project_id=session.project_id,
            project=str(access.project_name or session.project_id),
            at=clock.site,
            skew=clock.here - clock.site,
            viewer=session.user_id,
            administrator=administrator,
            resources=tuple(
                resource
                for module in (reservations, compute, network, volumes, images)
                for resource in module.resources(world)
            )
            + tuple(objects.resources(world)),
            listings={kind: part.listing for kind, part in found.items()},
            users={
                **(self._people.names(people) if administrator else {}),
                session.user_id: str(access.username or session.user_id),
            },
        )

    def _list(self, kind: Kind, listing: Callable[[Look], list[Entry]] | None = None) -> _Found:
        look: Look | None = None
        try:
            look = Look(self.doors.of(kind))
            entries = (listing or self._listing(kind))(look)
        except AbsentError as absent:
            return _Found(Listing(Seen.ABSENT, absent.what))
        except SiteError as error:
            requests = look.requests if look else 0
            return _Found(Listing(Seen.FAILED, str(error), requests), error=error)
        seen, why = (Seen.FAILED, " ".join(look.faults)) if look.faults else (Seen.FULLY, "")
        return _Found(Listing(seen, why, look.requests), entries, look.clocks)

    def _listing(self, kind: Kind) -> Callable[[Look], list[Entry]]:
        project = self.doors.session.project_id
        if kind in network.PATHS:
            return lambda look: network.listed(look, project, kind)
        if kind in volumes.PATHS:
            return lambda look: volumes.listed(look, project, kind)
        return {
            Kind.LEASE: lambda look: reservations.listed(look, project),
            Kind.INSTANCE: lambda look: compute.instances(look, project),
            Kind.IMAGE: lambda look: images.listed(look, project),
            Kind.CONTAINER: objects.listed,
        }[kind]

    def _keystones_clock(self) -> Clock:
        session = self.doors.session
        began = datetime.now(UTC)
        answer = read("ask for the time", lambda: session.conn.session.get(session.credentials.auth_url))
        now = read_date(answer.headers.get("Date"))
        if now is None:
            raise SiteError(TIMELESS, do="Nothing is done without it.")
        return Clock(now, began + (datetime.now(UTC) - began) / 2)


def _people(found: Mapping[Kind, _Found]) -> set[str]:
    people = {entry.get("user_id") for kind in _PEOPLE if kind in found for entry in found[kind].entries}
    return {user for user in people if user}


def _clock(found: Mapping[Kind, _Found]) -> Clock | None:
    """Take the site's clock from one answer, and from the same service's each time where it can be.

    None where nothing was to be listed: the site has no service for any of it.
    """
    for kind in (*_CLOCKS, *(k for k in found if k not in _CLOCKS)):
        if kind in found and found[kind].clocks:
            return found[kind].clocks[0]
    errors = [part.error for part in found.values() if part.error]
    if errors:
        raise errors[0]
    if any(part.listing.seen is not Seen.ABSENT for part in found.values()):
        raise SiteError(TIMELESS, do="Nothing is done without it.")
    return None
