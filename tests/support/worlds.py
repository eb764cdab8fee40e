"""Small worlds for tests of the reaper: single resources by hand, and whole random projects.

`world()` draws an inventory and a policy that are mostly sensible: things of all kinds with ties as a site
has them, at ages and with stamps around every boundary; `less()` takes information away from an inventory.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from chi_helpers.model.inventory import Inventory, Kind, Listing, Mark, Ref, Resource, Seen
from chi_helpers.model.lab import LabSpec, LeaseSpec, Lifetime, NodeSpec, ReapSpec, Spare
from chi_helpers.model.reaping import Memory, Policy, Verdict
from chi_helpers.model.roster import Person, Roster
from chi_helpers.model.stamp import Stamp
from chi_helpers.policy.judge import judge

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LAB = "hello"
DUE = NOW - 3 * HOUR
"""The deadline of `stamp()`, and so of `ours()`."""
ALL_SEEN = {kind: Listing(Seen.FULLY, requests=1) for kind in Kind}
FAILED = Listing(Seen.FAILED, "HTTP 500")
PEOPLE = Roster((Person("alice", netid="al12", user_id="u-alice"), Person("bob", suffix="bb")))
"""Bob's user id is not known."""


def lab(**changes: Any) -> LabSpec:
    """`hello`: six hours, warnings an hour and a quarter before, five minutes' grace, an hour's hard cap."""
    spec = LabSpec(
        lab=LAB,
        site="CHI@Test",
        lifetime=Lifetime(6 * HOUR, (HOUR, 15 * MINUTE)),
        lease=LeaseSpec(6 * HOUR),
        nodes=(NodeSpec("node1", "CC-Ubuntu24.04", flavor="m1.small"),),
        timezone=ZoneInfo("America/Chicago"),
        source=Path("reservation.yaml"),
    )
    return replace(spec, **changes)


def policy(
    *,
    exclusive: bool = False,
    roster: Roster | None = PEOPLE,
    memory: Memory | None = None,
    **changes: Any,
) -> Policy:
    """Judge by `lab(**changes)`; what a `ReapSpec` holds may be given as `reap`."""
    spec = lab(**changes)
    spec = replace(spec, reap=replace(spec.reap, exclusive=exclusive or spec.reap.exclusive))
    return Policy(spec, roster, memory or Memory())


def stamp(owner: str = "alice", ago: timedelta = 3 * HOUR, of: str = LAB) -> Stamp:
    """A stamp whose deadline was so long ago; negative: is to come."""
    return Stamp(owner, of, NOW - ago)


def thing(
    kind: Kind = Kind.INSTANCE, name: str = "x", *, age: timedelta | None = 9 * HOUR, **facts: Any
) -> Resource:
    """One resource, by default nine hours old; its id is its kind and name."""
    made = None if age is None else NOW - age
    facts.setdefault("id", f"{kind.name.lower()}-{name}")
    if kind is Kind.INSTANCE:
        facts.setdefault("user_id", "u-alice")
    return Resource(kind, name=name, **{"created": made, **facts})


def ours(kind: Kind = Kind.INSTANCE, name: str = "x", **facts: Any) -> Resource:
    """One that carries alice's stamp, three hours past its deadline: it goes, unless `facts` keep it."""
    return thing(kind, name, **{"stamp": stamp(), **facts})


def lease(
    name: str = f"{LAB}-alice", *, age: timedelta = 9 * HOUR, lasts: timedelta = 6 * HOUR, **facts: Any
) -> Resource:
    """A lease that started `age` ago and is to last so long."""
    start = NOW - age
    base = {"status": "ACTIVE", "user_id": "u-alice", "start": start, "end": start + lasts}
    return thing(Kind.LEASE, name, age=age, **{**base, **facts})


def project(*resources: Resource, unseen: tuple[Kind, ...] = (), **changes: Any) -> Inventory:
    """A project in which all was listed but the kinds that are `unseen`."""
    listings = {**ALL_SEEN, **dict.fromkeys(unseen, FAILED)}
    base: dict[str, Any] = {"viewer": "u-robot", "listings": listings}
    return Inventory("CHI@Test", "p1", "CHI-1", NOW, resources=resources, **{**base, **changes})


def verdicts(inventory: Inventory, by: Policy, now: datetime = NOW) -> dict[Ref, Verdict]:
    return {verdict.ref: verdict for verdict in judge(inventory, by, now)}


def verdict(
    resource: Resource, by: Policy | None = None, *others: Resource, now: datetime = NOW, **changes: Any
) -> Verdict:
    """The verdict on one resource in a project with `others`."""
    return verdicts(project(resource, *others, **changes), by or policy(), now)[resource.ref]


def known(*resources: Resource, ago: timedelta = HOUR, warned: dict[Ref, datetime] | None = None) -> Memory:
    """A memory in which these were first seen so long ago."""
    return Memory({resource.ref: NOW - ago for resource in resources}, warned or {})


# Random projects.

_AGES = (
    timedelta(0),
    HOUR,
    6 * HOUR - MINUTE,
    6 * HOUR,
    6 * HOUR + 5 * MINUTE,
    7 * HOUR + MINUTE,
    9 * HOUR,
    30 * HOUR,
)
_LATE = (-5 * HOUR, -10 * MINUTE, timedelta(0), 5 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR)
_NAMES = ("x-alice", "y_bb", "plain", "keep-me", "exam", "project7", "x-al12", "team-alice-bb", "x-zed")
_USERS = ("u-alice", "u-bob", "u-zed", "u-robot", None)
_TELLS = (Kind.LEASE, Kind.INSTANCE, Kind.VOLUME, Kind.SNAPSHOT, Kind.IMAGE)
_STAMPED = frozenset(Kind) - {Kind.LEASE, Kind.KEY_PAIR}


@st.composite
def resources(draw: st.DrawFn) -> tuple[Resource, ...]:
    """Things of all kinds, tied as a site ties them."""
    kinds = draw(st.lists(st.sampled_from(list(Kind)), min_size=1, max_size=12))
    found = [_one(draw, kind, number) for number, kind in enumerate(kinds)]
    return tuple(_tied(draw, found))


def _one(draw: st.DrawFn, kind: Kind, number: int) -> Resource:
    age = draw(st.sampled_from((*_AGES, 9 * HOUR, 9 * HOUR, None)))
    name = draw(st.sampled_from(_NAMES))
    facts: dict[str, Any] = {"id": f"{kind.name.lower()}-{number}"}
    if kind in _TELLS:
        facts["user_id"] = draw(st.sampled_from(_USERS))
    if kind is Kind.KEY_PAIR:
        name = draw(st.sampled_from((*_NAMES, *("hello-alice", "hello-bob") * 5)))
        facts["id"] = f"{draw(st.sampled_from(_USERS[:4]))}/{facts['id']}"
    if kind in _STAMPED:
        facts |= draw(st.sampled_from(_WRITTEN))
    if kind is Kind.LEASE:
        name = draw(st.sampled_from((*_NAMES, *("hello-alice", "hello-bob") * 4)))
        start = None if age is None else NOW - age
        lasts = draw(st.sampled_from((HOUR, 6 * HOUR, 12 * HOUR, 72 * HOUR)))
        status = draw(st.sampled_from(("ACTIVE", "ACTIVE", "PENDING", "ERROR", "TERMINATED")))
        facts["user_id"] = draw(st.sampled_from(("u-alice", "u-alice", *_USERS)))
        facts |= {"start": start, "end": None if start is None else start + lasts, "status": status}
    if kind in (Kind.INSTANCE, Kind.IMAGE):
        facts["locked"] = draw(st.sampled_from((False, False, False, False, True, None)))
    rare = draw(st.integers(0, 19))
    if rare == 0:
        facts["fixed"] = "it is the site's"
    if rare == 1:
        facts["unclear"] = ("its ties are not told",)
    if rare == 2:
        facts["metadata"] = draw(st.sampled_from(_METADATA))
    if rare == 3 and kind in _STAMPED:
        facts["mark"] = Mark(
            Ref(Kind.INSTANCE, "gone"), draw(st.sampled_from(("alice", "bob"))), LAB, NOW - 2 * HOUR
        )
    return thing(kind, name, age=age, revision=3, **facts)


_WRITTEN: tuple[dict[str, Any], ...] = (
    *({"stamp": stamp(ago=ago)} for ago in (*_LATE, 3 * HOUR, 3 * HOUR)),
    *({"stamp": stamp("bob", ago)} for ago in (-HOUR, 3 * HOUR)),
    {"stamp": stamp(of="other")},
    {"stamp_fault": "its stamp cannot be read"},
    *({} for _ in range(8)),
)
_METADATA = (
    {"owner": "alice"},
    {"netid": "bb"},
    {"user": "professor"},
    {"delete_at": (NOW - 2 * HOUR).isoformat()},
    {"delete_at": "tomorrow"},
    {"delete_at": "9999-12-31T23:59:59-05:00"},
)


def _tied(draw: st.DrawFn, found: list[Resource]) -> list[Resource]:  # noqa: C901 - a case for each kind
    """Draw ties; a port has one instance or network, an instance one lease, a subnet one network."""
    by_kind: dict[Kind, list[Ref]] = {kind: [r.ref for r in found if r.kind is kind] for kind in Kind}
    taken: set[Ref] = set()

    def some(kind: Kind, most: int = 2) -> list[Ref]:
        if not by_kind[kind]:
            return []
        return draw(st.lists(st.sampled_from(by_kind[kind]), max_size=most, unique=True))

    def once(kind: Kind, most: int = 3) -> list[Ref]:
        free = [ref for ref in some(kind, most) if ref not in taken]
        taken.update(free)
        return free

    tied = []
    for resource in found:
        takes: list[Ref] = []
        needs: list[Ref] = []
        match resource.kind:
            case Kind.LEASE:
                takes = once(Kind.INSTANCE) + once(Kind.FLOATING_IP, 1)
            case Kind.INSTANCE:
                ports, volumes = once(Kind.PORT), once(Kind.VOLUME)
                takes = (
                    draw(st.lists(st.sampled_from(ports + volumes), unique=True)) if ports + volumes else []
                )
                needs = [ref for ref in ports + volumes if ref not in takes]
                needs += some(Kind.GROUP) + some(Kind.IMAGE, 1) + some(Kind.KEY_PAIR, 1)
                needs += [ref for ref in takes if ref.kind is Kind.PORT and draw(st.booleans())]
            case Kind.PORT:
                needs = (
                    some(Kind.NETWORK, 1)
                    + some(Kind.SUBNET, 1)
                    + some(Kind.GROUP)
                    + some(Kind.FLOATING_IP, 1)
                )
            case Kind.NETWORK:
                takes = once(Kind.SUBNET)
            case Kind.ROUTER:
                needs = some(Kind.SUBNET)
            case Kind.FLOATING_IP:
                needs = some(Kind.ROUTER, 1)
            case Kind.SNAPSHOT:
                needs = some(Kind.VOLUME, 1)
            case Kind.GROUP:
                needs = [ref for ref in some(Kind.GROUP) if ref != resource.ref]
        tied.append(replace(resource, takes=tuple(takes), needs=tuple(needs)))
    return _unstamped(draw, _held(tied))


def _held(found: list[Resource]) -> list[Resource]:
    """A floating IP of a lease says so itself: the tag that ties them is Neutron's (sites/inventory/network.py)."""
    leased = {ref for r in found if r.kind is Kind.LEASE for ref in r.takes}
    return [
        replace(r, fixed="Blazar holds it for a lease")
        if r.kind is Kind.FLOATING_IP and r.ref in leased
        else r
        for r in found
    ]


def _unstamped(draw: st.DrawFn, found: list[Resource]) -> list[Resource]:
    """Let some instances in the kit's own leases have lost their stamps."""
    home = {ref: r for r in found if r.kind is Kind.LEASE and r.name.startswith(f"{LAB}-") for ref in r.takes}
    return [
        replace(r, stamp=None, stamp_fault="", user_id=home[r.ref].user_id)
        if r.kind is Kind.INSTANCE and r.ref in home and draw(st.booleans())
        else r
        for r in found
    ]


@st.composite
def policies(draw: st.DrawFn, found: tuple[Resource, ...]) -> Policy:
    """A file, a roster and a memory for these resources."""
    spare = Spare(
        names=draw(st.sampled_from(((), (r"project\d+$", "^keep-")))),
        owners=draw(st.sampled_from(((), (), ("bob",), ("bb",), ("al12",)))),
        until=draw(st.sampled_from(((), (("exam", NOW + HOUR),), (("exam", NOW),)))),
    )
    roster = draw(st.sampled_from((PEOPLE, PEOPLE, Roster(), None)))
    times = st.sampled_from((NOW - 2 * HOUR, NOW - 10 * MINUTE, NOW - MINUTE, None))
    first_seen = {r.ref: at for r in found if (at := draw(times)) is not None}
    told = st.sampled_from((*(NOW - late for late in _LATE), None, None, None))
    warned = {r.ref: at for r in found if (at := draw(told)) is not None}
    return policy(
        exclusive=draw(st.booleans()),
        roster=roster,
        memory=Memory(first_seen, warned),
        spare=spare,
        reap=ReapSpec(grace=draw(st.sampled_from((timedelta(0), 5 * MINUTE)))),
    )


@st.composite
def world(draw: st.DrawFn) -> tuple[Inventory, Policy]:
    """A project and the policy to judge it by, at NOW."""
    found = draw(resources())
    skew = draw(st.sampled_from((0, 0, 0, 0, 20, -20, 31)))
    unseen = draw(
        st.sampled_from(((), (), (), (), (), tuple(draw(st.sets(st.sampled_from(list(Kind)), max_size=1)))))
    )
    inventory = project(*found, unseen=unseen, skew=timedelta(seconds=skew))
    if draw(st.integers(0, 3)) == 0:
        inventory = replace(
            inventory, administrator=True, users={"u-bob": "bob", "u-zed": "zed", "u-robot": "robot"}
        )
    return inventory, draw(policies(found))


@st.composite
def less(draw: st.DrawFn, inventory: Inventory) -> Inventory:
    """The same project, with less known of it: one to three pieces of information are gone."""
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 3)) == 0 or not inventory.resources:
            inventory = _without(draw, inventory)
            continue
        place = draw(st.integers(0, len(inventory.resources) - 1))
        found = list(inventory.resources)
        found[place] = draw(st.sampled_from(_dimmed(found[place])))
        inventory = replace(inventory, resources=tuple(found))
    return inventory


def _dimmed(resource: Resource) -> list[Resource]:
    """Each way in which less may be known of one resource."""
    ways: list[dict[str, Any]] = [{"created": None}, {"revision": None}, {"unclear": ("a tie is not told",)}]
    if resource.kind is not Kind.IMAGE:
        # Glance itself knows no makers: an image's is a property, which people may write or not.
        ways.append({"user_id": None})
    if resource.kind in (Kind.INSTANCE, Kind.IMAGE):
        ways.append({"locked": None})
    if resource.kind is Kind.LEASE:
        ways += [{"start": None}, {"end": None}]
    if resource.stamp is not None:
        ways.append({"stamp": None, "stamp_fault": "its stamp cannot be read"})
    return [replace(resource, **way) for way in ways]


def _without(draw: st.DrawFn, inventory: Inventory) -> Inventory:
    """The listing of a kind failed: some or all of its resources are missing, and maybe the ties to them."""
    kind = draw(st.sampled_from(list(Kind)))
    of_kind = [resource.ref for resource in inventory.resources if resource.kind is kind]
    gone = set(draw(st.lists(st.sampled_from(of_kind), unique=True))) if of_kind else set()
    untied = gone if draw(st.booleans()) else set()
    left = [
        replace(
            resource,
            takes=tuple(ref for ref in resource.takes if ref not in untied),
            needs=tuple(ref for ref in resource.needs if ref not in untied),
        )
        for resource in inventory.resources
        if resource.ref not in gone
    ]
    return replace(inventory, resources=tuple(left), listings={**inventory.listings, kind: FAILED})
