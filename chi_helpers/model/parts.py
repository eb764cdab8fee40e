"""What of a lab a site has besides leases, instances, addresses and groups; and how Terraform calls each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that carries the lab's stamp, or belongs to one that does."""

    kind: str
    """instance, floating IP, association, security group, rule, port, network, subnet, router, interface,
    volume.
    """
    id: str
    """As Terraform imports it."""
    name: str
    node: str = ""
    """Of which node it is; empty for what is of all of them."""
    port: int | None = None
    """For a rule: the TCP port that it opens; None for the one that lets the group's members in."""


DELETABLE = ("port", "router", "subnet", "network", "volume")
"""Kinds that only Terraform makes, in the order in which they can go."""
