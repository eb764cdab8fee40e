"""The packet rules without which a site's guests must not run: who must not reach whom through this host.

They are a table of their own, beside that of the floating IPs, which follows Neutron and may come later
or fail: this one is there before a guest starts and before loopback is let through to it, or the start
fails. Only nova's process writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.sandbox.machines import nft, tables

if TYPE_CHECKING:
    from collections.abc import Iterable


def table_name(site: str) -> str:
    """Name of a site's guard."""
    return f"{nft.table_name(site)}_guard"


def render(site: str, bridges: Iterable[str]) -> str:
    """Return the input for `nft -f`: it replaces the whole table in one transaction.

    `bridges` are the host's interfaces of the site's routed networks; they need not exist yet.
    """
    # By interface, not by address: a neighbour in the LAN can forge a guest's address.
    mine = ", ".join(f'"{bridge}"' for bridge in sorted(set(bridges)))
    forward = [
        # What the guests asked for.
        "ct state established,related accept",
        # Anything else must come from a guest of the same site: neither the LAN, for which this host
        # is a router now, nor another sandbox. What this host sends itself is not forwarded.
        f"oifname {{ {mine} }} iifname != {{ {mine} }} drop",
    ]
    return nft.replace(
        table_name(site),
        [
            # route_localnet is on for the bridges: keep the guests away from the host's loopback.
            nft.chain(
                "loopback",
                "type filter hook prerouting priority -300",
                ['iifname != "lo" ip daddr 127.0.0.0/8 drop'],
            ),
            nft.chain("forward", "type filter hook forward priority -1", forward if mine else []),
        ],
    )


def install(site: str, bridges: Iterable[str]) -> None:
    """Put the guard in force, in place of the one that is there. Raises TableError."""
    tables.load(render(site, bridges))
