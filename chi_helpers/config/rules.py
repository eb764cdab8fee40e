"""What the values of a reservation.yaml must be together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from chi_helpers.config.document import Document, NodeSection
from chi_helpers.config.problems import Place
from chi_helpers.config.quantities import localised
from chi_helpers.model.span import span

ADDRESSES_TAKEN = 4
"""The network's own, the broadcast address, the gateway, and Neutron's DHCP port."""
SSH = 22
"""The port that host keys, logins and Ansible need."""
LETS_IN = "users"
"""The role that adds keys to a node."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken at `place`; `reads` are the places that it looked at."""

    place: Place
    message: str
    reads: tuple[Place, ...]


def broken(document: Document) -> Iterator[Finding]:
    """Every rule that `document` breaks."""
    yield from _lease(document)
    for key, node in document.nodes.items():
        yield from _node(("nodes", key), node)
    yield from _boot_volumes(document)
    yield from _stacks(document)
    yield from _people(document)
    yield from _room(document)
    yield from _reap(document)
    yield from _times(document)


def _lease(document: Document) -> Iterator[Finding]:
    longest = document.lifetime.max
    cap: Place = ("lifetime", "max")
    duration, place = document.lease.duration, ("lease", "duration")
    if duration is not None and duration > longest:
        message = f"{span(duration)} is above lifetime.max: lower it to {span(longest)} or less"
        yield Finding(place, message, (place, cap))
    if document.lease.end_early >= timedelta(hours=1):
        place = ("lease", "end_early")
        yield Finding(place, "must be less than an hour: write for example 5m", (place,))
    for index, warning in enumerate(document.lifetime.warn):
        if warning >= longest:
            yield Finding(
                ("lifetime", "warn", index),
                f"{span(warning)} before the deadline nothing has started: lifetime.max is {span(longest)}",
                (("lifetime", "warn", index), cap),
            )


def _node(place: Place, node: NodeSection) -> Iterator[Finding]:
    either = ((*place, "flavor"), (*place, "node_type"))
    if node.flavor is not None and node.node_type is not None:
        yield Finding(
            place,
            "has both flavor and node_type: keep flavor for a virtual machine, node_type for bare metal",
            either,
        )
    if node.flavor is None and node.node_type is None:
        yield Finding(
            place,
            "has neither flavor nor node_type: add for example flavor: m1.small, or node_type: compute_liqid",
            either,
        )
    yield from _reach(place, node)


def _reach(place: Place, node: NodeSection) -> Iterator[Finding]:
    address, ports = (*place, "floating_ip"), (*place, "ports")
    if node.floating_ip and SSH not in node.ports:
        yield Finding(
            ports,
            f"lacks {SSH}, so that nobody could log in at the floating IP, not even to set the node up: "
            f"add {SSH}, or remove floating_ip",
            (address, ports),
        )


def _boot_volumes(document: Document) -> Iterator[Finding]:
    """Only Terraform makes them: one that Nova makes carries no stamp, so nobody would know whose it is."""
    for key, node in document.nodes.items():
        place: Place = ("nodes", key, "boot_volume")
        if node.boot_volume is None:
            continue
        if node.node_type is not None:
            yield Finding(
                place,
                "is for virtual machines, and this is bare metal, which boots from its own disk: remove it",
                (place, ("nodes", key, "node_type")),
            )
        elif document.launch != "terraform":
            yield Finding(
                place,
                "needs Terraform, which makes the volume: add `launch: terraform` at the top of the file, or "
                "remove boot_volume",
                (place, ("launch",)),
            )


def _stacks(document: Document) -> Iterator[Finding]:
    """A node without a floating IP is set up through one that has it."""
    if any(node.floating_ip for node in document.nodes.values()):
        return
    for key, node in document.nodes.items():
        if node.stack:
            address, stack = ("nodes", key, "floating_ip"), ("nodes", key, "stack")
            yield Finding(
                stack,
                "cannot be applied without an address to log in at: add floating_ip: true, or remove stack",
                (address, stack),
            )


def _people(document: Document) -> Iterator[Finding]:
    """The keys reach a node by the role `users` only."""
    if document.people and not any(LETS_IN in node.stack for node in document.nodes.values()):
        yield Finding(
            ("people",),
            f"can log in nowhere: add {LETS_IN} to the stack of a node, or remove people",
            (("people",), ("nodes",)),
        )


def _room(document: Document) -> Iterator[Finding]:
    private = document.network.private
    if private is None:
        return
    room = private.num_addresses - ADDRESSES_TAKEN
    if room < len(document.nodes):
        yield Finding(
            ("network", "private"),
            f"{private} has room for {max(room, 0)} of the {len(document.nodes)} nodes: take a larger one, "
            "such as 192.168.1.0/24",
            (("network", "private"), ("nodes",)),
        )


def _reap(document: Document) -> Iterator[Finding]:
    reap = document.reap
    grace: Place = ("reap", "grace")
    hard: Place = ("reap", "hard")
    if reap.hard < reap.grace:
        yield Finding(
            hard,
            f"{span(reap.hard)} is below reap.grace, {span(reap.grace)}, before which nothing goes: raise it",
            (hard, grace),
        )


def _times(document: Document) -> Iterator[Finding]:
    zone: Place = ("timezone",)
    moments: dict[Place, datetime] = {
        ("spare", "until", name): until for name, until in document.spare.until.items()
    }
    if document.lease.start is not None:
        moments["lease", "start"] = document.lease.start
    for index, outage in enumerate(document.outages):
        moments["outages", index, "from"] = outage.start
        moments["outages", index, "to"] = outage.end
    read: dict[Place, datetime] = {}
    for place, local in moments.items():
        try:
            read[place] = localised(local, document.timezone)
        except ValueError as error:
            yield Finding(place, str(error), (place, zone))
    for index in range(len(document.outages)):
        begins, ends = ("outages", index, "from"), ("outages", index, "to")
        if begins in read and ends in read and read[begins] >= read[ends]:
            yield Finding(ends, "is not after `from`: an outage ends after it begins", (begins, ends, zone))
