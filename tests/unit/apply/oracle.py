"""Who may go and who must, by the site's own truth: written apart from `chi_helpers.policy`, to check it.

`refusal` says why a thing must not be deleted now; `doomed` names what has to be gone in the end. Between
the two lies what the reaper may decide by evidence that is not on the thing itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chi_helpers.model.inventory import Kind, Ref
from tests.support.fake_project import DHCP, FakeProject, Thing

LAB = "demo"
CAP, GRACE, HARD, SECOND = (
    timedelta(hours=6),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(minutes=10),
)
PEOPLE = ("sam", "ana", "vip")
SPARED = "vip"
SPARED_WORD = "keepme"


@dataclass
class Oracle:
    project: FakeProject
    exclusive: bool
    seen: dict[tuple[Ref, datetime | None], datetime] = field(default_factory=dict)
    """When the reaper saw a thing first, as far as it could remember."""
    warned: dict[Ref, datetime] = field(default_factory=dict)
    """The deadline that a delivered warning named."""

    def deadline(self, thing: Thing) -> datetime | None:
        bounds = [thing.stamp.deadline] if thing.stamp else []
        bounds += [thing.mark.deadline] if thing.mark else []
        if thing.kind is Kind.LEASE:
            bounds += [at for at in (thing.end, thing.start and thing.start + CAP) if at]
        elif thing.created is not None:
            bounds.append(thing.created + CAP)
        return min(bounds, default=None)

    def refusal(self, thing: Thing, whole: Thing | None = None) -> str:  # noqa: C901, PLR0911 - a list, read downwards
        """Why it must not be deleted at this instant; empty where nothing forbids it."""
        if thing.locked:
            return "locked"
        if SPARED_WORD in thing.name:
            return "spared by name"
        if thing.fixed and whole is None:
            return thing.fixed
        if thing.stamp is not None and thing.stamp.owner == SPARED and self._decides(thing):
            return "spared by owner"
        if thing.kind is Kind.LEASE and thing.name == f"{LAB}-{SPARED}":
            return "spared by owner"
        if whole is None:
            if why := self._foreign(thing) or self._early(thing):
                return why
        elif thing.stamp is not None and thing.stamp.lab != LAB and not self.exclusive:
            return "another lab's, and goes along"
        if user := self._user(thing, whole=whole is None):
            return f"used by {user.ref}"
        for other in self.project.along(thing):
            part = thing if thing.kind is not Kind.LEASE else None
            if why := self.refusal(other, part):
                return f"takes {other.ref}: {why}"
        return ""

    def _decides(self, thing: Thing) -> bool:
        return thing.stamp is not None and (thing.stamp.lab == LAB or self.exclusive)

    def _early(self, thing: Thing) -> str:
        deadline, now = self.deadline(thing), self.project.now
        if deadline is None:
            return "no age"
        if now < deadline + GRACE:
            return f"young: until {deadline}"
        said = self.warned.get(thing.ref)
        if now < deadline + HARD and not (said is not None and deadline <= said <= now):
            return "not warned"
        return ""

    def _foreign(self, thing: Thing) -> str:  # noqa: PLR0911 - a list, read downwards
        if thing.stamp_fault:
            return "its stamp cannot be read"
        if self._noted(thing):
            return ""
        if thing.stamp is not None and not self.exclusive:
            return "another lab's"
        inside = self._inside(thing)
        if not (self.exclusive or inside):
            return "nobody's of this lab"
        if thing.kind is Kind.LEASE and inside:
            return ""
        first = self.seen.get((thing.ref, thing.created))
        if first is None or self.project.now - first < SECOND:
            return "not seen twice"
        return ""

    def _noted(self, thing: Thing) -> bool:
        """Something on the thing itself says that it is this lab's."""
        if thing.stamp is not None and thing.stamp.lab == LAB:
            return True
        if thing.mark is not None and thing.mark.lab == LAB and (thing.stamp is None or self.exclusive):
            return True
        return thing.kind is Kind.LEASE and thing.name in {f"{LAB}-{person}" for person in PEOPLE}

    def _inside(self, thing: Thing) -> bool:
        """A lease in which this lab's instances run, or an instance in a lease of this lab."""
        if thing.kind is Kind.LEASE:
            return any(t.stamp and t.stamp.lab == LAB for t in self.project.along(thing))
        lease = self.project.get(Kind.LEASE, thing.lease) if thing.kind is Kind.INSTANCE else None
        return lease is not None and (self._noted(lease) or self._inside(lease))

    def _user(self, thing: Thing, *, whole: bool = True) -> Thing | None:
        """The instance that uses it where no service refuses: its key pair, image, port or address."""
        port = self.project.get(Kind.PORT, thing.port) if thing.kind is Kind.FLOATING_IP else thing
        for other in self.project.of(Kind.INSTANCE):
            if whole and port is not None and port.kind is Kind.PORT and port.device == other.id:
                return other
            if thing.kind is Kind.KEY_PAIR and other.key == thing.id:
                return other
            if thing.kind is Kind.IMAGE and other.image == thing.id:
                return other
        return None

    def doomed(self) -> set[Ref]:
        """What has to be gone after fair runs: surely this lab's, long past its time, held by nothing."""
        late = self.project.now - HARD - timedelta(minutes=1)
        things = self.project.things
        sure = {thing.ref for thing in things.values() if self._sure(thing, late)}
        parts = {part.ref: thing.ref for thing in things.values() for part in self._parts(thing)}
        # A part with a life of its own: a volume that goes along with its instance. It is not taken from it.
        wholes = parts | {
            part.ref: thing.ref
            for thing in things.values()
            for part in self.project.along(thing)
            if thing.kind is not Kind.LEASE
        }
        while True:
            going = sure | {part for part, whole in parts.items() if whole in sure}
            stays = [
                ref
                for ref in sure
                if any(part.ref not in going or self._kept(part) for part in self.project.along(things[ref]))
                or wholes.get(ref, ref) not in going
                or any(user.ref not in going for user in self._users(things[ref]))
            ]
            if not stays:
                return going & things.keys()
            sure -= set(stays)

    def _sure(self, thing: Thing, late: datetime) -> bool:
        deadline = self.deadline(thing)
        if thing.locked or thing.fixed or thing.stamp_fault or SPARED_WORD in thing.name:
            return False
        if thing.mark and thing.stamp and thing.mark.owner != thing.stamp.owner:
            return False
        owner = thing.stamp.owner if thing.stamp else thing.mark.owner if thing.mark else ""
        if thing.kind is Kind.LEASE:
            owner = thing.name.removeprefix(f"{LAB}-")
        known = thing.created is not None
        return known and self._noted(thing) and owner != SPARED and deadline is not None and deadline < late

    def _parts(self, thing: Thing) -> Iterable[Thing]:
        """What goes along and has no life of its own."""
        return [t for t in self.project.along(thing) if t.kind in (Kind.PORT, Kind.SUBNET)]

    def _kept(self, part: Thing) -> bool:
        return part.locked or bool(part.fixed) or SPARED_WORD in part.name or bool(part.stamp_fault)

    def _users(self, thing: Thing) -> list[Thing]:  # noqa: C901, PLR0912 - a table
        found = []
        for other in self.project.things.values():
            match thing.kind, other.kind:
                case Kind.NETWORK, Kind.PORT:
                    uses = other.network == thing.id and other.device != DHCP
                case Kind.SUBNET, Kind.PORT:
                    uses = other.subnet == thing.id and other.device != DHCP
                case Kind.ROUTER, Kind.FLOATING_IP:
                    uses = other.router == thing.id
                case Kind.ROUTER, Kind.PORT:
                    uses = self._behind(other, thing)
                case Kind.GROUP, Kind.PORT:
                    uses = thing.id in other.groups
                case Kind.FLOATING_IP, Kind.PORT:
                    uses = thing.port == other.id
                case Kind.VOLUME, Kind.SNAPSHOT:
                    uses = other.volume == thing.id
                case Kind.VOLUME, Kind.INSTANCE:
                    uses = thing.id in other.volumes
                case Kind.PORT, Kind.INSTANCE:
                    uses = thing.device == other.id
                case Kind.KEY_PAIR, Kind.INSTANCE:
                    uses = other.key == thing.id
                case Kind.IMAGE, Kind.INSTANCE:
                    uses = other.image == thing.id
                case _:
                    continue
            found += [other] if uses else []
        return found

    def _behind(self, port: Thing, router: Thing) -> bool:
        interfaces = [p for p in self.project.of(Kind.PORT) if p.device == router.id]
        return port.device not in (DHCP, router.id) and any(
            p.subnet == port.subnet and p.subnet for p in interfaces
        )
