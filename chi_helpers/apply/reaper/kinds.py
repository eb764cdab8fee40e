"""Which kinds must be listed together, so that something can be concluded about one of them.

A look at too few kinds is never dangerous: the judge then does not know, and what is not known is kept. The
looks between two waves are to be small, and yet enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chi_helpers.model.inventory import Kind
from chi_helpers.policy.listing import MAY_NEED, MAY_TAKE

_NEUTRON = frozenset({Kind.FLOATING_IP, Kind.PORT, Kind.NETWORK, Kind.SUBNET, Kind.ROUTER, Kind.GROUP})

AT_ONCE = _NEUTRON | {Kind.KEY_PAIR, Kind.CONTAINER}
"""Neutron, Swift and Nova's key pairs answer when the thing is gone. Blazar, Nova, Cinder and Glance may
answer first and delete later."""

GUARDED = _NEUTRON - {Kind.GROUP}
"""Where an older look does no harm: deletions carry the revision that it showed.

Neutron counts a revision up for a new subnet, interface, fixed address, binding or note of its own
(`revises_on_change` in neutron/db/models_v2.py and models/l3.py), and refuses what is in use. Not so security
groups: a rule of another group that names one leaves its revision as it is, and goes along with it.
"""

_WRITES: Mapping[Kind, frozenset[Kind]] = {
    Kind.LEASE: frozenset({Kind.FLOATING_IP, Kind.IMAGE}),
    Kind.INSTANCE: frozenset({Kind.FLOATING_IP, Kind.IMAGE}),
    Kind.FLOATING_IP: frozenset({Kind.PORT}),
    Kind.PORT: frozenset({Kind.FLOATING_IP}),
    Kind.ROUTER: frozenset({Kind.FLOATING_IP}),
    Kind.SUBNET: frozenset({Kind.NETWORK, Kind.PORT}),
    Kind.VOLUME: frozenset({Kind.SNAPSHOT}),
    Kind.SNAPSHOT: frozenset({Kind.VOLUME}),
}
"""What a call on a thing of this kind changes besides what goes along: unbound, or with a new revision."""

_TOLD: Mapping[Kind, frozenset[Kind]] = {Kind.NETWORK: frozenset({Kind.SUBNET})}
"""What goes along with a thing of this kind, and counts its revision up when it is changed itself."""


def seen_lately(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """What must have been seen a moment ago before a thing of these kinds is deleted.

    It goes along, and no revision that the call sends tells that it was changed: a port that was renamed
    leaves its instance, router and network as they were.
    """
    return frozenset().union(*(_along((kind,)) - {kind} - _TOLD.get(kind, frozenset()) for kind in kinds))


def touched(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """The kinds of which a look from before calls on `kinds` says nothing any more."""
    called = frozenset(kinds)
    return _along(called).union(*(_WRITES.get(kind, frozenset()) for kind in called))


def _along(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """`kinds`, and all that may go along with them."""
    found = set(kinds)
    while more := {taken for kind in found for taken in MAY_TAKE.get(kind, ())} - found:
        found |= more
    return frozenset(found)


def together(kinds: Iterable[Kind]) -> frozenset[Kind]:
    """`kinds`, all that goes along with them, and what may need or own any of these."""
    going = _along(kinds)
    found = set(going)
    found |= {user for kind in going for user in MAY_NEED.get(kind, ())}
    # Whose Neutron's things are may show by ports and instances; whose an instance is, by its lease. Of one
    # that is asked about only because it may use what goes, nothing but that counts.
    found |= {Kind.PORT, Kind.INSTANCE} if found & _NEUTRON else set()
    return frozenset(found | ({Kind.LEASE} if Kind.INSTANCE in going else set()))
