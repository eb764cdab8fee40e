"""`ProjectSite`: the verbs of `ReapSite` on a real site. Each asks once, and does not wait for the effect.

Neither keystoneauth nor this module repeats a request that changes anything: whether a lost one took effect,
the caller finds out by looking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from chi_helpers.model.errors import RefusedError
from chi_helpers.model.inventory import Kind
from chi_helpers.sites.containers import delete_container
from chi_helpers.sites.errors import ChangedError, ConflictError, GoneError
from chi_helpers.sites.inventory import Doors, Looker, network, notes, volumes
from chi_helpers.sites.inventory.objects import path_of
from chi_helpers.sites.inventory.service import Service, request_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from chi_helpers.model.inventory import Inventory, Mark, Resource
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.sites.session import Session

_KEYS = {
    Kind.NETWORK: "network",
    Kind.SUBNET: "subnet",
    Kind.ROUTER: "router",
    Kind.PORT: "port",
    Kind.FLOATING_IP: "floatingip",
    Kind.GROUP: "security_group",
}
_METADATA = {
    Kind.INSTANCE: "/servers/{}/metadata",
    Kind.VOLUME: "/volumes/{}/metadata",
    Kind.SNAPSHOT: "/snapshots/{}/metadata",
}
"""Where a POST adds keys to those that are there, in Nova and Cinder alike."""


class ProjectSite:
    """One project of a Chameleon site, over OpenStack's APIs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._doors = Doors(session)
        self._looker = Looker(self._doors)

    @property
    def name(self) -> str:
        return self.session.credentials.region

    @property
    def project_id(self) -> str:
        return self.session.project_id

    def inventory(self, kinds: Collection[Kind] | None = None, beside: Collection[Kind] = ()) -> Inventory:
        return self._looker.look(kinds, beside)

    def delete(self, resource: Resource) -> str:  # noqa: PLR0911 - a table, read downwards
        # Nova and Neutron let an administrator do both; the caller has judged already.
        if resource.locked is True:
            raise RefusedError(f"The {resource.ref} is locked{_reason(resource)}.")
        if resource.fixed:
            raise RefusedError(f"The {resource.ref} is not the project's to delete: {resource.fixed}.")
        doing = f"delete the {resource.ref}"
        service = self._doors.of(resource.kind)
        match resource.kind:
            case Kind.ROUTER:
                return _delete_router(service, resource, doing)
            case Kind.CONTAINER:
                return delete_container(service, resource.id, doing)
            case Kind.VOLUME | Kind.SNAPSHOT:
                return _delete_volume(service, resource, doing)
            case Kind.INSTANCE:
                return _delete_instance(service, resource, doing)
            case Kind.KEY_PAIR:
                return self._delete_key_pair(service, resource, doing)
            case Kind.LEASE:
                return request_id(service.ask("DELETE", f"/leases/{resource.id}", doing))
            case Kind.IMAGE:
                return request_id(service.ask("DELETE", f"/images/{resource.id}", doing))
            case _:
                path = f"/{network.PATHS[resource.kind]}/{resource.id}"
                return request_id(service.ask("DELETE", path, doing, headers=_unchanged(resource.revision)))

    def trim(self, lease: Resource, end: datetime) -> str:
        # Blazar takes whole minutes, in UTC: cut, so that the lease never ends later than asked.
        body = {"end_date": notes.utc(end).strftime("%Y-%m-%d %H:%M")}
        service = self._doors.of(Kind.LEASE)
        return request_id(service.ask("PUT", f"/leases/{lease.id}", f"shorten the {lease.ref}", json=body))

    def mark(self, resource: Resource, mark: Mark) -> str:
        if resource.kind in network.PATHS:
            # One tag is added: to send the list of tags would take away what another wrote meanwhile.
            tag = quote(f"{notes.MARK_TAG}{notes.write(mark)}", safe="")
            path = f"/{network.PATHS[resource.kind]}/{resource.id}/tags/{tag}"
            return request_id(self._doors.of(resource.kind).ask("PUT", path, f"mark the {resource.ref}"))
        return self._write(resource, {notes.MARK: notes.write(mark)}, f"mark the {resource.ref}")

    def restamp(self, resource: Resource, stamp: Stamp) -> str:
        doing = f"stamp the {resource.ref}"
        if resource.kind in network.PATHS:
            return request_id(
                self._doors.of(resource.kind).ask(
                    "PUT",
                    f"/{network.PATHS[resource.kind]}/{resource.id}",
                    doing,
                    json={_KEYS[resource.kind]: {"description": stamp.description()}},
                    headers=_unchanged(resource.revision),
                )
            )
        return self._write(resource, stamp.metadata(), doing)

    def _write(self, resource: Resource, metadata: Mapping[str, str], doing: str) -> str:
        """Add keys and values to a resource; what else is on it stays."""
        service = self._doors.of(resource.kind)
        if resource.kind in _METADATA:
            path = _METADATA[resource.kind].format(resource.id)
            return request_id(service.ask("POST", path, doing, json={"metadata": dict(metadata)}))
        if resource.kind is Kind.IMAGE:
            patch = [{"op": "add", "path": f"/{key}", "value": value} for key, value in metadata.items()]
            kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
            return request_id(service.ask("PATCH", f"/images/{resource.id}", doing, json=patch, headers=kind))
        if resource.kind is Kind.CONTAINER:
            headers = notes.to_headers(metadata)
            return request_id(service.ask("POST", path_of(resource.id), doing, headers=headers))
        raise RefusedError(f"Cannot {doing}: a {resource.kind} has no room for notes.")

    def _delete_key_pair(self, service: Service, pair: Resource, doing: str) -> str:
        user, _, name = pair.id.partition("/")
        asked = {} if user == self.session.user_id else {"user_id": user}
        path = f"/os-keypairs/{quote(name, safe='')}"
        return request_id(service.ask("DELETE", path, doing, params=asked))


def _delete_volume(service: Service, resource: Resource, doing: str) -> str:
    try:
        return request_id(service.ask("DELETE", f"/{volumes.PATHS[resource.kind]}/{resource.id}", doing))
    except (ConflictError, GoneError):
        raise
    except RefusedError as error:
        # Cinder says 400 for one that is attached, has snapshots or is on its way (cinder/volume/api.py).
        if "Invalid volume" in error.what or "Invalid snapshot" in error.what:
            raise ConflictError(error.what, do=error.do, request_id=error.request_id) from error
        raise


def _delete_instance(service: Service, resource: Resource, doing: str) -> str:
    try:
        return request_id(service.ask("DELETE", f"/servers/{resource.id}", doing))
    except ConflictError as error:
        # Nova has one status for "locked" and for "busy"; the one stays, the other passes.
        if "is locked" in error.what:
            raise RefusedError(error.what, do="Unlock it.", request_id=error.request_id) from error
        raise


def _delete_router(service: Service, router: Resource, doing: str) -> str:
    """Take a router's interfaces off, and delete it.

    The revision is compared at the first effect. That cannot be the deletion itself where the router has a
    gateway: Neutron takes the gateway off first, which changes the revision, and then refuses with 412
    (neutron/db/l3_db.py, `delete_router`; tests/site/test_inventory.py shows it).
    """
    path, guard = f"/routers/{router.id}", _unchanged(router.revision)
    interfaces = [ref.id for ref in router.takes if ref.kind is Kind.PORT]
    if not interfaces and not router.spec.get("external_gateway_info"):
        return request_id(service.ask("DELETE", path, doing, headers=guard))
    if not interfaces:
        _same(router, service.ask("GET", path, doing).json()["router"]["revision_number"])
    for port in interfaces:
        service.ask("PUT", f"{path}/remove_router_interface", doing, json={"port_id": port}, headers=guard)
        guard = {}
    # Should it have got a new interface meanwhile, Neutron refuses (409).
    return request_id(service.ask("DELETE", path, doing))


def _same(router: Resource, revision: int) -> None:
    if router.revision not in (None, revision):
        raise ChangedError(f"The {router.ref} changed: it has revision {revision}, not {router.revision}.")


def _unchanged(revision: int | None) -> dict[str, str]:
    """Ask Neutron to refuse with 412 where the thing is not the one that was judged any more."""
    return {} if revision is None else {"If-Match": f"revision_number={revision}"}


def _reason(resource: Resource) -> str:
    reason = resource.spec.get("locked_reason")
    return f" ({reason})" if reason else ""
