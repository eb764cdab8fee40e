"""One project in memory behind `chi_helpers.sites.reaping.ReapSite`: what the services do, and what may go wrong.

Times: `now` is the site's clock. Calls and pauses make it go on; `timer` is for the reaper. What Nova, Blazar
and Cinder delete vanishes `vanish` seconds later, with all that goes along. Nothing here knows the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from threading import RLock
from typing import Any

from chi_helpers.apply.reaper.timing import Timer
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.inventory import Inventory, Kind, Listing, Mark, Ref, Resource, Seen
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites.errors import (
    BusyError,
    ChangedError,
    ConflictError,
    CredentialsError,
    GoneError,
    NoAnswerError,
)

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DHCP = "dhcp-agent"
"""The device of the ports that Neutron itself has on a network."""
NEUTRON = frozenset({Kind.PORT, Kind.FLOATING_IP, Kind.NETWORK, Kind.SUBNET, Kind.ROUTER, Kind.GROUP})
SLOW = frozenset({Kind.LEASE, Kind.INSTANCE, Kind.VOLUME, Kind.SNAPSHOT})
"""What is deleted some time after the answer."""


class Killed(BaseException):
    """The process ends here, as by SIGKILL: nothing may catch it."""


@dataclass(slots=True)
class Thing:
    """A resource as the site has it. `lease`, `port`, ... are ids of what it hangs on."""

    kind: Kind
    id: str
    name: str
    created: datetime | None
    user_id: str | None = None
    stamp: Stamp | None = None
    stamp_fault: str = ""
    mark: Mark | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None
    status: str = "ACTIVE"
    locked: bool = False
    fixed: str = ""
    revision: int = 1
    lease: str = ""
    """An instance's."""
    made_ports: list[str] = field(default_factory=list)
    given_ports: list[str] = field(default_factory=list)
    volumes: dict[str, bool] = field(default_factory=dict)
    """An instance's: volume -> whether it goes along."""
    key: str = ""
    image: str = ""
    network: str = ""
    subnet: str = ""
    groups: list[str] = field(default_factory=list)
    device: str = ""
    """A port's instance or router."""
    port: str = ""
    """A floating IP's."""
    router: str = ""
    volume: str = ""
    """A snapshot's."""
    vanishes: datetime | None = None

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.id)


@dataclass(slots=True)
class Fault:
    """What happens to the calls that `when` picks, `times` times. `what` is a key of `FakeProject._strike`."""

    what: str
    when: Callable[[str, int], bool] = lambda _call, _number: True
    times: int = 1
    wait: float = 0.0


@dataclass(slots=True)
class Removed:
    """Something that went: `by` is the verb that a client called, or who else it was."""

    thing: Thing
    at: datetime
    by: str


class FakeProject:
    """A project of a site. `calls` are the verbs called so far, in order; `removed` is what went."""

    def __init__(self, name: str = "CHI@Fake", project_id: str = "project-1", now: datetime = START) -> None:
        self.name, self.project_id = name, project_id
        self.now = now
        self.things: dict[Ref, Thing] = {}
        self.calls: list[str] = []
        self.removed: list[Removed] = []
        self.lock = RLock()
        """Calls may come from several threads."""
        self.faults: list[Fault] = []
        self.hooks: dict[int, Callable[[], None]] = {}
        """Number of a call -> what somebody else does right before it."""
        self.coming = ""
        """The call before which a hook runs."""
        self.stale = 0
        """How many deletions were refused because the revision was another one (412)."""
        self.twice = False
        """Lists the first of each kind twice, as pages do that shift while they are read."""
        self.vanish = 2.0
        self.latency = 0.05
        self.skew = timedelta(0)
        self.unlisted: set[Kind] = set()
        """Kinds whose listing fails half-way."""
        self.absent: set[Kind] = set()
        self.accepted: Callable[[Thing], None] | None = None
        """Told of what is deleted, right before it is."""
        self.order: Random | None = None
        """Lists in this random order."""
        self.viewer = "reaper"
        self._listed: dict[Kind, list[Thing]] = {}
        """What was shown last of each kind, as it was then."""
        self._number = count(1)
        self._spent = 0.0

    # --- the clock

    @property
    def timer(self) -> Timer:
        return Timer(self._monotonic, self.sleep)

    def _monotonic(self) -> float:
        return self._spent

    def sleep(self, seconds: float) -> None:
        self._spent += seconds
        self.now += timedelta(seconds=seconds)
        self.settle()

    def settle(self) -> None:
        """Let go what is due to vanish."""
        due = [t for t in self.things.values() if t.vanishes and t.vanishes <= self.now]
        for thing in sorted(due, key=lambda t: t.kind is not Kind.LEASE):
            self._vanish(thing, "the site")

    # --- what people do

    def make(self, kind: Kind, name: str, *, age: timedelta = timedelta(0), **fields: Any) -> Thing:
        """Make a thing that is `age` old."""
        number = next(self._number)
        fields.setdefault("created", self.now - age)
        fields.setdefault("id", f"{kind.name.lower()}-{number}")
        thing = Thing(kind=kind, name=name, **fields)
        assert thing.ref not in self.things
        self.things[thing.ref] = thing
        self._revise_whole(thing)
        return thing

    def boot(self, name: str, network: Thing | None = None, **fields: Any) -> Thing:
        """Make an instance; with a network, Nova makes its port."""
        instance = self.make(Kind.INSTANCE, name, **fields)
        if network is not None:
            port = self.make(Kind.PORT, "", network=network.id, device=instance.id, created=instance.created)
            port.subnet = next((t.id for t in self.of(Kind.SUBNET) if t.network == network.id), "")
            instance.made_ports.append(port.id)
        return instance

    def give(self, instance: Thing, port: Thing) -> None:
        """Put a port that was there before on an instance."""
        port.device = instance.id
        port.revision += 1
        instance.given_ports.append(port.id)

    def bind(self, address: Thing, port_id: str, router: str = "") -> None:
        address.port, address.router = port_id, router
        address.revision += 1

    def touch(self, thing: Thing) -> None:
        """Something about it was written: Neutron counts its revision up; for a subnet its network's, too."""
        thing.revision += 1
        if thing.kind is Kind.SUBNET:
            self._revise_whole(thing)

    def rename(self, thing: Thing, name: str) -> None:
        thing.name = name
        self.touch(thing)

    def stamp(self, thing: Thing, stamp: Stamp | None) -> None:
        """Write its stamp anew, or take it off."""
        thing.stamp = stamp
        self.touch(thing)

    def guard(self, port: Thing, group: Thing) -> None:
        """Put a security group on a port, which leaves the group's revision as it is."""
        port.groups.append(group.id)
        self.touch(port)

    def drop(self, thing: Thing, by: str = "its owner") -> None:
        """Somebody else deletes it, and it is gone at once."""
        self._vanish(thing, by)

    def of(self, kind: Kind) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind is kind]

    def get(self, kind: Kind, identity: str) -> Thing | None:
        return self.things.get(Ref(kind, identity))

    # --- the verbs

    def inventory(self, kinds: Collection[Kind] | None = None, beside: Collection[Kind] = ()) -> Inventory:
        with self.lock:
            return self._inventory(kinds, beside)

    def _inventory(self, kinds: Collection[Kind] | None, beside: Collection[Kind]) -> Inventory:
        wanted = [kind for kind in Kind if kinds is None or kind in kinds]
        lost = self._call(f"inventory {len(wanted)}")
        lost()
        found: list[Resource] = []
        listings: dict[Kind, Listing] = {}
        kept = [kind for kind in Kind if kind in beside and kind in self._listed and kind not in wanted]
        seen = {*wanted, *kept}
        listed = {t.ref for kind in kept for t in self._listed[kind]}
        world = _World(self, listed | {t.ref for t in self.things.values() if t.kind in wanted})
        for kind in kept:
            listings[kind] = Listing(Seen.FULLY, "", 0)
            found += [world.resource(thing, seen) for thing in self._listed[kind]]
        for kind in wanted:
            self._listed.pop(kind, None)
            if kind in self.absent:
                listings[kind] = Listing(Seen.ABSENT, "no service", 0)
                continue
            of_kind = [world.resource(thing, seen) for thing in self.of(kind)]
            if self.order is not None:
                self.order.shuffle(of_kind)
            if kind in self.unlisted:
                listings[kind] = Listing(Seen.FAILED, "the second page did not come", 1)
                found += of_kind[: len(of_kind) // 2]
                continue
            listings[kind] = Listing(Seen.FULLY, "", 1)
            self._listed[kind] = [deepcopy(thing) for thing in self.of(kind)]
            found += of_kind + (of_kind[:1] if self.twice else [])
        return Inventory(
            site=self.name,
            project_id=self.project_id,
            project="CHI-1",
            at=self.now,
            skew=self.skew,
            viewer=self.viewer,
            resources=tuple(found),
            listings=listings,
        )

    def delete(self, resource: Resource) -> str:
        with self.lock:
            return self._change("delete", resource, self._delete)

    def trim(self, lease: Resource, end: datetime) -> str:
        def shorten(thing: Thing) -> None:
            thing.end = end

        return self._change("trim", lease, shorten)

    def mark(self, resource: Resource, mark: Mark) -> str:
        def write(thing: Thing) -> None:
            thing.mark = mark
            # A tag: unlike all else it leaves the revision of a subnet's network as it is.
            thing.revision += 1

        return self._change("mark", resource, write)

    def restamp(self, resource: Resource, stamp: Stamp) -> str:
        def write(thing: Thing) -> None:
            self.stamp(thing, stamp)

        return self._change("restamp", resource, write)

    # --- what happens to a call

    def _change(self, verb: str, resource: Resource, effect: Callable[[Thing], None]) -> str:
        lost = self._call(f"{verb} {resource.kind} {resource.id}")
        thing = self.things.get(resource.ref)
        if thing is None:
            raise GoneError(f"no {resource.ref}", request_id="req-404")
        guarded = verb == "delete" and resource.kind in NEUTRON and resource.revision is not None
        if guarded and resource.revision != thing.revision:
            self.stale += 1
            raise ChangedError(f"{resource.ref} has revision {thing.revision}", request_id="req-412")
        if verb == "delete" and thing.locked:
            raise RefusedError(f"{resource.ref} is locked", request_id="req-403")
        if verb == "delete" and self.accepted is not None:
            self.accepted(thing)
        effect(thing)
        lost()
        return f"req-{len(self.calls)}"

    def _call(self, call: str) -> Callable[[], None]:
        """Begin a call; what is returned is called after its effect."""
        number = len(self.calls)
        self.coming = call
        hook = self.hooks.pop(number, None)
        if hook is not None:
            hook()
        self.calls.append(call)
        self.sleep(self.latency)
        for fault in self.faults:
            if fault.times > 0 and fault.when(call, number):
                fault.times -= 1
                return self._strike(fault, call)
        return lambda: None

    def _strike(self, fault: Fault, call: str) -> Callable[[], None]:
        """Raise what the fault says, or return what raises it after the effect."""
        if fault.what == "lost after":
            return _raising(NoAnswerError(f"no answer to {call}"))
        if fault.what == "killed after":
            return _raising(Killed(call))
        errors: dict[str, BaseException] = {
            "busy": BusyError(f"too busy for {call}", wait=fault.wait),
            "broken": SiteError(f"500 at {call}"),
            "refused": RefusedError(f"403 at {call}", request_id="req-403"),
            "in use": ConflictError(f"409 at {call}"),
            "changed": ChangedError(f"412 at {call}"),
            "credentials": CredentialsError(f"401 at {call}"),
            "lost before": NoAnswerError(f"no answer to {call}"),
            "killed before": Killed(call),
        }
        raise errors[fault.what]

    # --- what the services do

    def _delete(self, thing: Thing) -> None:
        if thing.fixed:
            raise RefusedError(f"403: {thing.fixed}")
        if (user := self._user_of(thing)) is not None:
            raise ConflictError(f"409: {thing.ref} is in use by {user.ref}")
        if thing.kind in SLOW:
            if thing.vanishes is None:
                thing.vanishes = self.now + timedelta(seconds=self.vanish)
                thing.status = "DELETING"
            self.settle()
            return
        self._vanish(thing, "delete")

    def _user_of(self, thing: Thing) -> Thing | None:
        """What of the project keeps it from being deleted (Neutron's, Cinder's 409)."""
        for other in self.things.values():
            match thing.kind, other.kind:
                case Kind.NETWORK, Kind.PORT:
                    uses = other.network == thing.id and other.device != DHCP
                case Kind.SUBNET, Kind.PORT:
                    uses = other.subnet == thing.id and other.device != DHCP
                case Kind.ROUTER, Kind.FLOATING_IP:
                    uses = other.router == thing.id
                case Kind.GROUP, Kind.PORT:
                    uses = thing.id in other.groups
                case Kind.VOLUME, Kind.SNAPSHOT:
                    uses = other.volume == thing.id
                case Kind.VOLUME, Kind.INSTANCE:
                    uses = thing.id in other.volumes
                case Kind.PORT, Kind.ROUTER:
                    uses = thing.device == other.id
                case _:
                    continue
            if uses:
                return other
        return None

    def _vanish(self, thing: Thing, by: str) -> None:
        """Let it go with all that goes along, and untie the rest."""
        if self.things.pop(thing.ref, None) is None:
            return
        self.removed.append(Removed(replace(thing), self.now, by))
        for other in self.along(thing):
            self._vanish(other, by)
        self._revise_whole(thing)
        for other in self.things.values():
            if other.kind is Kind.PORT and other.device == thing.id:
                other.device = ""
                other.revision += 1
            if other.kind is Kind.FLOATING_IP and other.port and other.port == thing.id:
                other.port = other.router = ""
                other.revision += 1

    def _revise_whole(self, part: Thing) -> None:
        """That it comes or goes changes a network's revision by a subnet, a router's by an interface.

        `revises_on_change` in neutron/db/models_v2.py (Subnet) and models/l3.py (RouterPort). A port changes
        the revision of neither its network nor its subnet.
        """
        whole = None
        if part.kind is Kind.SUBNET:
            whole = self.get(Kind.NETWORK, part.network)
        elif part.kind is Kind.PORT:
            whole = self.get(Kind.ROUTER, part.device)
        if whole is not None:
            whole.revision += 1

    def along(self, thing: Thing) -> list[Thing]:
        """What goes along with it, directly."""
        match thing.kind:
            case Kind.LEASE:
                return [t for t in self.of(Kind.INSTANCE) if t.lease == thing.id]
            case Kind.INSTANCE:
                refs = [Ref(Kind.PORT, port) for port in thing.made_ports]
                refs += [Ref(Kind.VOLUME, v) for v, goes in thing.volumes.items() if goes]
                return [self.things[ref] for ref in refs if ref in self.things]
            case Kind.NETWORK:
                ports = [t for t in self.of(Kind.PORT) if t.network == thing.id and t.device == DHCP]
                return ports + [t for t in self.of(Kind.SUBNET) if t.network == thing.id]
            case Kind.ROUTER:
                return [t for t in self.of(Kind.PORT) if t.device == thing.id]
        return []


def _raising(error: BaseException) -> Callable[[], None]:
    def strike() -> None:
        raise error

    return strike


class _World:
    """Turns things into the resources that the site shows, with their ties."""

    def __init__(self, project: FakeProject, listed: Collection[Ref]) -> None:
        self.project, self.listed = project, listed

    def resource(self, thing: Thing, seen: set[Kind]) -> Resource:
        """`seen`: the kinds that are listed along; ties to other kinds are not known, as at the real site."""
        project = self.project
        takes = [t.ref for t in project.along(thing) if t.kind in seen]
        needs = [ref for ref in self._needs(thing) if ref in project.things and ref.kind in seen]
        return Resource(
            kind=thing.kind,
            id=thing.id,
            name=thing.name,
            status=thing.status,
            user_id=thing.user_id,
            created=thing.created,
            stamp=thing.stamp,
            stamp_fault=thing.stamp_fault,
            mark=thing.mark,
            metadata=dict(thing.metadata),
            start=thing.start,
            end=thing.end,
            locked=thing.locked,
            revision=thing.revision if thing.kind in NEUTRON else None,
            fixed=thing.fixed,
            takes=tuple(takes),
            needs=tuple(dict.fromkeys(needs)),
            unclear=self._unclear(thing),
            spec={"name": thing.name, "kind": str(thing.kind)},
        )

    def _unclear(self, thing: Thing) -> tuple[str, ...]:
        """On what it is, where that is not in the list: the list may be older."""
        if thing.kind is Kind.PORT and thing.device not in ("", DHCP):
            on = {Ref(Kind.INSTANCE, thing.device), Ref(Kind.ROUTER, thing.device)}
            return (
                ()
                if not on.isdisjoint(self.listed)
                else (f"It is on {thing.device}, which was not looked at.",)
            )
        if thing.kind is Kind.FLOATING_IP and thing.port and Ref(Kind.PORT, thing.port) not in self.listed:
            return (f"It is bound to {thing.port}, which is not in the list.",)
        return ()

    def _needs(self, thing: Thing) -> Iterable[Ref]:
        project = self.project
        match thing.kind:
            case Kind.INSTANCE:
                yield from (Ref(Kind.PORT, port) for port in thing.given_ports)
                yield from (Ref(Kind.VOLUME, v) for v, along in thing.volumes.items() if not along)
                yield Ref(Kind.KEY_PAIR, thing.key)
                yield Ref(Kind.IMAGE, thing.image)
            case Kind.PORT if thing.device != DHCP:
                yield Ref(Kind.NETWORK, thing.network)
                yield Ref(Kind.SUBNET, thing.subnet)
                yield from (Ref(Kind.GROUP, group) for group in thing.groups)
                yield from (ip.ref for ip in project.of(Kind.FLOATING_IP) if ip.port == thing.id)
                if project.get(Kind.ROUTER, thing.device) is None:
                    yield from self._routers(thing.subnet)
            case Kind.FLOATING_IP:
                yield Ref(Kind.ROUTER, thing.router)
            case Kind.ROUTER:
                for port in project.of(Kind.PORT):
                    if port.device == thing.id:
                        yield Ref(Kind.NETWORK, port.network)
                        yield Ref(Kind.SUBNET, port.subnet)
            case Kind.SNAPSHOT:
                yield Ref(Kind.VOLUME, thing.volume)

    def _routers(self, subnet: str) -> Iterable[Ref]:
        for port in self.project.of(Kind.PORT):
            if subnet and port.subnet == subnet and self.project.get(Kind.ROUTER, port.device) is not None:
                yield Ref(Kind.ROUTER, port.device)
