"""The volumes of a lab, as Cinder shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VolumeView:
    """A volume that carries the lab's stamp."""

    id: str
    name: str
    node: str
    """Which node boots from it; empty where its stamp names none."""
    size: int
    """GiB."""
    status: str
    """Cinder's own word, such as `available` or `in-use`."""

    @property
    def settling(self) -> bool:
        """Whether Cinder is at work on it, so that it can neither be booted from nor deleted yet."""
        # creating, downloading, attaching, detaching, extending, deleting; but error_deleting is for good.
        return self.status.endswith("ing") and not self.broken

    @property
    def broken(self) -> bool:
        return self.status.startswith("error")
