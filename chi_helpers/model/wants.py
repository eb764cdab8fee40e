"""What the kit asks a site for: values that say everything the creating call needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from chi_helpers.model.stamp import Stamp


@dataclass(frozen=True, slots=True)
class ReservationWant:
    """`amount` instances of a flavor, or nodes of a node type. Exactly one of the two is set."""

    amount: int
    flavor_id: str | None = None
    """Blazar takes the flavor's ID; its name is refused."""
    node_type: str | None = None
    label: str = ""
    """The name that people know the flavor or node type by."""

    def __str__(self) -> str:
        return f"{self.amount} x {self.label or self.flavor_id or self.node_type}"


@dataclass(frozen=True, slots=True)
class LeaseWant:
    name: str
    end: datetime
    """Aware; Blazar keeps whole minutes."""
    reservations: tuple[ReservationWant, ...]
    start: datetime | None = None
    """Aware; None means now."""


@dataclass(frozen=True, slots=True)
class InstanceWant:
    name: str
    image: str
    key_name: str
    network: str
    group_ids: tuple[str, ...]
    """Its security groups."""
    stamp: Stamp
    reservation_id: str
    flavor: bool = True
    """The reservation is of a flavor (virtual machine); otherwise of a host (bare metal)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair that the site knows, and where its private half is."""

    name: str
    private_key: Path
    public_key: str
    """One line, as in an OpenSSH `.pub` file."""
