"""The stamp that every resource of a lab carries: whose it is, what for, and until when.

Kinds with metadata (instances, volumes) take `Stamp.metadata()`; kinds with a description only
(floating IPs, security groups, networks, ports) take `Stamp.description()`. Both are set in the
call that creates the resource, so that nothing exists without them. Leases have neither: their
name says lab and owner, their end is the deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

OWNER, LAB, NODE = "chi_lab_owner", "chi_lab", "chi_lab_node"
DELETE_AT = "delete_at"
"""The key that python-chi's own documentation uses for clean-up (docs/examples.rst)."""
_MARK = "chi-lab"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Whose a resource is (`owner`), of which `lab`, and the `deadline` (aware) for it."""

    owner: str
    lab: str
    deadline: datetime
    node: str = ""
    """Key of the node it belongs to, where it belongs to one."""

    def of(self, lab: str, owner: str) -> bool:
        """Whether it is the stamp of this lab and owner."""
        return (self.lab, self.owner) == (lab, owner)

    def metadata(self) -> dict[str, str]:
        """As Nova metadata: strings of at most 255 characters."""
        found = {OWNER: self.owner, LAB: self.lab, DELETE_AT: _iso(self.deadline)}
        return {**found, NODE: self.node} if self.node else found

    def description(self) -> str:
        """As one line of text for Neutron's `description` (at most 255 characters)."""
        pairs = " ".join(f"{key}={value}" for key, value in self.metadata().items())
        return f"{_MARK} {pairs}"


def from_metadata(metadata: Mapping[str, str]) -> Stamp | None:
    """The stamp in a resource's metadata; None where it is missing or cannot be read."""
    try:
        deadline = datetime.fromisoformat(metadata[DELETE_AT])
        owner, lab = metadata[OWNER], metadata[LAB]
        if deadline.tzinfo is None or not owner or not lab:
            return None
        # Overflows for the last hours of the year 9999, which anybody may write.
        return Stamp(owner, lab, deadline.astimezone(UTC), metadata.get(NODE, ""))
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def from_description(text: str | None) -> Stamp | None:
    """The stamp in a description; None where it is missing or cannot be read."""
    mark, *words = (text or "").split()[:8] or [""]
    if mark != _MARK or not all("=" in word for word in words):
        return None
    return from_metadata(dict(word.split("=", 1) for word in words))


def _iso(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise ValueError(f"deadline without a time zone: {instant}")
    return instant.astimezone(UTC).isoformat(timespec="seconds")
