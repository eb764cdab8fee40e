"""What of a lab is there though it should not be: for the proof after `down`, and for `status`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chi_helpers.plan.down import plan_down
from chi_helpers.plan.fit import usable

if TYPE_CHECKING:
    from datetime import datetime

    from chi_helpers.model.resources import FloatingIPView, InstanceView, SecurityGroupView, Snapshot


def left(
    lab: str, owner: str, lease_name: str, snapshot: Snapshot, *, on_behalf: bool = False
) -> tuple[str, ...]:
    """What the site still has of the lab, in words; empty is the proof that nothing is left."""
    plan = plan_down(lab, owner, lease_name, snapshot, site="", now=snapshot.at, on_behalf=on_behalf)
    return tuple(step.title.removeprefix("delete ").removeprefix("release ") for step in plan.steps)


def orphans(lab: str, owner: str, lease_name: str, snapshot: Snapshot, now: datetime) -> tuple[str, ...]:
    """What outlived the lab's lease, or its own deadline though the next lease is there."""
    seen = _overdue(snapshot, now) if usable(lease_name, snapshot) else snapshot
    return left(lab, owner, lease_name, seen)


def _overdue(snapshot: Snapshot, now: datetime) -> Snapshot:
    def over(thing: InstanceView | FloatingIPView | SecurityGroupView) -> bool:
        return thing.stamp is not None and thing.stamp.deadline <= now

    return replace(
        snapshot,
        leases=(),
        instances=tuple(i for i in snapshot.instances if over(i)),
        floating_ips=tuple(f for f in snapshot.floating_ips if over(f)),
        security_groups=tuple(g for g in snapshot.security_groups if over(g)),
    )
