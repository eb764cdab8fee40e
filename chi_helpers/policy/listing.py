"""Was everything listed that bears on a resource? Else nothing that is missing can be ruled out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chi_helpers.model.inventory import Inventory, Kind
from chi_helpers.model.reaping import Finding, Rule
from chi_helpers.model.truth import Truth

if TYPE_CHECKING:
    from chi_helpers.model.inventory import Resource
    from chi_helpers.policy.ties import Ties

MAY_TAKE: Mapping[Kind, frozenset[Kind]] = {
    Kind.LEASE: frozenset({Kind.INSTANCE}),
    Kind.INSTANCE: frozenset({Kind.PORT, Kind.VOLUME}),
    Kind.NETWORK: frozenset({Kind.SUBNET, Kind.PORT}),
    Kind.ROUTER: frozenset({Kind.PORT}),
}
"""What may go along with a thing of this kind."""

MAY_NEED: Mapping[Kind, frozenset[Kind]] = {
    Kind.FLOATING_IP: frozenset({Kind.PORT, Kind.INSTANCE}),
    Kind.PORT: frozenset({Kind.INSTANCE, Kind.ROUTER}),
    Kind.VOLUME: frozenset({Kind.INSTANCE, Kind.SNAPSHOT}),
    Kind.SNAPSHOT: frozenset({Kind.VOLUME}),
    Kind.IMAGE: frozenset({Kind.INSTANCE, Kind.VOLUME}),
    Kind.NETWORK: frozenset({Kind.PORT, Kind.SUBNET, Kind.ROUTER, Kind.INSTANCE}),
    Kind.SUBNET: frozenset({Kind.PORT, Kind.ROUTER, Kind.INSTANCE}),
    Kind.ROUTER: frozenset({Kind.FLOATING_IP, Kind.PORT, Kind.SUBNET, Kind.INSTANCE}),
    Kind.GROUP: frozenset({Kind.PORT, Kind.INSTANCE, Kind.GROUP}),
    Kind.KEY_PAIR: frozenset({Kind.INSTANCE}),
}
"""Who may need a thing of this kind.

Leases take floating IPs too, and no list of them is needed for that: one that Blazar holds says so itself,
by a tag, and is `fixed`.
"""

_FOR_ONE = frozenset({Kind.PORT, Kind.FLOATING_IP, Kind.VOLUME})
"""What one thing at a time uses: where that is known, no other needs it."""


class Listings:
    """The answers to the rule LISTED for one inventory."""

    def __init__(self, inventory: Inventory, ties: Ties) -> None:
        self._ties = ties
        self._of_kind = {kind: _kind(inventory, kind) for kind in Kind}
        self._blind = _blind(ties)

    def of(self, number: int) -> Finding:
        """The finding for the resource at this position."""
        resource = self._ties.resources[number]
        found = self._of_kind[resource.kind]
        if found.truth is not Truth.YES:
            return found
        if resource.unclear:
            return Finding(Rule.LISTED, Truth.UNKNOWN, f"not all about it is told: {resource.unclear[0]}")
        if _is_a_stub(resource):
            return Finding(Rule.LISTED, Truth.UNKNOWN, "Nova tells nothing of it: its cell does not answer")
        blind = self._blind.get(resource.kind)
        if blind is not None and not (resource.kind in _FOR_ONE and number in self._ties.holders):
            return blind
        return found


def _kind(inventory: Inventory, kind: Kind) -> Finding:
    for other in (kind, *sorted(MAY_TAKE.get(kind, frozenset()) | MAY_NEED.get(kind, frozenset()))):
        if not inventory.complete(other):
            return Finding(Rule.LISTED, Truth.UNKNOWN, unseen(inventory, other))
    return Finding(Rule.LISTED, Truth.YES, "all that bears on it was listed")


def unseen(inventory: Inventory, kind: Kind) -> str:
    """Say that, and why, a kind was not wholly listed."""
    listing = inventory.listings.get(kind)
    why = listing.why if listing is not None and listing.why else "nobody looked"
    return f"the {kind}s were not all listed: {why}"


def _is_a_stub(resource: Resource) -> bool:
    # Nova's word for what a cell that does not answer holds (compute API reference, "down cells").
    return resource.kind is Kind.INSTANCE and resource.status == "UNKNOWN"


def _blind(ties: Ties) -> dict[Kind, Finding]:
    """Kinds of which something may be needed by a thing whose ties are not all told."""
    found: dict[Kind, Finding] = {}
    for number, resource in enumerate(ties.resources):
        if not (resource.unclear or _is_a_stub(resource)):
            continue
        for kind, needed_by in MAY_NEED.items():
            if resource.kind in needed_by and kind not in found:
                why = f"{ties.refs[number]} may need it: not all about that is told"
                found[kind] = Finding(Rule.LISTED, Truth.UNKNOWN, why)
    return found
