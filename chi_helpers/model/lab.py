"""What `reservation.yaml` declares, as values: already checked, times aware, units in types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

USER = "cc"
"""The user of every Chameleon image."""
Launcher = Literal["chi", "terraform"]


@dataclass(frozen=True, slots=True)
class ActiveHours:
    """The daily window in which a lab may be active, for example 08:00-24:00 in New York."""

    opens: time
    closes: time
    """Midnight at the end of the day is `time(0)`."""
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long anything of this lab may exist."""

    max: timedelta
    warn: tuple[timedelta, ...] = ()
    """How long before the deadline to warn, longest first."""
    hours: ActiveHours | None = None


@dataclass(frozen=True, slots=True)
class LeaseSpec:
    """What to reserve, and when."""

    duration: timedelta
    start: datetime | None = None
    """Aware; None means now."""
    end_early: timedelta = timedelta(0)
    """How long before the full hour a lease ends, so that the next one can start."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One instance of the lab. Exactly one of `flavor` and `node_type` is set."""

    key: str
    """Its name in the file."""
    image: str
    flavor: str | None = None
    node_type: str | None = None
    floating_ip: bool = False
    ports: tuple[int, ...] = (22,)
    """TCP ports that are open to the world on its floating IP."""
    stack: tuple[str, ...] = ()
    """Ansible roles to apply, in order."""
    boot_volume: int | None = None
    """GiB of the volume that it boots from; None: it boots from its flavor's disk."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    shared: str = "sharednet1"
    """The site's network through which the world is reached."""
    private: IPv4Network | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A planned outage: no lease may overlap it."""

    site: str
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Spare:
    """What the reaper leaves alone."""

    names: tuple[str, ...] = ()
    """Regular expressions, searched in the resource's name."""
    owners: tuple[str, ...] = ()
    until: tuple[tuple[str, datetime], ...] = ()
    """(name, instant): left alone until then."""


@dataclass(frozen=True, slots=True)
class ClassSpec:
    roster: Path
    per: Literal["student", "group"] = "student"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many deletions one run may make before it stops and asks. None: no limit; 0 means none at all."""

    run: int | None = 200
    project: int | None = 100
    owner: int | None = 20
    share: float | None = 0.5
    """Of a project's resources, 0 to 1."""
    share_from: int = 10
    """Up to so many deletions the share does not count: half of a small project is little."""


@dataclass(frozen=True, slots=True)
class ReapSpec:
    """How the reaper may act on this lab's leavings."""

    exclusive: bool = False
    """The project is used for nothing but this lab: what people made in it by hand is the lab's, too."""
    grace: timedelta = timedelta(minutes=5)
    """How long after the deadline a thing is left alone."""
    hard: timedelta = timedelta(hours=1)
    """How long after the deadline it goes without a delivered warning."""
    second_look: timedelta = timedelta(minutes=10)
    """How long a thing that carries no stamp must have been known before it goes."""
    skew: timedelta = timedelta(seconds=30)
    """How far this machine's clock may be off the site's."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class LabSpec:
    """One lab, as its file declares it."""

    lab: str
    site: str
    lifetime: Lifetime
    lease: LeaseSpec
    nodes: tuple[NodeSpec, ...]
    timezone: ZoneInfo
    source: Path
    """The file, for messages and for paths relative to it."""
    project: str | None = None
    """Project name; None means the session's own."""
    people: tuple[str, ...] = ()
    """Public SSH keys of those who may log in besides the owner, where the stack has `users`."""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Options of the roles in the nodes' stacks, by their names; values as JSON has them."""
    network: NetworkSpec = NetworkSpec()
    launch: Launcher = "chi"
    spare: Spare = Spare()
    outages: tuple[Outage, ...] = ()
    class_: ClassSpec | None = None
    reap: ReapSpec = ReapSpec()

    def lease_name(self, owner: str) -> str:
        """Name of the owner's lease, as Chameleon's own labs write it: `<lab>-<owner>`."""
        return f"{self.lab}-{owner}"

    def instance_name(self, node: NodeSpec, owner: str) -> str:
        """Name of an instance: the lease's where the lab has one node, else with the node first."""
        if len(self.nodes) == 1:
            return self.lease_name(owner)
        return f"{node.key}-{self.lab}-{owner}"

    @property
    def joined(self) -> bool:
        """Whether there are nodes that have to reach each other."""
        return len(self.nodes) > 1

    @property
    def jump(self) -> NodeSpec | None:
        """The node through which those without a floating IP are reached; None where no node has one."""
        reachable = [node for node in self.nodes if node.floating_ip]
        # A bare-metal node's own host key is not known.
        return min(reachable, key=lambda node: node.node_type is not None, default=None)

    def peers_name(self, owner: str) -> str:
        """Name of the security group that lets the lab's nodes reach each other."""
        return f"{self.lease_name(owner)}-nodes"
