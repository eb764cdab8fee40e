"""Networks, subnets, routers, ports, floating IPs and security groups: what Neutron says of them.

Ties (neutron/db/{db_base_plugin_v2,l3_db}.py): a network takes its subnets and the ports that Neutron itself
has on it; a router's interfaces are taken off before it goes; a router with a floating IP behind it, a
network or subnet with ports, a group in use and a port of an instance are not deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Ref, Resource
from chi_helpers.sites.inventory import notes
from chi_helpers.sites.inventory.reservations import RESERVATION_TAG
from chi_helpers.sites.inventory.world import NOVA, World, instant

if TYPE_CHECKING:
    from chi_helpers.sites.inventory.service import Entry, Look

PATHS = {
    Kind.NETWORK: "networks",
    Kind.SUBNET: "subnets",
    Kind.ROUTER: "routers",
    Kind.PORT: "ports",
    Kind.FLOATING_IP: "floatingips",
    Kind.GROUP: "security-groups",
}
_KEYS = {Kind.GROUP: "security_groups"}
GOES_WITH_NETWORK = frozenset({"network:dhcp", "network:distributed", "network:floatingip_agent_gateway"})
"""Owners of the ports that Neutron deletes with their network (neutron/common/_constants.py)."""
INTERFACES = frozenset(
    {
        "network:router_interface",
        "network:router_interface_distributed",
        "network:ha_router_replicated_interface",
    }
)
DEFAULT = "default"


def key_of(kind: Kind) -> str:
    """What Neutron calls a list of this kind in its answers."""
    return _KEYS.get(kind, PATHS[kind])


def listed(look: Look, project_id: str, kind: Kind) -> list[Entry]:
    """Everything of one kind that is the project's alone.

    An administrator is shown every project's things, so it is filtered here, too. A network that is shared
    or external is others' as well, and not listed.
    """
    doing = f"list the {kind}s"
    found = look.pages(f"/{PATHS[kind]}", key_of(kind), doing, {"project_id": project_id})
    try:
        mine = [entry for entry in found if entry["project_id"] == project_id]
        if kind is Kind.NETWORK:
            mine = [n for n in mine if not n["shared"] and not n.get("router:external")]
    except KeyError as error:
        raise SiteError(f"The answer to the request to {doing} cannot be read: {error!r}") from error
    return mine


def resources(world: World) -> list[Resource]:
    ties = _Ties(world)
    builders = {
        Kind.NETWORK: ties.network,
        Kind.SUBNET: ties.subnet,
        Kind.ROUTER: ties.router,
        Kind.PORT: ties.port,
        Kind.FLOATING_IP: ties.floating_ip,
        Kind.GROUP: ties.group,
    }
    return [
        _made(world, kind, entry, **build(entry))
        for kind, build in builders.items()
        for entry in world.of(kind)
    ]


def _made(world: World, kind: Kind, entry: Entry, **ties: Any) -> Resource:
    stamp, fault, mark = notes.of_description(entry.get("description"), entry.get("tags") or ())
    ties["needs"] = world.known(ties.get("needs", ()))
    return Resource(
        kind=kind,
        id=entry["id"],
        name=entry.get("name") or entry.get("floating_ip_address") or "",
        status=str(entry.get("status") or ""),
        created=instant(entry.get("created_at")),
        stamp=stamp,
        stamp_fault=fault,
        mark=mark,
        revision=entry.get("revision_number"),
        spec=_spec(entry),
        **ties,
    )


class _Ties:
    """How Neutron's things hang together, each as keyword arguments of a `Resource`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.addresses: dict[str, list[Ref]] = {}
        """Port -> floating IPs bound to it."""
        for ip in world.of(Kind.FLOATING_IP):
            if ip.get("port_id"):
                self.addresses.setdefault(ip["port_id"], []).append(Ref(Kind.FLOATING_IP, ip["id"]))
        own = {network["id"] for network in world.of(Kind.NETWORK)}
        self.shared = frozenset(
            subnet["id"]
            for subnet in world.of(Kind.SUBNET)
            if Kind.NETWORK in world.full and subnet["network_id"] not in own
        )
        """The project's subnets of networks that others use as well."""
        self.along: dict[str, list[Ref]] = {}
        """Network -> what goes with it."""
        for part in world.of(Kind.SUBNET):
            self.along.setdefault(part["network_id"], []).append(Ref(Kind.SUBNET, part["id"]))
        for port in world.of(Kind.PORT):
            if port.get("device_owner") in GOES_WITH_NETWORK:
                self.along.setdefault(port["network_id"], []).append(Ref(Kind.PORT, port["id"]))
        routers = {router["id"] for router in world.of(Kind.ROUTER)}
        self.routers: dict[str, set[str]] = {}
        """Subnet -> routers with an interface on it."""
        for port in world.of(Kind.PORT):
            if port.get("device_id") in routers and port.get("device_owner") in INTERFACES:
                for subnet in _subnets(port):
                    self.routers.setdefault(subnet, set()).add(port["device_id"])

    def network(self, entry: Entry) -> dict[str, Any]:
        return {"takes": tuple(self.along.get(entry["id"], ()))}

    def subnet(self, entry: Entry) -> dict[str, Any]:
        return {"fixed": "it is a part of a shared network"} if entry["id"] in self.shared else {}

    def router(self, entry: Entry) -> dict[str, Any]:
        mine = [p for p in self.world.ports_of.get(entry["id"], ()) if p.get("device_owner") in INTERFACES]
        # A subnet or network cannot go while a router has an interface on it: the router goes first.
        needs = [ref for port in mine for ref in _place(port)]
        behind = {subnet for port in mine for subnet in _subnets(port)} & self.shared
        return {
            "takes": tuple(Ref(Kind.PORT, port["id"]) for port in mine),
            "needs": needs,
            "fixed": "a shared network is behind it" if behind else "",
        }

    def port(self, entry: Entry) -> dict[str, Any]:
        owner, device = str(entry.get("device_owner") or ""), entry.get("device_id") or ""
        if owner in GOES_WITH_NETWORK:
            return {}  # its network takes it
        needs = [*_place(entry), *(Ref(Kind.GROUP, group) for group in entry.get("security_groups") or ())]
        needs += self.addresses.get(entry["id"], [])
        if owner in INTERFACES:
            return {"needs": needs}
        # What is behind a router reaches the world through it: it stays as long as they do.
        needs += [Ref(Kind.ROUTER, r) for s in _subnets(entry) for r in sorted(self.routers.get(s, ()))]
        if owner.startswith("network:"):
            return {"needs": needs, "fixed": f"Neutron holds it ({owner})"}
        return {"needs": needs, "unclear": self._holder(owner, device)}

    def _holder(self, owner: str, device: str) -> tuple[str, ...]:
        """Say where a port hangs on something that was not looked at."""
        if not device or Ref(Kind.INSTANCE, device) in self.world.ids:
            return ()
        if owner.startswith(NOVA):
            return (f"It is on the instance {device}, which is not in the project's list.",)
        return (f"It belongs to {owner or 'something'} {device}, which is not looked at.",)

    def floating_ip(self, entry: Entry) -> dict[str, Any]:
        router = entry.get("router_id")
        tags = entry.get("tags") or ()
        reserved = any(tag == "blazar" or tag.startswith(RESERVATION_TAG) for tag in tags)
        port = entry.get("port_id")
        # Its port may have come after the list of ports, which may be older: then who uses it is not known.
        known = not port or Ref(Kind.PORT, port) in self.world.ids
        return {
            "unclear": () if known else (f"It is bound to the port {port}, which is not in the list.",),
            "needs": [Ref(Kind.ROUTER, router)] if router else [],
            "fixed": "Blazar holds it for a lease, and takes it back with the lease" if reserved else "",
        }

    def group(self, entry: Entry) -> dict[str, Any]:
        named = {rule.get("remote_group_id") for rule in entry.get("security_group_rules") or ()}
        return {
            # With a group go the rules of others that name it.
            "needs": [Ref(Kind.GROUP, other) for other in sorted(named - {None, entry["id"]})],
            "fixed": "it is the project's default group" if entry.get("name") == DEFAULT else "",
        }


def _place(port: Entry) -> list[Ref]:
    return [Ref(Kind.NETWORK, port["network_id"]), *(Ref(Kind.SUBNET, s) for s in _subnets(port))]


def _subnets(port: Entry) -> list[str]:
    return [ip["subnet_id"] for ip in port.get("fixed_ips") or ()]


_OWN = frozenset(
    {"id", "tenant_id", "project_id", "revision_number", "created_at", "updated_at", "status", "shared"}
)


def _spec(entry: Entry) -> dict[str, Any]:
    """All that Neutron would take to make it again, and some that it would not: for a reader to choose."""
    return {key: value for key, value in entry.items() if key not in _OWN and value not in (None, "", [], {})}
