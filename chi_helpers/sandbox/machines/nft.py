"""The nftables table that carries a site's floating IPs, as text. Pure.

Floating IPs are loopback addresses, so every packet to them starts on this host. For each one, the
destination of the ports that its security groups let in is rewritten; the rest is refused. The
kernel does the work: no process is in the way, and any range of ports costs one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROTOCOLS: Mapping[str | None, str | None] = {
    "tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp", "icmp": "icmp", "1": "icmp",
    None: None, "any": None, "0": None,
}  # fmt: skip
"""Neutron's spellings. Protocols that are not here cannot be carried and stay closed."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What may pass: a protocol (None: any) and its ports (None: all)."""

    protocol: str | None = None
    ports: tuple[int, int] | None = None

    def match(self) -> str:
        """Return the nftables expression, with a blank at its end unless it is empty."""
        if self.protocol is None:
            return ""
        if self.ports is None:
            return f"meta l4proto {self.protocol} "
        low, high = self.ports
        return f"{self.protocol} dport {low if low == high else f'{low}-{high}'} "


@dataclass(frozen=True, slots=True)
class Floating:
    """A floating IP that is bound to a fixed address."""

    address: str
    fixed: str
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What one site's table is made from."""

    name: str
    ranges: tuple[str, ...]
    """`first-last`: all addresses that can become floating IPs. What is outside is not touched."""
    drop: bool = False
    """Let closed ports time out, as a firewall does, where the default refuses them at once."""


def openings(rules: Iterable[Mapping[str, Any]], client: IPv4Address) -> tuple[Opening, ...]:
    """Return what Neutron's ingress rules let in for `client`, the source of all connections here.

    A rule for a remote group opens nothing: its members are instances, and those come by the
    fixed address.
    """
    found = set()
    for rule in rules:
        protocol = PROTOCOLS.get(rule["protocol"], "unknown")
        remote = rule.get("remote_group_id") or rule.get("remote_address_group_id")
        if rule["ethertype"] != "IPv4" or remote or protocol == "unknown":
            continue
        if client not in ip_network(rule["remote_ip_prefix"] or "0.0.0.0/0", strict=False):
            continue
        low, high = rule["port_range_min"], rule["port_range_max"]
        # For ICMP these are type and code; Neutron's types are not worth a rule each here.
        ports = (
            None if low is None or protocol in {None, "icmp"} else (low, high if high is not None else low)
        )
        found.add(Opening(protocol, ports))
    return tuple(sorted(found, key=repr))


def render(table: Table, floating: Sequence[Floating]) -> str:
    """Return the input for `nft -f`: it replaces the whole table in one transaction."""
    ranges = f"{{ {', '.join(table.ranges)} }}"
    rewrite = [
        f"ip daddr {entry.address} {opening.match()}dnat to {entry.fixed}"
        for entry in floating
        for opening in entry.openings
    ]
    bound = ", ".join(entry.address for entry in floating)
    gone = f"ct original ip daddr != {{ {bound} }} " if bound else ""
    verdicts = ["drop"] if table.drop else ["meta l4proto tcp reject with tcp reset", "reject"]
    chains = [
        chain("rewrite", "type nat hook output priority -110", rewrite),
        # The guest cannot answer to 127.0.0.1: leave by the bridge's own address.
        chain(
            "source",
            "type nat hook postrouting priority 90",
            [f"ct original ip daddr {ranges} ct status dnat masquerade"],
        ),
        chain(
            "refuse",
            "type filter hook output priority 0",
            [
                # Not rewritten, so not allowed. Without this a service of the host that listens on
                # 0.0.0.0, its own sshd for one, would answer on every floating IP.
                *(f"ip daddr {ranges} {verdict}" for verdict in verdicts),
                # Connections through a floating IP that has been taken away since.
                f"ct original ip daddr {ranges} ct status dnat {gone}drop",
            ],
        ),
    ]
    return replace(table.name, chains)


def replace(name: str, chains: Iterable[str]) -> str:
    """Return the input for `nft -f` that replaces a whole table in one transaction."""
    # To declare before deleting works whether or not the table is there.
    return "\n".join([
        f"table ip {name}",
        f"delete table ip {name}",
        f"table ip {name} {{",
        *chains,
        "}",
        "",
    ])  # fmt: skip


def chain(name: str, hook: str, rules: Iterable[str]) -> str:
    """Return one base chain of a table."""
    return "\n".join([f" chain {name} {{", f"  {hook}", *(f"  {rule}" for rule in rules), " }"])


def table_name(site: str) -> str:
    """Name of a site's table."""
    return "chi_" + site.replace("-", "_")
