"""Volumes, where the site has block storage: Chameleon has it at some sites only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.model import stamp as stamps
from chi_helpers.model.volumes import VolumeView
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.sites.session import Session


def listed(session: Session, lab: str, owner: str) -> tuple[VolumeView, ...] | None:
    """List the volumes with the stamp of this lab and owner; None where the site has no block storage.

    Raises `SiteError`.
    """
    if not session.conn.has_service("block-storage"):
        return None
    found = read("list the volumes", lambda: list(session.conn.block_storage.volumes()))
    stamped = [(volume, stamps.from_metadata(volume.metadata or {})) for volume in found]
    return tuple(
        view(volume, stamp) for volume, stamp in stamped if stamp is not None and stamp.of(lab, owner)
    )


def view(volume: Any, stamp: Stamp | None) -> VolumeView:
    """What openstacksdk shows, as a value."""
    return VolumeView(
        volume.id, volume.name or volume.id, "" if stamp is None else stamp.node, volume.size, volume.status
    )
