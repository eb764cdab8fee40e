"""Instances: made with python-chi's Server, read and deleted with openstacksdk.

`Server.submit` passes what it does not know on to Nova (chi/server.py:70), so the stamp and the security
groups are in the very call that creates the instance. It is called with show=None, since its default fails
outside Jupyter after it has created the instance (:381), and without waiting, since its wait takes ERROR for
success (:355). A key name is always given: without one it may delete and remake the user's key pair (:1084).
"""

from __future__ import annotations

import contextlib
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import chi
from chi.server import Server

from chi_helpers.model import stamp as stamps
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.resources import InstanceView
from chi_helpers.sites.errors import ConflictError, GoneError, NoAnswerError, told
from chi_helpers.sites.waiting import read, ticks

if TYPE_CHECKING:
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.model.wants import InstanceWant
    from chi_helpers.sites.session import Session

SETTLE = 20.0
"""Seconds in which an instance whose creation got no answer may still appear."""
BAREMETAL = "baremetal"
"""The one flavor of Chameleon's bare-metal sites."""


def listed(session: Session) -> tuple[InstanceView, ...]:
    """All instances of the project, every page.

    Raises `SiteError` where Nova says that a part of its answer is missing: from microversion 2.69 on, an
    instance of a cell that does not answer is listed with status UNKNOWN and little else.
    """
    # Unfiltered: any filter makes Nova leave those out silently (nova api/openstack/compute/servers.py:183).
    found = read("list the instances", lambda: list(session.conn.compute.servers()))
    if any(server.status == "UNKNOWN" for server in found):
        raise SiteError(
            "The site's list of instances is incomplete: a part of it does not answer.", do="Run again later."
        )
    return tuple(view(server) for server in found if _in_project(session, server))


def one(session: Session, instance_id: str) -> InstanceView | None:
    with contextlib.suppress(GoneError):
        return view(read("look at the instance", lambda: session.conn.compute.get_server(instance_id)))
    return None


def create(session: Session, want: InstanceWant) -> InstanceView:
    """Create one stamped instance, and do not wait for it; after a lost answer look, never ask twice."""
    before = {instance.id for instance in listed(session)}
    flavor = reserved_flavor(session, want.reservation_id) if want.flavor else BAREMETAL
    try:
        with told(f"create the instance {want.name}"), contextlib.redirect_stdout(io.StringIO()):
            Server(
                name=want.name,
                reservation_id=None if want.flavor else want.reservation_id,
                image_name=want.image,
                flavor_name=flavor,
                key_name=want.key_name,
                network_name=want.network,
            ).submit(
                wait_for_active=False,
                show=None,
                metadata=want.stamp.metadata(),
                security_groups=[{"name": group_id} for group_id in want.group_ids],
            )
    except NoAnswerError as lost:
        return _appeared(session, want, before, lost)
    # python-chi does not pass the answer on (chi/server.py:218).
    return _appeared(session, want, before, None)


def restamp(session: Session, instance_id: str, stamp: Stamp) -> InstanceView:
    """Write a new stamp on an instance; other metadata stays. It may be asked again without harm."""
    read(
        "stamp the instance",
        lambda: session.conn.compute.set_server_metadata(instance_id, **stamp.metadata()),
    )
    found = one(session, instance_id)
    if found is None:
        raise GoneError(f"The instance {instance_id} does not exist any more.", do="Run `chi-lab up`.")
    return found


def reserved_flavor(session: Session, reservation_id: str) -> str:
    """Name of the flavor that Blazar made for a reservation; `Lease.get_reserved_flavors` asks for all."""
    try:
        found = read("look at the lease's flavor", lambda: session.conn.compute.get_flavor(reservation_id))
    except GoneError:
        flavors = read("list the flavors", lambda: list(session.conn.compute.flavors(get_extra_specs=True)))
        key = "aggregate_instance_extra_specs:reservation"
        matching = [f for f in flavors if f.extra_specs.get(key) == reservation_id]
        if not matching:
            raise RefusedError(
                f"The lease's flavor (reservation {reservation_id}) is not there: the lease is not active.",
                do="Look with `chi-lab status`.",
            ) from None
        found = matching[0]
    return str(found.name)


def as_chi(instance: InstanceView, image: str, network: str) -> Any:
    """python-chi's Server object of an instance that exists, without the calls that may touch key pairs."""
    with told("look at the instance"):
        server = Server(
            name=instance.name, image_name=image, key_name=instance.key_name or "-", network_name=network
        )
        found = chi.nova().servers.get(instance.id)
        server.flavor_name = found.flavor.get("original_name", "")
    server.id = instance.id
    return server


def delete(session: Session, instance_id: str, timeout: float = 600) -> None:
    """Delete an instance and wait until Nova says that it does not exist."""
    asked = False
    for _ in ticks(timeout):
        found = one(session, instance_id)
        if found is None or found.status == "DELETED":
            return
        if not asked or found.status == "ERROR":
            try:
                with told("delete the instance"):
                    session.conn.compute.delete_server(instance_id, ignore_missing=True)
                asked = True
            except ConflictError:
                if found.locked:
                    raise
            except NoAnswerError:
                pass  # look again: it is harmless to ask twice for a deletion
    raise SiteError(f"The instance {instance_id} is still there {timeout:.0f} s after it was deleted.")


def console(session: Session, instance_id: str) -> str:
    """Read what the instance wrote on its console. Raises `RefusedError` where it has none (bare metal)."""
    answer = read("read the console", lambda: session.conn.compute.get_server_console_output(instance_id))
    return str((answer or {}).get("output") or "")


def view(server: Any) -> InstanceView:
    """Openstacksdk's Server as a value."""
    every = [entry for entries in (server.addresses or {}).values() for entry in entries]
    fault = getattr(server, "fault", None) or {}
    return InstanceView(
        id=server.id,
        name=server.name or "",
        # Nova keeps "ACTIVE" until a deletion is through; its task says that it is under way.
        status="DELETING" if getattr(server, "task_state", None) == "deleting" else str(server.status or ""),
        user_id=server.user_id or "",
        created=_created(server.created_at),
        stamp=stamps.from_metadata(server.metadata or {}),
        addresses=tuple(e["addr"] for e in every if e.get("OS-EXT-IPS:type") != "floating"),
        floating_ips=tuple(e["addr"] for e in every if e.get("OS-EXT-IPS:type") == "floating"),
        key_name=server.key_name,
        locked=bool(getattr(server, "is_locked", False)),
        fault=str(fault.get("message") or ""),
    )


def _created(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _in_project(session: Session, server: Any) -> bool:
    return server.project_id in (None, session.project_id)


def _appeared(
    session: Session, want: InstanceWant, before: set[str], lost: NoAnswerError | None
) -> InstanceView:
    for _ in ticks(SETTLE, first=0.3):
        for instance in listed(session):
            if instance.id not in before and instance.name == want.name and instance.stamp == want.stamp:
                return instance
    raise lost or SiteError(f"Nova accepted the instance {want.name}, and does not list it.")
