"""What there is, as the site's administrator sees it; and what that says of a contestant."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.reaper.scene import Ids, Scene

_INTERFACE = "network:router_interface"


class Score(NamedTuple):
    """How many resources went that should, which are left, and which went that should not: `kind: ids`."""

    deleted: int
    left: Ids
    wrong: Ids


def listed(admin: Any) -> dict[str, set[str]]:
    """Everything of all projects: `{kind: ids}`."""
    network = admin.network
    ports = list(network.ports())
    return {
        "instance": {server.id for server in admin.compute.servers(all_projects=True)},
        "floating IP": {ip.id for ip in network.ips()},
        "binding": {f"{ip.id} on {ip.port_id}" for ip in network.ips() if ip.port_id},
        "port": {port.id for port in ports if port.device_owner != _INTERFACE},
        "router interface": {port.id for port in ports if port.device_owner == _INTERFACE},
        "network": {one.id for one in network.networks()},
        "subnet": {one.id for one in network.subnets()},
        "router": {one.id for one in network.routers()},
        "security group": {one.id for one in network.security_groups()},
    }


def without(there: dict[str, set[str]], gone: set[str]) -> dict[str, set[str]]:
    """`there`, when all of `gone` (ids) is."""
    left = {kind: ids - gone for kind, ids in there.items()}
    return left | {"binding": {one for one in there["binding"] if not gone & set(one.split(" on "))}}


def score(scene: Scene, there: dict[str, set[str]]) -> Score:
    """Compare what is there with what should be."""
    left: Ids = {}
    wrong: Ids = {}
    deleted = 0
    for ids in scene.go.values():
        for kind, some in ids.items():
            still = [one for one in some if one in there[kind]]
            deleted += len(some) - len(still)
            if still:
                left.setdefault(kind, []).extend(still)
    for ids in scene.stay.values():
        for kind, some in ids.items():
            if gone := [one for one in some if one not in there[kind]]:
                wrong.setdefault(kind, []).extend(gone)
    return Score(deleted, left, wrong)
