"""All services of a site as answers over HTTP: what they say of one project, in the shapes that they say it in."""

from __future__ import annotations

from typing import Any

from tests.support.http_site import LEASE, HttpSite

DATE = "Mon, 02 Mar 2026 22:00:00 GMT"
CREATED = "2026-03-02T15:00:05Z"
DATED = {"Date": DATE, "x-openstack-request-id": "req-7"}
Entry = dict[str, Any]

LISTS = {
    "networks": "/network/v2.0/networks",
    "subnets": "/network/v2.0/subnets",
    "routers": "/network/v2.0/routers",
    "ports": "/network/v2.0/ports",
    "floatingips": "/network/v2.0/floatingips",
    "security_groups": "/network/v2.0/security-groups",
    "volumes": "/volume/v3/p1/volumes/detail",
    "snapshots": "/volume/v3/p1/snapshots/detail",
    "servers": "/compute/v2.1/servers/detail",
    "keypairs": "/compute/v2.1/os-keypairs",
}


def furnish(site: HttpSite, nova: str = "2.104") -> None:
    """Every service in the catalog, and nothing in the project. `site.routes` then takes what there is."""
    site.services = {
        "reservation": "/blazar",
        "compute": "/compute/v2.1",
        "network": "/network",
        "volumev3": "/volume/v3/p1",
        "image": "/image",
        "object-store": "/swift/v1/AUTH_p1",
    }
    versions = {
        "/compute/v2.1": ("v2.1", {"version": nova, "min_version": "2.1"}),
        "/network": ("v2.0", {}),
        "/volume/v3": ("v3.0", {"version": "3.71", "min_version": "3.0"}),
        "/image": ("v2.9", {}),
    }
    homes = {"/network": "/network/v2.0", "/image": "/image/v2"}
    for path, (name, micro) in versions.items():
        link = {"rel": "self", "href": f"{site.url}{homes.get(path, path)}/"}
        version = {"id": name, "status": "CURRENT", "links": [link], **micro}
        for asked in (path, f"{path}/"):
            site.routes["GET", asked] = [(200, {"versions": [version]}, {})]
    site.routes["GET", "/blazar/leases"] = [lambda _: (200, {"leases": site.leases}, DATED)]
    for key, path in LISTS.items():
        listing(site, key)
        assert path
    site.routes["GET", "/image/v2/images"] = [(200, {"images": []}, DATED)]
    site.routes["GET", "/swift/v1/AUTH_p1/"] = [(200, [], DATED)]


def listing(site: HttpSite, key: str, *entries: Entry) -> None:
    """Let this be the whole list."""
    site.routes["GET", LISTS[key]] = [(200, {key: list(entries)}, DATED)]


def lease(**changes: Any) -> Entry:
    return LEASE | changes


def server(**changes: Any) -> Entry:
    return {
        "id": "I1",
        "name": "hello-sam",
        "status": "ACTIVE",
        "tenant_id": "p1",
        "user_id": "u1",
        "created": CREATED,
        "metadata": {},
        "image": {"id": "IM1"},
        "flavor": {"original_name": "reservation:R1", "vcpus": 1, "ram": 512, "disk": 1, "extra_specs": {}},
        "key_name": "sam-key",
        "locked": False,
        "locked_reason": None,
        "scheduler_hints": {},
        "security_groups": [{"name": "web"}],
        "os-extended-volumes:volumes_attached": [],
        "OS-EXT-STS:task_state": None,
    } | changes


def thing(identifier: str, **changes: Any) -> Entry:
    """Something of Neutron's, with what all its kinds have."""
    return {
        "id": identifier,
        "name": identifier.lower(),
        "description": "",
        "tags": [],
        "project_id": "p1",
        "tenant_id": "p1",
        "created_at": CREATED,
        "updated_at": CREATED,
        "revision_number": 3,
    } | changes


def network(identifier: str = "N1", **changes: Any) -> Entry:
    return thing(identifier, **({"shared": False, "router:external": False, "status": "ACTIVE"} | changes))


def port(identifier: str = "P1", **changes: Any) -> Entry:
    usual = {
        "network_id": "N1",
        "fixed_ips": [{"subnet_id": "S1", "ip_address": "10.0.0.5"}],
        "security_groups": [],
        "device_id": "",
        "device_owner": "",
        "status": "DOWN",
        "name": "",
    }
    return thing(identifier, **(usual | changes))


def volume(identifier: str = "V1", **changes: Any) -> Entry:
    return {
        "id": identifier,
        "name": "data",
        "status": "available",
        "size": 1,
        "created_at": "2026-03-02T15:00:05.000000",
        "metadata": {},
        "attachments": [],
        "user_id": "u1",
        "os-vol-tenant-attr:tenant_id": "p1",
    } | changes


def image(identifier: str = "IM1", **changes: Any) -> Entry:
    return {
        "id": identifier,
        "name": "mine",
        "status": "active",
        "visibility": "private",
        "protected": False,
        "owner": "p1",
        "created_at": CREATED,
        "tags": [],
        "os_hidden": False,
        "disk_format": "raw",
        "self": f"/v2/images/{identifier}",
    } | changes
