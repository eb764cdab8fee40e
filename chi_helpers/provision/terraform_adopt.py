"""Import blocks for what is at the site, carries the lab's stamp, and is not in Terraform's state.

So a lost state, or a run that was killed between a request and its record, makes nothing twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chi_helpers.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from chi_helpers.model.parts import Part

_TYPES = {
    "instance": "openstack_compute_instance_v2.node",
    "port": "openstack_networking_port_v2.node",
    "floating IP": "openstack_networking_floatingip_v2.node",
    "association": "openstack_networking_floatingip_associate_v2.node",
    "volume": "openstack_blockstorage_volume_v3.boot",
}
_NETWORK = {
    "network": "openstack_networking_network_v2.lab",
    "subnet": "openstack_networking_subnet_v2.lab",
    "router": "openstack_networking_router_v2.lab",
    "interface": "openstack_networking_router_interface_v2.lab",
}
_REACHED = ("floating IP", "association")


def imports(
    parts: Iterable[Part],
    known: Collection[str],
    ports: Mapping[str, Collection[int]],
    reachable: Collection[str],
    booted: Collection[str],
    *,
    private: bool,
) -> str:
    """The text of the import blocks. `known`: addresses in the state; `ports`: each node's in the file.

    `reachable` are the nodes that get a floating IP, `booted` those that boot from a volume, `private`
    whether the lab has a network of its own.

    Raises `UsageError` where two things claim one place: which of them is meant nobody can tell.
    """
    chosen: dict[str, Part] = {}
    nodes = {**dict.fromkeys(_REACHED, reachable), "volume": booted}
    for part in parts:
        address = _address(part, ports, nodes, private=private)
        if address is None or address in known:
            continue
        if address in chosen:
            raise UsageError(
                f"There are two of one {part.kind} of the lab: {chosen[address].id} and {part.id}, and no "
                "Terraform state that says which is in use.",
                do="Give the lab back with `chi-lab down`, which finds both, then run `chi-lab up`.",
            )
        chosen[address] = part
    return "\n".join(
        f"import {{\n  to = {address}\n  id = {json.dumps(part.id)}\n}}\n" for address, part in chosen.items()
    )


def of_node(kind: str, node: str) -> str:
    """The address of what a node has at most one of, such as its instance."""
    return f'module.nodes.{_TYPES[kind]}["{node}"]'


def _address(
    part: Part, ports: Mapping[str, Collection[int]], nodes: Mapping[str, Collection[str]], *, private: bool
) -> str | None:
    """Where the configuration has it; None where it has no such place.

    `nodes`: of kinds that not every node has, those that have one.
    """
    if part.kind in _NETWORK:
        return f"module.network[0].{_NETWORK[part.kind]}" if private else None
    if part.kind == "security group":
        place = _group(part, ports)
    elif part.kind == "rule":
        place = _rule(part, ports)
    else:
        wanted = part.kind in _TYPES and part.node in nodes.get(part.kind, ports)
        place = f'{_TYPES[part.kind]}["{part.node}"]' if wanted else None
    return None if place is None else f"module.nodes.{place}"


def _group(part: Part, ports: Mapping[str, Collection[int]]) -> str | None:
    base = "openstack_networking_secgroup_v2"
    if not part.node:
        return f"{base}.peers[0]" if len(ports) > 1 else None
    return f'{base}.node["{part.node}"]' if part.node in ports else None


def _rule(part: Part, ports: Mapping[str, Collection[int]]) -> str | None:
    base = "openstack_networking_secgroup_rule_v2"
    if not part.node:
        return f"{base}.peers[0]" if len(ports) > 1 and part.port is None else None
    if part.port is None or part.port not in ports.get(part.node, ()):
        return None
    return f'{base}.port["{part.node}/{part.port}"]'
