"""A neutron network as a podman bridge network, and a port as an interface on it.

A network whose subnets have a gateway is *routed*: this host has the gateway's address, and the way
out is NAT. One without is *bare*: a layer 2 bridge on which the host has no address, so that many
networks may have the same subnet and Neutron may hand out any address of it. (podman's own kind of
internal network gives the bridge the first address, which Neutron hands out as well.)
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chi_helpers.sandbox.machines import guard, tables
from chi_helpers.sandbox.machines.podman import SITE_LABEL, Podman, PodmanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOG = logging.getLogger(__name__)

in_use = threading.RLock()
"""A network counts as used from "podman create" on. Hold this from `ensure` until then, and while
networks are removed. (One process runs all hosts of a site.)"""

SHARED = "sharednet1"
"""The site's own network, which has to be routed: floating IPs lead into it."""

_ANYWAY = 30
"""Seconds between two looks at the guard."""
_LAYOUT = '{{.NetworkInterface}} {{index .Labels "chi.routed"}}'
_known: dict[str, tuple[str, bool]] = {}


class SubnetTakenError(PodmanError):
    """Something else on this computer has the addresses of the site's own network."""


@dataclass(frozen=True, slots=True)
class Subnet:
    cidr: str
    gateway: str | None
    addresses: tuple[str, ...]
    """The port's fixed addresses in it."""


@dataclass(frozen=True, slots=True)
class Port:
    """What Nova says about one interface of an instance."""

    network_id: str
    mac: str
    mtu: int
    subnets: tuple[Subnet, ...]
    network: str = ""
    """The network's name."""

    @property
    def wants_route(self) -> bool:
        return any(subnet.gateway for subnet in self.subnets)

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(address for subnet in self.subnets for address in subnet.addresses)

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The addresses with their prefix length, as `ip address` takes them."""
        return tuple(
            f"{address}/{ip_network(subnet.cidr).prefixlen}"
            for subnet in self.subnets
            for address in subnet.addresses
        )


@dataclass(frozen=True, slots=True)
class Network:
    """A podman network that exists."""

    name: str
    bridge: str
    """The host's interface; it is there only while a container of the network runs."""
    routed: bool


def port(vif: Mapping[str, Any]) -> Port:
    """Take what matters from Nova's network model (nova/network/model.py: VIF)."""
    network = vif["network"]
    return Port(
        network_id=network["id"],
        mac=vif["address"],
        mtu=network["meta"].get("mtu") or 1500,
        subnets=tuple(
            Subnet(
                subnet["cidr"],
                (subnet.get("gateway") or {}).get("address"),
                tuple(ip["address"] for ip in subnet["ips"] if ip["type"] == "fixed"),
            )
            for subnet in network["subnets"]
        ),
        network=network.get("label") or "",
    )


def ensure(podman: Podman, wanted: Port) -> Network:
    """Return the network for this port; make it where it is missing. The caller holds `in_use`.

    Two routed networks with one subnet cannot be on one machine, and podman refuses the second; it
    becomes a bare one, which is how two projects' private networks behave towards each other anyway.
    Raises PodmanError; SubnetTakenError where the second is the site's own: no floating IP would ever answer.
    """
    name = podman.network(wanted.network_id)
    if name not in _known and not podman.exists("network", name):
        common = [
            "--disable-dns", "--opt", f"mtu={wanted.mtu}", "--label", f"{SITE_LABEL}={podman.site}",
        ]  # fmt: skip
        try:
            routed = wanted.wants_route
            if routed:
                podman.run("network", "create", *common, "--label", "chi.routed=yes", *_subnets(wanted), name)
        except PodmanError as error:
            if "already used" not in str(error):
                raise
            if wanted.network == SHARED:
                raise SubnetTakenError(
                    f"{SHARED}'s subnet {' '.join(subnet.cidr for subnet in wanted.subnets)} is already used"
                    " on this computer, so that no instance can be reached.",
                    do="See with `ip route` and `podman network ls` what has it, and remove that.",
                ) from error
            routed = False
        if not routed:
            bare = ["--label", "chi.routed=no", "--ipam-driver", "none"]
            podman.run("network", "create", *common, *bare, name)
    return look(podman, name)


def look(podman: Podman, name: str) -> Network:
    """Return a network that exists. Raises PodmanError where it does not."""
    if name not in _known:
        bridge, _, routed = podman.run("network", "inspect", "--format", _LAYOUT, name).strip().partition(" ")
        _known[name] = bridge, routed == "yes"
    return Network(name, *_known[name])


def remove_unused(podman: Podman, names: Iterable[str]) -> None:
    """Remove those of the networks that no container, running or not, is on.

    Raises PodmanError, TableError.
    """
    with in_use:
        removed = False
        for name in names:
            _known.pop(name, None)
            try:
                podman.run("network", "rm", name)
                removed = True
            except PodmanError as error:
                if "is being used" not in str(error) and "not found" not in str(error):
                    raise
        if removed:  # another site may get the bridge's name
            protect(podman)


def options(network: Network, wanted: Port) -> list[tuple[str, str]]:
    """Return podman's settings, (name, value), of an interface on the network."""
    found = [("mac", wanted.mac)]
    if network.routed:
        names = {4: "ip", 6: "ip6"}
        found += [(names[ip_address(ip).version], ip) for ip in wanted.addresses]
    return found


def protect(podman: Podman) -> None:
    """Put the site's guard in force for all networks that it has now. Raises TableError, PodmanError.

    Call it before a guest is on a network and runs.
    """
    with in_use:
        found = (look(podman, name) for name in podman.networks())
        guard.install(podman.site, [network.bridge for network in found if network.routed])


def restore_guard(podman: Podman) -> None:
    """Put the guard back if it is gone; a host's firewall may flush all tables. Raises as `protect`."""
    if not tables.there(guard.table_name(podman.site)):
        protect(podman)


def keep_protected(podman: Podman) -> None:
    """Call `restore_guard` now and then, in a thread."""

    def follow() -> None:
        while True:
            try:
                restore_guard(podman)
            except Exception:
                LOG.exception("The guests' guard may be missing")
            time.sleep(_ANYWAY)

    threading.Thread(target=follow, daemon=True, name="guard").start()


def let_loopback_through(network: Network) -> None:
    """Route packets from 127.0.0.1 to the bridge; those to floating IPs start there.

    Call `protect` before: the kernel now also takes what a guest sends to 127.0.0.0/8. The setting
    belongs to the bridge, which is new whenever the network's first container starts.
    """
    switch = Path("/proc/sys/net/ipv4/conf", network.bridge, "route_localnet")
    if switch.exists():
        switch.write_text("1")


def _subnets(wanted: Port) -> list[str]:
    found = []
    for subnet in wanted.subnets:
        found += ["--subnet", subnet.cidr]
        if subnet.gateway:
            found += ["--gateway", subnet.gateway]
    return found
