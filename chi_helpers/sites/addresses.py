"""Floating IPs: created bound and stamped in one call, released for good.

python-chi takes whatever address of the project is unbound (chi/network.py:613), maybe one that a classmate
made a second ago; and what it calls a release is a request to a path that does not exist (chi/server.py:299).
An address that Blazar reserved carries its tags and is left alone.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from chi_helpers.model import stamp as stamps
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.resources import FloatingIPView
from chi_helpers.sites.errors import GoneError, NoAnswerError, QuotaError, told
from chi_helpers.sites.waiting import read, ticks

if TYPE_CHECKING:
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.sites.session import Session

SETTLE = 15.0
"""Seconds in which an address whose creation got no answer may still appear."""
PUBLIC = "public"
"""Chameleon's name for the external network (python-chi's too, chi/network.py:6)."""


def listed(session: Session) -> tuple[FloatingIPView, ...]:
    """All floating IPs of the project, every page."""
    found = read(
        "list the floating IPs", lambda: list(session.conn.network.ips(project_id=session.project_id))
    )
    return tuple(view(ip) for ip in found)


def one(session: Session, address_id: str) -> FloatingIPView | None:
    with contextlib.suppress(GoneError):
        return view(read("look at the floating IP", lambda: session.conn.network.get_ip(address_id)))
    return None


def ports(session: Session, instance_ids: frozenset[str]) -> dict[str, str]:
    """Port id -> instance id, for the ports of these instances."""
    if not instance_ids:
        return {}
    found = read("list the ports", lambda: list(session.conn.network.ports(device_id=sorted(instance_ids))))
    return {port.id: port.device_id for port in found if port.device_id in instance_ids}


def create(session: Session, instance_id: str, stamp: Stamp) -> FloatingIPView:
    """Give an instance a floating IP of its own; after a lost answer look, never ask twice."""
    port_id = _port(session, instance_id)
    network_id = _external(session)
    try:
        with told("create a floating IP"):
            return view(
                session.conn.network.create_ip(
                    floating_network_id=network_id, port_id=port_id, description=stamp.description()
                )
            )
    except NoAnswerError as lost:
        for _ in ticks(SETTLE):
            bound = [ip for ip in listed(session) if ip.port_id == port_id]
            if bound:
                return bound[0]
        raise lost from None
    except QuotaError as error:
        error.do = "Release one that is not needed, or ask the instructor for more."
        raise
    except GoneError as error:
        if "External network" in error.what:
            raise RefusedError(
                f"The network has no router to the outside, so no floating IP can reach it: {error.what}",
                do="Use the site's shared network.",
                request_id=error.request_id,
            ) from error
        raise


def attach(session: Session, address_id: str, instance_id: str, stamp: Stamp) -> FloatingIPView:
    """Bind an address that exists to an instance, with a new stamp. It may be asked again without harm."""
    port_id = _port(session, instance_id)
    return view(
        read(
            "attach the floating IP",
            lambda: session.conn.network.update_ip(
                address_id, port_id=port_id, description=stamp.description()
            ),
        )
    )


def delete(session: Session, address_id: str, timeout: float = 60) -> None:
    """Release an address, and wait until Neutron says that it does not exist."""
    for _ in ticks(timeout):
        with contextlib.suppress(NoAnswerError), told("release the floating IP"):
            session.conn.network.delete_ip(address_id, ignore_missing=True)
        if one(session, address_id) is None:
            return
    raise SiteError(f"The floating IP {address_id} is still there {timeout:.0f} s after it was released.")


def view(ip: Any) -> FloatingIPView:
    """Openstacksdk's FloatingIP as a value."""
    return FloatingIPView(
        id=ip.id,
        address=ip.floating_ip_address,
        port_id=ip.port_id,
        stamp=stamps.from_description(ip.description),
        status=ip.status or "",
        # Blazar's own marks (blazar/plugins/floatingips/floatingip_plugin.py).
        reserved=any(tag == "blazar" or tag.startswith("reservation:") for tag in ip.tags or ()),
    )


def _port(session: Session, instance_id: str) -> str:
    found = ports(session, frozenset({instance_id}))
    if not found:
        raise RefusedError(
            f"The instance {instance_id} has no network port yet.", do="Run `chi-lab up` again."
        )
    return min(found)


def _external(session: Session) -> str:
    networks = read(
        "list the external networks", lambda: list(session.conn.network.networks(is_router_external=True))
    )
    if not networks:
        raise RefusedError("The site has no external network, so no floating IPs.")
    return str(min(networks, key=lambda n: (n.name != PUBLIC, n.name)).id)
