"""What people do to a thing that is planned to go, with the revisions that Neutron then counts up.

After most of it the thing has to stay, by the oracle or because the service itself refuses (409).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.stamp import Stamp
from tests.support.fake_project import FakeProject, Thing
from tests.unit.apply.oracle import CAP, LAB, SPARED_WORD

Act = Callable[[FakeProject, Thing, Random], None]


class Way(NamedTuple):
    act: Act
    kinds: frozenset[Kind]
    """Of these it can be done to."""


def _young(project: FakeProject, **fields: Any) -> Thing:
    """An instance of now, on a port that Nova made."""
    stamp = Stamp("sam", LAB, project.now + CAP)
    network = project.make(Kind.NETWORK, "young", stamp=stamp)
    return project.boot("young", network, stamp=stamp, **fields)


def _lock(_project: FakeProject, thing: Thing, _rng: Random) -> None:
    thing.locked = True


def _later(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """Staff write a later date on it."""
    if thing.stamp is not None:
        project.stamp(thing, Stamp(thing.stamp.owner, thing.stamp.lab, project.now + timedelta(hours=9)))


def _strip(project: FakeProject, thing: Thing, _rng: Random) -> None:
    project.stamp(thing, None)


def _again(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """It is deleted, and another one of the same name is made; what has its name for an id keeps that."""
    project.drop(thing)
    fields: dict[str, Any] = {"user_id": thing.user_id, "stamp": Stamp("sam", LAB, project.now + CAP)}
    if thing.kind in (Kind.KEY_PAIR, Kind.CONTAINER):
        fields["id"] = thing.id
    project.make(thing.kind, thing.name, **fields)


def _spare(project: FakeProject, thing: Thing, _rng: Random) -> None:
    project.rename(thing, f"{thing.name}{SPARED_WORD}")


def _retouch(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """Something of no consequence is written on it: it goes all the same."""
    project.touch(thing)


def _extend(project: FakeProject, thing: Thing, _rng: Random) -> None:
    thing.end = project.now + timedelta(hours=9)


def _boot_in_it(project: FakeProject, thing: Thing, _rng: Random) -> None:
    _young(project, lease=thing.id)


def _give(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """A young instance gets the port."""
    if project.get(Kind.INSTANCE, thing.device) is None and not thing.device:
        project.give(_young(project), thing)


def _bind(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """A young instance gets the address."""
    project.bind(thing, _young(project).made_ports[0], thing.router)


def _attach(project: FakeProject, thing: Thing, rng: Random) -> None:
    """A young instance gets the volume."""
    if all(thing.id not in instance.volumes for instance in project.of(Kind.INSTANCE)):
        _young(project).volumes[thing.id] = rng.choice([True, False])


def _hang_on(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """It gets a volume that would go along, and is spared."""
    thing.volumes[project.make(Kind.VOLUME, f"volume{SPARED_WORD}").id] = True


def _group(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """A young instance's port gets the group."""
    project.guard(project.things[Ref(Kind.PORT, _young(project).made_ports[0])], thing)


def _subnet(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """It gets a subnet that would go along, and is spared."""
    project.make(Kind.SUBNET, f"subnet{SPARED_WORD}", network=thing.id)


def _port(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """A young port is made on it."""
    project.make(Kind.PORT, "young", network=thing.id)


def _use(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """A young instance is booted with it."""
    _young(project, **{"key" if thing.kind is Kind.KEY_PAIR else "image": thing.id})


def _shoot(project: FakeProject, thing: Thing, _rng: Random) -> None:
    """A young snapshot is made of it."""
    project.make(Kind.SNAPSHOT, "young", volume=thing.id)


_NAMED_BY_ID = frozenset({Kind.KEY_PAIR, Kind.CONTAINER})
_STAMPED = frozenset(Kind) - {Kind.LEASE, Kind.KEY_PAIR}

WAYS = {
    "lock": Way(_lock, frozenset({Kind.INSTANCE})),
    "write a later date": Way(_later, _STAMPED),
    "take the stamp off": Way(_strip, _STAMPED),
    "make it again": Way(_again, frozenset(Kind) - {Kind.LEASE, Kind.SUBNET}),
    "give it a spared name": Way(_spare, frozenset(Kind) - _NAMED_BY_ID),
    "write on it": Way(_retouch, frozenset(Kind)),
    "extend": Way(_extend, frozenset({Kind.LEASE})),
    "boot in it": Way(_boot_in_it, frozenset({Kind.LEASE})),
    "give to a young instance": Way(_give, frozenset({Kind.PORT})),
    "associate with a young instance": Way(_bind, frozenset({Kind.FLOATING_IP})),
    "attach to a young instance": Way(_attach, frozenset({Kind.VOLUME})),
    "attach a spared volume": Way(_hang_on, frozenset({Kind.INSTANCE})),
    "put on a young port": Way(_group, frozenset({Kind.GROUP})),
    "add a spared subnet": Way(_subnet, frozenset({Kind.NETWORK})),
    "make a port on it": Way(_port, frozenset({Kind.NETWORK})),
    "boot with it": Way(_use, frozenset({Kind.KEY_PAIR, Kind.IMAGE})),
    "make a snapshot of it": Way(_shoot, frozenset({Kind.VOLUME})),
}
