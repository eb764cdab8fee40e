"""Make single things in a classroom, with openstacksdk and the services' own APIs; and make them look old.

No API takes a creation time. Where age alone must decide, it is set in the sandbox's database, through its
private socket, right after the thing was made: what the reaper then reads is what the service tells it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chi_helpers.sandbox import database
from tests.support.classroom import Classroom

SECONDS = 180.0
_TRIES = 4
NEUTRON = {
    "port": "ports",
    "network": "networks",
    "subnet": "subnets",
    "router": "routers",
    "security group": "securitygroups",
    "floating ip": "floatingips",
}
OTHERS = {
    "instance": ("nova.instances", "uuid", ("created_at", "launched_at")),
    "failed instance": ("nova_cell0.instances", "uuid", ("created_at",)),
    "volume": ("cinder.volumes", "id", ("created_at",)),
    "snapshot": ("cinder.snapshots", "id", ("created_at",)),
    "image": ("glance.images", "id", ("created_at",)),
    "lease": ("blazar.leases", "id", ("created_at", "start_date")),
    "key pair": ("nova_api.key_pairs", "name", ("created_at",)),
}


class Maker:
    """Makes things in one classroom; each method returns the API's own object."""

    def __init__(self, room: Classroom) -> None:
        self.room = room
        self._aged: list[str] = []

    def lease(
        self,
        who: str,
        name: str,
        lasts: timedelta,
        *,
        instances: int = 0,
        addresses: int = 0,
    ) -> dict[str, Any]:
        """POST a lease that starts now, of m1.tiny instances and of floating IPs; does not wait."""
        public = self.room.cloud(who).network.find_network("public").id
        wanted: list[dict[str, Any]] = []
        if instances:
            wanted.append(
                {
                    "resource_type": "flavor:instance",
                    "flavor_id": "1",
                    "amount": instances,
                    "affinity": None,
                }
            )
        if addresses:
            floating = {"resource_type": "virtual:floatingip", "network_id": public, "amount": addresses}
            wanted.append({**floating, "required_floatingips": []})
        # "now", for a minute written out may be over when it arrives.
        end = datetime.now(UTC) + lasts
        body = {
            "name": name,
            "start_date": "now",
            "end_date": end.strftime("%Y-%m-%d %H:%M"),
            "reservations": wanted,
            "events": [],
        }
        blazar = self.room.blazar(who)
        answer = blazar.post("/leases", json=body, raise_exc=False)
        for _ in range(_TRIES):
            if answer.status_code != 500:
                break
            # Two leases at once may both try to make the same entry in Placement: Blazar gives one up.
            time.sleep(1)
            answer = blazar.post("/leases", json=body, raise_exc=False)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()["lease"]
        return found

    def active(self, who: str, lease: dict[str, Any]) -> str:
        """Wait until the lease is active; the id of its instances' flavor."""
        blazar = self.room.blazar(who)

        def status() -> str:
            return str(blazar.get(f"/leases/{lease['id']}").json()["lease"]["status"])

        wait_for(lambda: status() == "ACTIVE", f"lease {lease['name']} to become active")
        return next((r["id"] for r in lease["reservations"] if r["resource_type"] == "flavor:instance"), "")

    def instance(
        self, who: str, name: str, flavor: str, stamp: dict[str, str] | None = None, **options: Any
    ) -> Any:
        """Ask for an instance; on sharednet1, or where `networks` says. Does not wait."""
        cloud = self.room.cloud(who)
        if "networks" not in options:
            options["networks"] = [{"uuid": cloud.network.find_network("sharednet1").id}]
        options.setdefault("image_id", cloud.image.find_image("CC-Ubuntu24.04").id)
        return cloud.compute.create_server(name=name, flavor_id=flavor, metadata=stamp or {}, **options)

    def settled(self, who: str, servers: Iterable[Any], status: str = "ACTIVE") -> None:
        """Wait until all of these have that status."""
        wanted = {server.id for server in servers}
        cloud = self.room.cloud(who)

        def done() -> bool:
            seen = {s.id: s.status for s in cloud.compute.servers() if s.id in wanted}
            wrong = {i: s for i, s in seen.items() if s == "ERROR" != status}
            assert not wrong, f"instances failed: {wrong}"
            return set(seen) == wanted and set(seen.values()) <= {status}

        wait_for(done, f"{len(wanted)} instances to be {status}")

    def group(self, who: str, name: str, description: str = "", names: str = "") -> Any:
        """A security group; with a rule that lets in the members of the group `names`."""
        network = self.room.cloud(who).network
        made = network.create_security_group(name=name, description=description)
        if names:
            self.rule(who, made.id, names)
        return made

    def rule(self, who: str, group: str, remote: str) -> None:
        self.room.cloud(who).network.create_security_group_rule(
            security_group_id=group, direction="ingress", protocol="tcp", remote_group_id=remote
        )

    def network(self, who: str, name: str, cidr: str, description: str = "") -> tuple[Any, Any]:
        """A network with one subnet."""
        network = self.room.cloud(who).network
        made = network.create_network(name=name, description=description)
        subnet = network.create_subnet(
            network_id=made.id, name=f"sub-{name}", ip_version=4, cidr=cidr, description=description
        )
        return made, subnet

    def router(self, who: str, name: str, subnet: Any, description: str = "") -> Any:
        """A router to the world, with an interface in the subnet."""
        network = self.room.cloud(who).network
        public = network.find_network("public").id
        made = network.create_router(
            name=name, description=description, external_gateway_info={"network_id": public}
        )
        network.add_interface_to_router(made, subnet_id=subnet.id)
        return made

    def port(self, who: str, name: str, network: str = "", description: str = "", **options: Any) -> Any:
        api = self.room.cloud(who).network
        home = network or api.find_network("sharednet1").id
        return api.create_port(network_id=home, name=name, description=description, **options)

    def address(self, who: str, description: str = "", port: str = "") -> Any:
        api = self.room.cloud(who).network
        bound = {"port_id": port} if port else {}
        return api.create_ip(
            floating_network_id=api.find_network("public").id, description=description, **bound
        )

    def volume(self, who: str, name: str, stamp: dict[str, str] | None = None, **options: Any) -> Any:
        cloud = self.room.cloud(who)
        made = cloud.block_storage.create_volume(name=name, size=1, metadata=stamp or {}, **options)
        return cloud.block_storage.wait_for_status(made, "available", ["error"], wait=SECONDS)

    def snapshot(self, who: str, name: str, volume: Any, stamp: dict[str, str] | None = None) -> Any:
        storage = self.room.cloud(who).block_storage
        made = storage.create_snapshot(name=name, volume_id=volume.id, metadata=stamp or {}, is_forced=True)
        return storage.wait_for_status(made, "available", ["error"], wait=SECONDS)

    def image(self, who: str, name: str, stamp: dict[str, str] | None = None, **options: Any) -> Any:
        """An image that its owner uploaded."""
        return self.room.cloud(who).image.create_image(
            name, data=b"x" * 1024, disk_format="raw", container_format="bare", **(stamp or {}), **options
        )

    def image_of(self, who: str, name: str, server: Any, stamp: dict[str, str] | None = None) -> str:
        """An image that Nova makes of an instance; its id. Without a machine behind it, it holds nothing."""
        cloud = self.room.cloud(who)
        made = cloud.compute.create_server_image(server, name, metadata=stamp or {})
        wait_for(lambda: not cloud.compute.get_server(server.id).task_state, f"the image of {server.name}")
        return str(made.id)

    def container(self, who: str, name: str, objects: int, stamp: dict[str, str] | None = None) -> str:
        """A container with so many small objects; its name."""
        store = self.room.cloud(who).object_store
        headers = {f"X-Container-Meta-{key.replace('_', '-')}": value for key, value in (stamp or {}).items()}
        answer = store.put(f"/{name}", headers=headers)
        assert answer.status_code in (201, 202), answer.text
        for number in range(objects):
            answer = store.put(f"/{name}/notes/{number}.txt", data=b"homework")
            assert answer.status_code == 201, answer.text
        return name

    def age(self, kind: str, identifier: str, hours: float = 9) -> None:
        """Let the service say that this was made `hours` ago, from the next `grow_old` on."""
        then = (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")
        columns: tuple[str, ...]
        if table := NEUTRON.get(kind):
            table = f"neutron.standardattributes a join neutron.{table} t on t.standard_attr_id = a.id"
            key, columns = "t.id", ("a.created_at",)
        else:
            table, key, columns = OTHERS[kind]
        changes = ", ".join(f"{column} = '{then}'" for column in columns)
        # Names and ids are the test's own.
        self._aged.append(f"update {table} set {changes} where {key} = '{identifier}';")  # noqa: S608

    def grow_old(self) -> None:
        """Write what `age` asked for."""
        facts = json.loads((self.room.site.folder / "site.json").read_text())
        database.sql(Path(facts["run"]) / "db.sock", "".join(self._aged))
        self._aged.clear()


def wait_for(done: Any, what: str, seconds: float = SECONDS) -> None:
    """Look until it is so. Raises AssertionError that names `what` where that takes too long."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.3)
