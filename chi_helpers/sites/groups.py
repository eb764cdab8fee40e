"""Security groups, of the lab alone: one per node, open for exactly the ports that the file names.

One more, where a lab has several nodes, lets them reach each other.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from chi_helpers.model import stamp as stamps
from chi_helpers.model.errors import SiteError
from chi_helpers.model.resources import SecurityGroupView
from chi_helpers.sites.errors import ConflictError, GoneError, NoAnswerError, told
from chi_helpers.sites.waiting import read, ticks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chi_helpers.model.stamp import Stamp
    from chi_helpers.sites.session import Session

SETTLE = 15.0
"""Seconds in which a group whose creation got no answer may still appear."""
WORLD = "0.0.0.0/0"


def listed(session: Session) -> tuple[SecurityGroupView, ...]:
    """All security groups of the project, every page."""
    found = read(
        "list the security groups",
        lambda: list(session.conn.network.security_groups(project_id=session.project_id)),
    )
    return tuple(view(group) for group in found)


def one(session: Session, group_id: str) -> SecurityGroupView | None:
    with contextlib.suppress(GoneError):
        return view(_get(session, group_id))
    return None


def create(session: Session, name: str, stamp: Stamp) -> SecurityGroupView:
    """Create a stamped group without rules of its own; after a lost answer look, never ask twice."""
    try:
        with told(f"create the security group {name}"):
            made = session.conn.network.create_security_group(name=name, description=stamp.description())
            return view(made)
    except NoAnswerError as lost:
        for _ in ticks(SETTLE):
            mine = [g for g in listed(session) if g.name == name and g.stamp == stamp]
            if mine:
                return mine[0]
        raise lost from None


def set_ports(
    session: Session, group_id: str, ports: Iterable[int], stamp: Stamp, *, peers: bool = False
) -> SecurityGroupView:
    """Let exactly these TCP ports in from anywhere: close others, open what is missing; renew the stamp.

    `peers`: let everything in, too, that comes from a member of this same group.
    """
    wanted = frozenset(ports)
    group = _get(session, group_id)
    if stamps.from_description(group.description) != stamp:
        read(
            "stamp the security group",
            lambda: session.conn.network.update_security_group(group_id, description=stamp.description()),
        )
    for rule in group.security_group_rules or ():
        kept = world_port(rule) in wanted or (peers and from_peers(rule))
        if rule["direction"] == "ingress" and not kept:
            with told("close a port"), contextlib.suppress(GoneError):
                session.conn.network.delete_security_group_rule(rule["id"], ignore_missing=True)
    seen = view(group)
    inward: dict[str, object] = {
        "security_group_id": group_id,
        "direction": "ingress",
        "ethertype": "IPv4",
    }
    rules = [
        inward
        | {"protocol": "tcp", "port_range_min": port, "port_range_max": port, "remote_ip_prefix": WORLD}
        for port in sorted(wanted - seen.tcp_ports)
    ]
    if peers and not seen.peers:
        rules.append(inward | {"remote_group_id": group_id})
    if rules:
        try:
            with told("open ports"):
                # One request for all of them.
                list(session.conn.network.create_security_group_rules(rules))
        except (ConflictError, NoAnswerError) as error:
            # Neutron refuses a rule that exists: then, as after a lost answer, the group itself tells.
            now = view(_get(session, group_id))
            if not wanted <= now.tcp_ports or (peers and not now.peers):
                raise error from None
    found = view(_get(session, group_id))
    if found.tcp_ports != wanted or found.others or found.peers != peers:
        raise SiteError(
            f"The security group has ports {sorted(found.tcp_ports)} and {found.others} other rules, not "
            f"ports {sorted(wanted)} alone.",
            do="Run `chi-lab up` again.",
        )
    return found


def delete(session: Session, group_id: str, timeout: float = 60) -> None:
    """Delete a group and wait until it is gone; Neutron refuses as long as a port that uses it is going."""
    refused: SiteError | None = None
    for _ in ticks(timeout):
        try:
            with told("delete the security group"):
                session.conn.network.delete_security_group(group_id, ignore_missing=True)
        except (ConflictError, NoAnswerError) as error:
            refused = error
        if one(session, group_id) is None:
            return
    raise refused or SiteError(f"The security group {group_id} is still there after {timeout:.0f} s.")


def view(group: Any) -> SecurityGroupView:
    """Openstacksdk's SecurityGroup as a value."""
    inward = [rule for rule in group.security_group_rules or () if rule["direction"] == "ingress"]
    opened = [world_port(rule) for rule in inward if not from_peers(rule)]
    return SecurityGroupView(
        id=group.id,
        name=group.name,
        stamp=stamps.from_description(group.description),
        tcp_ports=frozenset(port for port in opened if port is not None),
        others=opened.count(None),
        peers=len(opened) < len(inward),
    )


def world_port(rule: dict[str, Any]) -> int | None:
    """Tell the TCP port that a rule opens to the world; None for any other rule."""
    plain = (
        rule["direction"] == "ingress"
        and rule["ethertype"] == "IPv4"
        and rule["protocol"] in ("tcp", "6")
        and rule["remote_ip_prefix"] in (None, WORLD)
        and not rule.get("remote_group_id")
        and rule["port_range_min"] == rule["port_range_max"]
    )
    return rule["port_range_min"] if plain else None


def from_peers(rule: dict[str, Any]) -> bool:
    """Tell whether a rule lets the members of its own group in, on every port."""
    return (
        rule["direction"] == "ingress"
        and rule["ethertype"] == "IPv4"
        and rule["protocol"] is None
        and rule.get("remote_group_id") == rule["security_group_id"]
    )


def _get(session: Session, group_id: str) -> Any:
    return read("look at the security group", lambda: session.conn.network.get_security_group(group_id))
