"""All that an owner has at a site: what tests/support/student.py lists, and what Terraform makes besides."""

from __future__ import annotations

from typing import Any

from tests.support.student import Student

INTERFACE = "network:router_interface"


def owned(student: Student) -> set[tuple[str, str]]:
    """(kind, id) of everything that carries the owner's name, as openstacksdk and Blazar list it."""
    held = student.holdings()
    cloud = student.site.connection(student.who)
    found = {("lease", str(lease["id"])) for lease in held.leases}
    kinds: dict[str, Any] = {
        "instance": held.instances,
        "floating IP": held.floating_ips,
        "security group": held.security_groups,
        "port": held.ports,
        "network": held.networks,
        "subnet": [one for one in cloud.network.subnets() if student.owner in one.name],
        "router": _routers(student, cloud),
        "volume": volumes(student),
    }
    return found | {(kind, str(one.id)) for kind, ones in kinds.items() for one in ones}


def counts(student: Student) -> dict[str, int]:
    """How many there are of each kind; kinds of which there is none are left out."""
    kinds = [kind for kind, _ in owned(student)]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def volumes(student: Student) -> list[Any]:
    """The owner's volumes; none where the site has no block storage."""
    cloud = student.site.connection(student.who)
    if not cloud.has_service("block-storage"):
        return []
    return [one for one in cloud.block_storage.volumes() if student.owner in (one.name or "")]


def unroute(student: Student) -> None:
    """Delete the owner's routers, which hold a network that `Student.remove_everything` is to delete."""
    cloud = student.site.connection(student.who)
    for address in student.holdings().floating_ips:
        cloud.network.delete_ip(address, ignore_missing=True)
    for router in _routers(student, cloud):
        for port in cloud.network.ports(device_id=router.id, device_owner=INTERFACE):
            cloud.network.remove_interface_from_router(router.id, port_id=port.id)
        cloud.network.delete_router(router, ignore_missing=True)


def _routers(student: Student, cloud: Any) -> list[Any]:
    return [one for one in cloud.network.routers() if student.owner in one.name]
