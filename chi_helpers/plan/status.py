"""A lab's state in one value, for the terminal, the notebook and `--json`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chi_helpers.plan.fit import USABLE
from chi_helpers.plan.leftovers import orphans
from chi_helpers.policy.clock import describe
from chi_helpers.policy.lifetime import Window, deadline, time_left, warnings_due

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.resources import Snapshot


@dataclass(frozen=True, slots=True)
class NodeStatus:
    node: str
    name: str
    status: str
    """Nova's own word, or `absent`."""
    address: str | None = None
    instance_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LabStatus:
    lab: str
    owner: str
    site: str
    at: datetime
    lease: str
    """Blazar's own word, `ended` or `absent`."""
    lease_id: str | None
    nodes: tuple[NodeStatus, ...]
    start: datetime | None = None
    deadline: datetime | None = None
    left: timedelta | None = None
    """Time left until the deadline."""
    time: str = ""
    """The deadline in words: the user's time zone, and UTC."""
    warning: bool = False
    """Within one of the file's `lifetime.warn`."""
    leftovers: tuple[str, ...] = ()
    """What outlived the lease."""


def status_of(spec: LabSpec, owner: str, snapshot: Snapshot, *, site: str) -> LabStatus:
    """Say how a lab of `owner` stands at the snapshot's instant."""
    now, name = snapshot.at, spec.lease_name(owner)
    named = sorted((i for i in snapshot.leases if i.name == name), key=lambda i: (i.start, i.id))
    alive = [i for i in named if i.status in USABLE and i.end > now]
    lease = alive[0] if alive else None
    until = deadline(spec, Window(lease.start, lease.end)) if lease else None
    word = "ended" if named else "absent"
    broken = [i.status for i in named if not i.over and i not in alive and i.end > now]
    return LabStatus(
        lab=spec.lab,
        owner=owner,
        site=site,
        at=now,
        lease=lease.status if lease else broken[0] if broken else word,
        lease_id=lease.id if lease else None,
        nodes=_nodes(spec, owner, snapshot),
        start=lease.start if lease else None,
        deadline=until,
        left=time_left(now, until) if until else None,
        time=describe(until, spec.timezone, now=now) if until else "",
        warning=bool(until and warnings_due(spec, until, now)),
        leftovers=orphans(spec.lab, owner, name, snapshot, now),
    )


def _nodes(spec: LabSpec, owner: str, snapshot: Snapshot) -> tuple[NodeStatus, ...]:
    found = []
    ours = snapshot.stamped(spec.lab, owner).instances
    for node in spec.nodes:
        name = spec.instance_name(node, owner)
        mine = [i for i in ours if i.stamp is not None and i.stamp.node == node.key]
        for instance in mine:
            address = instance.floating_ips[0] if instance.floating_ips else None
            found.append(
                NodeStatus(node.key, instance.name, instance.status, address, instance.id, instance.fault)
            )
        if not mine:
            found.append(NodeStatus(node.key, name, "absent"))
    return tuple(found)
