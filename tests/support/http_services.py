"""A whole site with a state behind `HttpSite`: what is made over HTTP is there to look at, and goes when deleted.

tests/unit/sites/test_http_contract.py holds it to the contract of the real site. For what a site does not do on
demand, `HttpSite.routes` still come first, and `Services.once` makes one answer differ.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from tests.support.http_neutron import Neutron
from tests.support.http_nova import Nova, flavor
from tests.support.http_project import furnish
from tests.support.http_service import Entry, RefusalError, Service, get, matching, route
from tests.support.http_site import DropError, HttpSite

IMAGE = {
    "id": "IM1",
    "name": "CC-Ubuntu24.04",
    "status": "active",
    "size": 2**30 + 1,
    "min_disk": 0,
    "virtual_size": None,
    "created_at": "2026-03-02T15:00:05Z",
}
NODE_TYPES = ("gpu_a100_pcie", "compute_skylake")


class Blazar(Service):
    """A lease is ACTIVE at the second look; its flavors are Nova's as long as it is there."""

    def __init__(self, nova: Nova) -> None:
        self.nova = nova
        self.leases: dict[str, Entry] = {}
        self._number = count(1)

    @staticmethod
    def refusal(status: int, kind: str, message: str) -> Entry:  # noqa: ARG004
        return {"error_code": status, "error_message": message}

    @route("GET", "/leases")
    def every(self, _: Any) -> tuple[int, Any]:
        return 200, {"leases": list(self.leases.values())}

    @route("GET", "/leases/{}")
    def show(self, identifier: str, _: Any) -> tuple[int, Any]:
        found = dict(get(self.leases, identifier, "Lease"))
        if found["status"] == "PENDING":
            self.leases[identifier]["status"] = "ACTIVE"
        return 200, {"lease": found}

    @route("POST", "/leases")
    def create(self, body: Any) -> tuple[int, Any]:
        now = datetime.now(UTC).replace(second=0, microsecond=0, tzinfo=None)
        start = now if body["start_date"] == "now" else datetime.fromisoformat(body["start_date"])
        made = {
            "id": f"L{next(self._number)}",
            "name": body["name"],
            "status": "PENDING",
            "user_id": "u1",
            "project_id": "p1",
            "created_at": now.isoformat(" "),
            "start_date": f"{start.isoformat()}.000000",
            "end_date": f"{datetime.fromisoformat(body['end_date']).isoformat()}.000000",
            "reservations": [self._reserve(asked) for asked in body["reservations"]],
        }
        self.leases[made["id"]] = made
        return 201, {"lease": made}

    def _reserve(self, asked: Entry) -> Entry:
        identifier = f"R{next(self._number)}"
        made = {**asked, "id": identifier, "status": "pending"}
        self.nova.amounts[identifier] = int(asked.get("amount") or asked.get("max") or 0)
        if asked["resource_type"] == "flavor:instance":
            model = self.nova.flavors[asked["flavor_id"]]
            made |= {"flavor_id": identifier, "resource_properties": f'{{"id": "{model["id"]}"}}'}
            self.nova.flavors[identifier] = model | flavor(identifier, f"reservation:{identifier}")
        return made

    @route("DELETE", "/leases/{}")
    def delete(self, identifier: str, _: Any) -> tuple[int, Any]:
        lease = get(self.leases, identifier, "Lease")
        for reservation in lease["reservations"]:
            for server in list(self.nova.servers.values()):
                if server["reservation"] == reservation["id"]:
                    self.nova.vanish(server["id"])
            self.nova.flavors.pop(reservation["id"], None)
        del self.leases[identifier]
        return 204, None

    @route("GET", "/os-hosts")
    def hosts(self, _: Any) -> tuple[int, Any]:
        return 200, {"hosts": [{"id": str(n), "node_type": name} for n, name in enumerate(NODE_TYPES)]}


class Glance(Service):
    def __init__(self) -> None:
        self.images = [dict(IMAGE)]

    @route("GET", "/v2/images")
    def every(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        return 200, {"images": matching(self.images, query), "first": "/v2/images"}

    @route("GET", "/v2/schemas/image")
    def schema(self, _: Any) -> tuple[int, Any]:
        """What glanceclient, and so python-chi, asks for before it shows an image."""
        return 200, {"name": "image", "properties": {}, "additionalProperties": True}


class Cinder(Service):
    """A volume is gone at the second look after its deletion was asked for."""

    def __init__(self) -> None:
        self.volumes: dict[str, Entry] = {}

    @route("GET", "/volumes/detail")
    def every(self, _: Any) -> tuple[int, Any]:
        return 200, {"volumes": list(self.volumes.values())}

    @route("GET", "/volumes/{}")
    def show(self, identifier: str, _: Any) -> tuple[int, Any]:
        found = dict(get(self.volumes, identifier, "Volume"))
        if found["status"] == "deleting":
            del self.volumes[identifier]
        return 200, {"volume": found}

    @route("DELETE", "/volumes/{}")
    def delete(self, identifier: str, _: Any) -> tuple[int, Any]:
        volume = get(self.volumes, identifier, "Volume")
        if volume["status"] not in ("available", "error"):
            raise RefusalError(400, "badRequest", "Invalid volume: Volume status must be available or error.")
        volume["status"] = "deleting"
        return 202, None


class Services:
    """The services of `site`, put behind it; attributes are their states."""

    def __init__(self, site: HttpSite) -> None:
        self.site = site
        furnish(site)
        self.neutron = Neutron()
        self.nova = Nova(self.neutron)
        self.blazar = Blazar(self.nova)
        self.glance, self.cinder = Glance(), Cinder()
        places: dict[str, Service] = {
            "/network": self.neutron,
            "/compute/v2.1": self.nova,
            "/blazar": self.blazar,
            "/image": self.glance,
            "/volume/v3/p1": self.cinder,
        }
        # What `furnish` says of versions stays; its empty lists do not.
        for method, path in list(site.routes):
            if any(path.startswith(f"{place}/") and len(path) > len(place) + 1 for place in places):
                del site.routes[method, path]
        site.behind = places

    def lose(self, method: str, path: str) -> None:
        """Do what the next such request asks, and drop the connection in place of the answer."""

        def done_and_lost(body: Any) -> Any:
            self.site.ask_behind(method, path, body)
            raise DropError

        self.site.once.setdefault((method, path), []).append(done_and_lost)

    def refuse(self, method: str, path: str, *answers: Any) -> None:
        """Let the next such requests have these answers, and no effect."""
        self.site.once.setdefault((method, path), []).extend(answers)
