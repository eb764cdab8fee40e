"""Does a lease that is there serve the lab, as its file describes it now?"""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from chi_helpers.model.wants import ReservationWant
from chi_helpers.policy.clock import describe, to_the_minute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chi_helpers.model.lab import LabSpec, NodeSpec
    from chi_helpers.model.resources import LeaseView, ReservationView, Snapshot

ROUNDING = timedelta(minutes=1)
"""Blazar begins a lease that starts now at the minute before (it knows whole minutes)."""

USABLE = {"PENDING", "STARTING", "ACTIVE", "UPDATING", "CREATING"}
"""Blazar's words for a lease that is, or will be, of use (blazar/status.py)."""


def usable(name: str, snapshot: Snapshot) -> list[LeaseView]:
    """The leases of exactly that name that are, or will be, of use."""
    return [
        lease
        for lease in snapshot.leases
        if lease.name == name and lease.status in USABLE and lease.end > snapshot.at
    ]


def wanted(spec: LabSpec, flavors: Mapping[str, str]) -> tuple[ReservationWant, ...]:
    """The reservations that the lab's nodes need: one for each flavor or node type. Order is the file's."""
    counts = Counter((node.flavor, node.node_type) for node in spec.nodes)
    return tuple(
        ReservationWant(
            amount,
            flavor_id=flavors[flavor] if flavor is not None else None,
            node_type=node_type,
            label=flavor or node_type or "",
        )
        for (flavor, node_type), amount in counts.items()
    )


def serves(reservation: ReservationView, want: ReservationWant) -> bool:
    """Whether a lease's reservation is of the wanted flavor or node type."""
    if want.flavor_id is not None:
        # A site that does not say what was reserved gets the benefit of the doubt: the amount is compared.
        return reservation.resource_type == "flavor:instance" and reservation.flavor_id in (
            want.flavor_id,
            None,
        )
    return reservation.resource_type == "physical:host" and node_type(reservation) == want.node_type


def node_type(reservation: ReservationView) -> str | None:
    """The node type that a host reservation asks for, as python-chi writes it: `["==", "$node_type", T]`."""
    try:
        operator, key, value = json.loads(reservation.resource_properties)
    except (TypeError, ValueError):
        return None
    return str(value) if operator in ("==", "=") and key == "$node_type" else None


def reserved_for(node: NodeSpec, wants: tuple[ReservationWant, ...]) -> ReservationWant:
    """Which of `wants` a node takes a place of."""
    return next(want for want in wants if want.label == (node.flavor or node.node_type))


def misfit(spec: LabSpec, lease: LeaseView, wants: tuple[ReservationWant, ...], now: datetime) -> str | None:
    """Say why the lease does not serve; None where it does."""
    others = [r for r in lease.reservations if r.resource_type in ("flavor:instance", "physical:host")]
    matched = [
        (want, next((r for r in others if serves(r, want) and r.amount == want.amount), None))
        for want in wants
    ]
    if len(others) != len(wants) or any(found is None for _, found in matched):
        return f"it does not reserve what the file asks for ({', '.join(map(str, wants))})"
    allowed = min(spec.lifetime.max, spec.lease.duration) + ROUNDING
    if lease.end - max(lease.start, now) > allowed:
        return (
            f"it lasts until {describe(lease.end, spec.timezone, now=now)}, longer than the "
            f"{allowed - ROUNDING} that is allowed from now on"
        )
    if lease.end - lease.start > spec.lifetime.max + ROUNDING:
        return f"it is {lease.end - lease.start} long, above lifetime.max ({spec.lifetime.max})"
    asked = spec.lease.start
    if asked is not None and asked > now and lease.start != to_the_minute(asked):
        return (
            f"it starts {describe(lease.start, spec.timezone, now=now)}, and the file says "
            f"{describe(asked, spec.timezone, now=now)}"
        )
    return None
