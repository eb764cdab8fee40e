"""Everything that carries a lab's stamp, of every kind that Terraform makes: to adopt it, or to delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.model import stamp as stamps
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.parts import DELETABLE, Part
from chi_helpers.sites import groups, instances, volumes
from chi_helpers.sites.errors import ConflictError, GoneError, NoAnswerError, told
from chi_helpers.sites.waiting import read, ticks

if TYPE_CHECKING:
    from chi_helpers.sites.session import Session

INTERFACE = "network:router_interface"


def listed(session: Session, lab: str, owner: str) -> tuple[Part, ...]:
    """List what carries the stamp of this lab and owner. Raises `SiteError`: half a list is none."""
    network = session.conn.network

    def described(kind: str, things: Any) -> list[tuple[Any, Part]]:
        def ask() -> list[Any]:
            return list(things(project_id=session.project_id))

        stamped = [
            (thing, stamps.from_description(thing.description)) for thing in read(f"list: {kind}", ask)
        ]
        return [
            (thing, Part(kind, thing.id, thing.name or thing.id, stamp.node))
            for thing, stamp in stamped
            if stamp is not None and stamp.of(lab, owner)
        ]

    parts = [
        Part("instance", instance.id, instance.name, instance.stamp.node)
        for instance in instances.listed(session)
        if instance.stamp is not None and instance.stamp.of(lab, owner)
    ]
    for address, part in described("floating IP", network.ips):
        bound = [Part("association", part.id, part.name, part.node)] if address.port_id else []
        parts += [part, *bound]
    for group, part in described("security group", network.security_groups):
        parts += [part, *_rules(group, part)]
    for kind, things in (("port", network.ports), ("subnet", network.subnets), ("network", network.networks)):
        parts += [part for _, part in described(kind, things)]
    for router, part in described("router", network.routers):
        parts += [part, *_interfaces(session, router.id, part)]
    parts += [
        Part("volume", volume.id, volume.name, volume.node)
        for volume in volumes.listed(session, lab, owner) or ()
    ]
    return tuple(parts)


def _rules(group: Any, of: Part) -> list[Part]:
    opened = [
        (rule["id"], groups.world_port(rule), groups.from_peers(rule))
        for rule in group.security_group_rules or ()
    ]
    return [
        Part("rule", rule, of.name, of.node, port=port)
        for rule, port, peers in opened
        if port is not None or peers
    ]


def _interfaces(session: Session, router: str, of: Part) -> list[Part]:
    def ask() -> list[Any]:
        return list(session.conn.network.ports(device_id=router, device_owner=INTERFACE))

    return [Part("interface", port.id, of.name) for port in read("list the router's ports", ask)]


def delete(session: Session, part: Part, timeout: float = 120) -> None:
    """Delete a part of one of the kinds `DELETABLE`, and wait until it is gone."""
    if part.kind not in DELETABLE:
        raise ValueError(part.kind)
    proxy = session.conn.block_storage if part.kind == "volume" else session.conn.network
    refused: SiteError | None = None
    for _ in ticks(timeout):
        try:
            with told(f"delete the {part.kind} {part.name}"):
                if part.kind == "router":
                    for port in list(proxy.ports(device_id=part.id, device_owner=INTERFACE)):
                        proxy.remove_interface_from_router(part.id, port_id=port.id)
                getattr(proxy, f"delete_{part.kind}")(part.id, ignore_missing=True)
        except GoneError:
            return
        except (ConflictError, NoAnswerError) as error:
            refused = error
        except RefusedError as error:
            if not _settling(proxy, part):
                raise
            refused = error
        if _gone(proxy, part):
            return
    raise refused or SiteError(f"The {part.kind} {part.name} is still there after {timeout:.0f} s.")


def _gone(proxy: Any, part: Part) -> bool:
    try:
        read(f"look at the {part.kind}", lambda: getattr(proxy, f"get_{part.kind}")(part.id))
    except GoneError:
        return True
    return False


def _settling(proxy: Any, part: Part) -> bool:
    """Whether it is a volume that Cinder is at work on: it answers 400 then, where the others answer 409."""
    if part.kind != "volume":
        return False
    try:
        found = read("look at the volume", lambda: proxy.get_volume(part.id))
    except GoneError:
        return True
    return volumes.view(found, None).settling
