"""From a lab's file and what the site showed to the steps that bring the lab up. Pure.

What is there, is ours and is right is kept; so the plan of a lab that is up changes nothing, and the plan
after an interruption is the rest of the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.model.errors import UsageError
from chi_helpers.model.wants import LeaseWant
from chi_helpers.plan import fit, nodes
from chi_helpers.plan.steps import (
    ApplyTerraform,
    AwaitLease,
    CreateInstance,
    CreateLease,
    DeleteLease,
    Plan,
    Step,
    UseKey,
)
from chi_helpers.plan.unbuilt import unbuilt
from chi_helpers.policy.clock import describe
from chi_helpers.policy.lifetime import Refusal, Window, deadline, lease_window

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.resources import LeaseView, Snapshot
    from chi_helpers.model.wants import KeyPair, ReservationWant


def plan_up(
    spec: LabSpec,
    owner: str,
    snapshot: Snapshot,
    *,
    site: str,
    flavors: Mapping[str, str],
    images: Mapping[str, int],
    networks: Collection[str],
    key: KeyPair,
    now: datetime,
) -> Plan:
    """Plan to bring the lab of `owner` up.

    What the site offers: `flavors` (name -> id), `images` (how many have each name that the lab uses) and the
    names of its `networks`; `now` is its clock.

    Raises `UsageError` where the file asks for what cannot be: an unknown flavor, image or network, a window
    that is refused, a lease or an instance in the way.
    """
    if reason := unbuilt(spec):
        raise UsageError(f"{spec.source}: {reason}")
    unknown = sorted({node.flavor for node in spec.nodes if node.flavor and node.flavor not in flavors})
    if unknown:
        raise UsageError(
            f"{site} has no flavor {', '.join(unknown)}.", do=f"It has {', '.join(sorted(flavors))}."
        )
    wants = fit.wanted(spec, flavors)
    lease, cleared = _lease(spec, owner, snapshot, wants, now)
    # The key first: a lease costs, and is of no use without one.
    steps: list[Step] = [UseKey(f"key pair {key.name}", key)]
    if lease is not None:
        window = Window(lease.start, lease.end)
    else:
        found = lease_window(spec, now)
        if isinstance(found, Refusal):
            raise found.error()
        window = found
    until = deadline(spec, window)
    name = spec.lease_name(owner)
    rest = nodes.Nodes(spec, owner, snapshot, wants, until, lease)
    steps += [*rest.cleared(), *cleared]
    if lease is None:
        start = None if window.immediate else window.start
        want = LeaseWant(name, window.end, wants, start)
        when = "" if start is None else f" from {describe(start, spec.timezone, now=now)}"
        what = ", ".join(map(str, wants))
        steps.append(
            CreateLease(
                f"create lease {name}: {what}{when} until {describe(until, spec.timezone, now=now)}", want
            )
        )
    terraform = spec.launch == "terraform"
    steps += [] if terraform else rest.groups()
    steps += [AwaitLease(f"lease {name} active", window.start, lease.id if lease else None)]
    launched = rest.terraform() if terraform else rest.instances()
    for step in launched:
        if isinstance(step, CreateInstance):
            _can_launch(step.image, step.network, site, images, networks)
        if isinstance(step, ApplyTerraform):
            for node in step.nodes:
                _can_launch(node.image, step.shared, site, images, networks)
    steps += launched
    steps += [] if terraform else rest.addresses()
    steps += rest.trusts()
    return Plan(spec.lab, owner, site, now, tuple(steps), until, notes=(*window.notes, *rest.notes))


def _can_launch(
    image: str, network: str, site: str, images: Mapping[str, int], networks: Collection[str]
) -> None:
    """Refuse before a lease is made; what runs already needs neither."""
    if network not in networks:
        raise UsageError(
            f"{site} has no network {network}.", do=f"It has {', '.join(sorted(networks)) or 'none'}."
        )
    if not (count := images.get(image, 0)):
        raise UsageError(f"{site} has no image {image}.", do="`openstack image list` names those it has.")
    if count > 1:
        raise UsageError(
            f"{site} has {count} images {image}; python-chi then uses none of them.",
            do="Name an image that is there once; `openstack image list` shows them.",
        )


def _lease(
    spec: LabSpec,
    owner: str,
    snapshot: Snapshot,
    wants: tuple[ReservationWant, ...],
    now: datetime,
) -> tuple[LeaseView | None, list[Step]]:
    """The lease to keep, and the deletions of those that are of no use any more."""
    name = spec.lease_name(owner)
    named = [lease for lease in snapshot.leases if lease.name == name and not lease.over]
    usable = fit.usable(name, snapshot)
    foreign = [lease for lease in named if snapshot.is_anothers(lease)]
    if foreign:
        raise UsageError(
            f"The lease {name} ({foreign[0].id}) is another user's ({foreign[0].user_id}; you are "
            f"{snapshot.user_id}).",
            do="Work as another --owner, or ask that user to give it back with `chi-lab down`. Staff can do "
            f"it with `chi-lab down --owner {owner}`.",
        )
    steps: list[Step] = [
        DeleteLease(f"delete lease {name}, which is {lease.status}", lease.id, name)
        for lease in named
        if lease not in usable
    ]
    if len(usable) > 1:
        ids = ", ".join(lease.id for lease in usable)
        raise UsageError(
            f"{len(usable)} leases are called {name}: {ids}.",
            do="`chi-lab down` deletes them all; or delete one in the site's dashboard.",
        )
    if not usable:
        return None, steps
    reason = fit.misfit(spec, usable[0], wants, now)
    if reason:
        raise UsageError(
            f"A lease {name} is there already, and {reason}.",
            do="Give it back with `chi-lab down`, then run `chi-lab up`; or change the file back.",
        )
    return usable[0], steps
