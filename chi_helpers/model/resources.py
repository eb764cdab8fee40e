"""What a site showed at one instant: plain values, no client, no lazy loading."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from chi_helpers.model.stamp import Stamp


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A Blazar lease. `status` is Blazar's own word (PENDING, ACTIVE, TERMINATED, ERROR ...)."""

    id: str
    name: str
    status: str
    user_id: str
    start: datetime
    end: datetime
    reservations: tuple[ReservationView, ...] = ()

    @property
    def over(self) -> bool:
        """Ended: Blazar keeps such leases for ever, names and all."""
        return self.status == "TERMINATED"


@dataclass(frozen=True, slots=True)
class ReservationView:
    id: str
    resource_type: str
    """`flavor:instance`, `physical:host`, `virtual:floatingip` ..."""
    amount: int
    status: str = ""
    flavor_id: str | None = None
    """For `flavor:instance`: the flavor that was reserved."""
    resource_properties: str = ""


@dataclass(frozen=True, slots=True)
class InstanceView:
    """A Nova instance. `status` is Nova's own word."""

    id: str
    name: str
    status: str
    user_id: str
    created: datetime | None
    stamp: Stamp | None = None
    addresses: tuple[str, ...] = ()
    """Fixed addresses."""
    floating_ips: tuple[str, ...] = ()
    key_name: str | None = None
    locked: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class FloatingIPView:
    id: str
    address: str
    port_id: str | None
    stamp: Stamp | None = None
    status: str = ""
    reserved: bool = False
    """Blazar holds it for a lease: never ours to release."""


@dataclass(frozen=True, slots=True)
class SecurityGroupView:
    id: str
    name: str
    stamp: Stamp | None = None
    tcp_ports: frozenset[int] = field(default_factory=frozenset)
    """TCP ports open to 0.0.0.0/0 over IPv4, single-port rules."""
    others: int = 0
    """How many other rules let something in: ranges, UDP, ICMP, IPv6, single networks, other groups."""
    peers: bool = False
    """Whether its own members are let in, over IPv4, on every port."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What of one lab and owner a site showed at `at` (the site's own clock).

    Some of it is there for its name alone: `stamped` picks what is the lab's.
    """

    at: datetime
    leases: tuple[LeaseView, ...] = ()
    instances: tuple[InstanceView, ...] = ()
    floating_ips: tuple[FloatingIPView, ...] = ()
    security_groups: tuple[SecurityGroupView, ...] = ()
    user_id: str = ""
    """Who looked; empty where that is not known."""

    def is_anothers(self, lease: LeaseView) -> bool:
        """Whether another user than the one who looked made the lease: any name is free for all."""
        return bool(self.user_id) and lease.user_id != self.user_id

    def stamped(self, lab: str, owner: str) -> Snapshot:
        """The same with only what carries the stamp of `lab` and `owner`. Leases carry none, and stay."""

        def ours(thing: InstanceView | FloatingIPView | SecurityGroupView) -> bool:
            return thing.stamp is not None and thing.stamp.of(lab, owner)

        return replace(
            self,
            instances=tuple(i for i in self.instances if ours(i)),
            floating_ips=tuple(f for f in self.floating_ips if ours(f)),
            security_groups=tuple(g for g in self.security_groups if ours(g)),
        )
