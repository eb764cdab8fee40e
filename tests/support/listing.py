"""What a project holds, as others than the kit list it: the second opinion on what the reaper did."""

from __future__ import annotations

from tests.support.classroom import ROBOT, Classroom
from tests.support.openstack_cli import OpenStack

LISTED = {
    "lease": ("reservation lease list", "id"),
    "instance": ("server list", "ID"),
    "floating ip": ("floating ip list", "ID"),
    "port": ("port list", "ID"),
    "volume": ("volume list", "ID"),
    "snapshot": ("volume snapshot list", "ID"),
    "image": ("image list --private", "ID"),
    "shared image": ("image list --shared", "ID"),
    "network": ("network list", "ID"),
    "subnet": ("subnet list", "ID"),
    "router": ("router list", "ID"),
    "security group": ("security group list", "ID"),
    "key pair": ("keypair list", "Name"),
    "container": ("container list", "Name"),
}
"""Kind -> the client's command, and the column that names one of it. What is uploaded is `shared` at first."""
STORAGE = frozenset({"volume", "snapshot", "container"})
"""Kinds that only a sandbox with volumes and objects has."""


def listed(cli: OpenStack, kinds: frozenset[str] = frozenset(LISTED)) -> set[tuple[str, str]]:
    """(kind, id) of everything that the client lists, the site's shared networks among it."""
    found = set()
    for kind, (command, column) in LISTED.items():
        if kind in kinds:
            name = kind.removeprefix("shared ")
            found |= {(name, str(row[column])) for row in cli.json(command)}
    return found


def held(room: Classroom) -> set[tuple[str, str]]:
    """The same, as openstacksdk lists it: much faster, for where many projects are looked at."""
    cloud, mine = room.cloud(ROBOT), {"project_id": room.project_id}
    found = {("lease", lease["id"]) for lease in room.blazar(ROBOT).get("/leases").json()["leases"]}
    lists = {
        "instance": cloud.compute.servers(details=False),
        "floating ip": cloud.network.ips(**mine),
        "port": cloud.network.ports(**mine),
        "network": cloud.network.networks(**mine),
        "subnet": cloud.network.subnets(**mine),
        "router": cloud.network.routers(**mine),
        "security group": cloud.network.security_groups(**mine),
        "image": (image for image in cloud.image.images() if image.owner == room.project_id),
    }
    if cloud.session.get_endpoint(service_type="block-storage"):
        lists["volume"] = cloud.block_storage.volumes(details=False)
        lists["snapshot"] = cloud.block_storage.snapshots(details=False)
        found |= {("container", one.name) for one in cloud.object_store.containers()}
    return found | {(kind, str(one.id)) for kind, ones in lists.items() for one in ones}
