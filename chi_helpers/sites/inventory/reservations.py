"""Leases: what Blazar says of them, and what goes along when one ends.

Blazar deletes, at a lease's end, the instances of its flavor reservations, every instance on the hosts of its
host reservations, and its floating IPs (blazar/plugins/{instances,oshosts,floatingips}/, `on_end`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Ref, Resource
from chi_helpers.sites.inventory.world import World, instant, part

if TYPE_CHECKING:
    from chi_helpers.sites.inventory.service import Entry, Look

HOSTS = "physical:host"
ENDED = frozenset({"TERMINATED", "TERMINATING"})
RESERVATION_TAG = "reservation:"
"""What Blazar puts before a reservation's id: in the tags of its floating IPs and in the names of its flavors
(blazar/utils/openstack/neutron.py, blazar/plugins/instances/instance_plugin.py)."""


def listed(look: Look, project_id: str) -> list[Entry]:
    """All leases of the project, ended ones too. Blazar does not paginate."""
    doing = "list the leases"
    body = look.body("/leases", doing)
    try:
        # An administrator is shown those of every project.
        found = [lease for lease in body["leases"] if lease["project_id"] == project_id]
        for lease in found:
            _ = lease["id"], lease["status"]
    except (KeyError, TypeError) as error:
        raise SiteError(f"The answer to the request to {doing} cannot be read: {error!r}") from error
    return found


def resources(world: World) -> list[Resource]:
    ties = _ties(world)
    return [_lease(lease, *ties.get(lease["id"], ((), ()))) for lease in world.of(Kind.LEASE)]


def reservation_of(server: Entry) -> str | None:
    """The reservation that an instance says it runs in: by its flavor, or by its scheduler hint."""
    flavor = str((server.get("flavor") or {}).get("original_name") or "")
    if flavor.startswith(RESERVATION_TAG):
        return flavor.removeprefix(RESERVATION_TAG)
    hint = (server.get("scheduler_hints") or {}).get("reservation")
    hint = hint[0] if isinstance(hint, list) and hint else hint
    return hint if isinstance(hint, str) and hint else None


def _lease(lease: Entry, takes: tuple[Ref, ...], unclear: tuple[str, ...]) -> Resource:
    return Resource(
        kind=Kind.LEASE,
        id=lease["id"],
        name=lease.get("name") or "",
        status=str(lease["status"] or ""),
        user_id=lease.get("user_id"),
        created=instant(lease.get("created_at")),
        start=instant(lease.get("start_date")),
        end=instant(lease.get("end_date")),
        takes=takes,
        unclear=unclear,
        spec=part(lease, "name", "start_date", "end_date", "reservations"),
    )


def _ties(world: World) -> dict[str, tuple[tuple[Ref, ...], tuple[str, ...]]]:
    """Lease id -> what it takes, and what the site did not tell of that."""
    home: dict[str, str] = {}
    holders = []
    for lease in world.of(Kind.LEASE):
        reservations = lease.get("reservations") or []
        home |= {str(r["id"]): lease["id"] for r in reservations}
        if lease["status"] not in ENDED and any(r.get("resource_type") == HOSTS for r in reservations):
            holders.append(lease["id"])
    takes: dict[str, list[Ref]] = {}
    untied = []
    for server in world.of(Kind.INSTANCE):
        reservation = reservation_of(server)
        if reservation in home:
            takes.setdefault(home[str(reservation)], []).append(Ref(Kind.INSTANCE, server["id"]))
        elif reservation is None and "scheduler_hints" not in server:
            # Before microversion 2.100 Nova does not tell an instance's hints.
            untied.append(server)
    for address in world.of(Kind.FLOATING_IP):
        for tag in address.get("tags") or ():
            lease_id = (
                home.get(tag.removeprefix(RESERVATION_TAG)) if tag.startswith(RESERVATION_TAG) else None
            )
            if lease_id:
                takes.setdefault(lease_id, []).append(Ref(Kind.FLOATING_IP, address["id"]))
    unclear: dict[str, tuple[str, ...]] = {}
    for lease_id in holders if untied else ():
        takes.setdefault(lease_id, []).extend(Ref(Kind.INSTANCE, server["id"]) for server in untied)
        names = ", ".join(sorted(str(server.get("name")) for server in untied)[:5])
        unclear[lease_id] = (f"The site does not tell which lease these run in: {names}.",)
    return {lease_id: (tuple(found), unclear.get(lease_id, ())) for lease_id, found in takes.items()}
