"""From what the site showed to the steps that give a lab back. Pure.

Only what carries the stamp of this lab and owner goes, and the lease of exactly their name. Order: addresses
first, since an address outlives its instance unseen; then instances, whose groups can be deleted only when
their ports are gone; then the lease; then groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.plan.steps import DeleteGroup, DeleteInstance, DeleteLease, Plan, ReleaseAddress, Step

if TYPE_CHECKING:
    from datetime import datetime

    from chi_helpers.model.resources import Snapshot


def plan_down(
    lab: str,
    owner: str,
    lease_name: str,
    snapshot: Snapshot,
    *,
    site: str,
    now: datetime,
    on_behalf: bool = False,
) -> Plan:
    """Plan to give everything of a lab and its owner back.

    A lease of the name that another user made goes only with `on_behalf`: the owner was named on purpose.
    """
    mine = snapshot.stamped(lab, owner)
    steps: list[Step] = [
        ReleaseAddress(f"release floating IP {f.address}", f.id, f.address)
        for f in mine.floating_ips
        if not f.reserved
    ]
    steps += [
        DeleteInstance(f"delete instance {i.name}", i.id, i.name)
        for i in mine.instances
        if i.status != "DELETED"
    ]
    named = [lease for lease in snapshot.leases if lease.name == lease_name and not lease.over]
    anothers = [] if on_behalf else [lease for lease in named if snapshot.is_anothers(lease)]
    steps += [
        DeleteLease(f"delete lease {lease.name}", lease.id, lease.name)
        for lease in named
        if lease not in anothers
    ]
    steps += [DeleteGroup(f"delete security group {g.name}", g.id, g.name) for g in mine.security_groups]
    foreign = [i for i in snapshot.instances if i not in mine.instances]
    notes = tuple(
        f"The lease {lease.name} ({lease.id}) is another user's ({lease.user_id}): it is left alone. To give "
        f"it back for them, say whose lab it is: --owner {owner}."
        for lease in anothers
    )
    notes += tuple(
        f"Instance {i.name} ({i.id}) carries no stamp of this lab: it is left alone, "
        "and ends with the lease that it was launched in."
        for i in foreign
    )
    return Plan(lab, owner, site, now, tuple(steps), left=_by_hand(snapshot, mine), notes=notes)


def _by_hand(snapshot: Snapshot, mine: Snapshot) -> tuple[str, ...]:
    """Addresses of other make on our instances: whoever made them may want them for the next instance."""
    bound = {address: i.name for i in mine.instances for address in i.floating_ips}
    return tuple(
        f"floating IP {f.address}, which is bound to {bound[f.address]} and does not carry the lab's stamp "
        f"(not needed? `openstack floating ip delete {f.address}`)"
        for f in snapshot.floating_ips
        if f not in mine.floating_ips and f.address in bound and not f.reserved
    )
