"""Nova with a state, over HTTP: instances on what Blazar reserved, flavors, key pairs, consoles, limits."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.support.http_neutron import Neutron
from tests.support.http_service import Entry, RefusalError, Service, get, route

_BUILDING = "Cannot '{}' instance {} while it is in vm_state building"
CONSOLE = "[    9.1] cloud-init: ready\n"


def flavor(
    identifier: str, name: str, vcpus: int = 1, ram: int = 512, disk: int = 1, specs: Entry | None = None
) -> Entry:
    sizes = {"vcpus": vcpus, "ram": ram, "disk": disk, "swap": 0, "OS-FLV-EXT-DATA:ephemeral": 0}
    return {"id": identifier, "name": name, **sizes, "extra_specs": specs or {}}


class Nova(Service):
    """An instance is ACTIVE, or gone, at the second look after it was asked for."""

    def __init__(self, neutron: Neutron) -> None:
        self.neutron = neutron
        self.servers: dict[str, Entry] = {}
        self.keys: dict[str, Entry] = {}
        self.flavors = {
            "1": flavor("1", "m1.tiny"),
            "2": flavor("2", "m1.small", ram=2048, disk=20),
            "B": flavor("B", "baremetal", vcpus=48, ram=128000, disk=200),
        }
        self.amounts: dict[str, int] = {}
        """Reservation -> how many instances it has room for."""
        self.limits = {
            "maxTotalInstances": 10,
            "totalInstancesUsed": 2,
            "maxTotalCores": 20,
            "totalCoresUsed": 3,
            "maxTotalRAMSize": -1,
            "totalRAMUsed": 4096,
        }
        self.consoles: dict[str, str] = {}
        self._number = count(1)

    # --- instances

    @route("GET", "/servers/detail")
    def every(self, _: Any) -> tuple[int, Any]:
        return 200, {"servers": list(self.servers.values())}

    @route("POST", "/servers")
    def create(self, body: Any) -> tuple[int, Any]:
        asked = body["server"]
        hints = body.get("os:scheduler_hints") or body.get("OS-SCH-HNT:scheduler_hints") or {}
        reservation = hints.get("reservation") or asked["flavorRef"]
        taken = [s for s in self.servers.values() if s["reservation"] == reservation]
        fits = len(taken) < self.amounts.get(reservation, 0)
        identifier = f"I{next(self._number)}"
        chosen = get(self.flavors, asked["flavorRef"], "Flavor")
        made = {
            "id": identifier,
            "name": asked["name"],
            "status": "BUILD" if fits else "ERROR",
            "tenant_id": "p1",
            "user_id": "u1",
            "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "metadata": asked.get("metadata", {}),
            "addresses": {},
            "image": {"id": asked["imageRef"]},
            "flavor": {"original_name": chosen["name"]},
            "key_name": asked["key_name"],
            "locked": False,
            "OS-EXT-STS:task_state": None,
            "reservation": reservation,
        }
        if fits:
            port = self.neutron.plug(identifier, [group["name"] for group in asked["security_groups"]])
            fixed = {"addr": f"10.0.0.{identifier[1:]}", "version": 4, "OS-EXT-IPS:type": "fixed"}
            network = self.neutron.things["networks"][asked["networks"][0]["uuid"]]
            made["addresses"] = {network["name"]: [fixed]}
            port["network_id"] = network["id"]
        else:
            made["fault"] = {"code": 500, "message": "No valid host was found. "}
        self.servers[identifier] = made
        return 202, {"server": {"id": identifier, "links": []}}

    @route("GET", "/servers/{}")
    def show(self, identifier: str, _: Any) -> tuple[int, Any]:
        found = dict(get(self.servers, identifier, "Instance"))
        server = self.servers[identifier]
        if server["status"] == "BUILD":
            server["status"] = "ACTIVE"
        if server["OS-EXT-STS:task_state"] == "deleting":
            self.vanish(identifier)
        return 200, {"server": found}

    @route("DELETE", "/servers/{}")
    def delete(self, identifier: str, _: Any) -> tuple[int, Any]:
        get(self.servers, identifier, "Instance")["OS-EXT-STS:task_state"] = "deleting"
        return 204, None

    def vanish(self, identifier: str) -> None:
        del self.servers[identifier]
        self.neutron.unplug(identifier)

    @route("POST", "/servers/{}/metadata")
    def stamp(self, identifier: str, body: Any) -> tuple[int, Any]:
        server = get(self.servers, identifier, "Instance")
        if server["status"] == "BUILD":
            raise RefusalError(409, "conflictingRequest", _BUILDING.format("update metadata", identifier))
        server["metadata"] = server["metadata"] | body["metadata"]
        return 200, {"metadata": server["metadata"]}

    @route("POST", "/servers/{}/action")
    def action(self, identifier: str, body: Any) -> tuple[int, Any]:
        get(self.servers, identifier, "Instance")
        assert "os-getConsoleOutput" in body
        return 200, {"output": self.consoles.get(identifier, CONSOLE)}

    # --- the rest

    @route("GET", "/flavors/detail")
    def list_flavors(self, _: Any) -> tuple[int, Any]:
        return 200, {"flavors": list(self.flavors.values())}

    @route("GET", "/flavors/{}")
    def show_flavor(self, identifier: str, _: Any) -> tuple[int, Any]:
        return 200, {"flavor": get(self.flavors, identifier, "Flavor")}

    @route("GET", "/flavors/{}/os-extra_specs")
    def show_specs(self, identifier: str, _: Any) -> tuple[int, Any]:
        return 200, {"extra_specs": get(self.flavors, identifier, "Flavor")["extra_specs"]}

    @route("GET", "/limits")
    def show_limits(self, _: Any) -> tuple[int, Any]:
        return 200, {"limits": {"absolute": self.limits, "rate": []}}

    @route("GET", "/os-keypairs/{}")
    def show_key(self, name: str, _: Any) -> tuple[int, Any]:
        return 200, {"keypair": get(self.keys, name, "Keypair")}

    @route("POST", "/os-keypairs")
    def create_key(self, body: Any) -> tuple[int, Any]:
        asked = body["keypair"]
        if asked["name"] in self.keys:
            raise RefusalError(409, "conflictingRequest", f"Key pair '{asked['name']}' already exists.")
        self.keys[asked["name"]] = {"fingerprint": "f", "user_id": "u1", **asked}
        return 201, {"keypair": self.keys[asked["name"]]}
