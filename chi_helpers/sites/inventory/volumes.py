"""Volumes and their snapshots: what Cinder says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Ref, Resource
from chi_helpers.sites.inventory import notes
from chi_helpers.sites.inventory.world import World, instant, part, texts

if TYPE_CHECKING:
    from chi_helpers.sites.inventory.service import Entry, Look

PATHS = {Kind.VOLUME: "volumes", Kind.SNAPSHOT: "snapshots"}
_PROJECT = {
    Kind.VOLUME: "os-vol-tenant-attr:tenant_id",
    Kind.SNAPSHOT: "os-extended-snapshot-attributes:project_id",
}
BEING_MADE = frozenset({"creating", "downloading"})


def listed(look: Look, project_id: str, kind: Kind) -> list[Entry]:
    """All of the project; Cinder shows an administrator no more than that unless asked to."""
    doing = f"list the {kind}s"
    found = look.pages(f"/{PATHS[kind]}/detail", PATHS[kind], doing)
    if kind is Kind.SNAPSHOT and any("volume_id" not in entry for entry in found):
        raise SiteError(f"The answer to the request to {doing} cannot be read: a snapshot without a volume.")
    # Not every site shows the field to members: what is listed is theirs then.
    return [entry for entry in found if entry.get(_PROJECT[kind], project_id) == project_id]


def resources(world: World) -> list[Resource]:
    return [
        *(_made(world, Kind.VOLUME, entry, _source(entry)) for entry in world.of(Kind.VOLUME)),
        *(
            _made(world, Kind.SNAPSHOT, entry, [Ref(Kind.VOLUME, entry["volume_id"])])
            for entry in world.of(Kind.SNAPSHOT)
        ),
    ]


def _source(volume: Entry) -> list[Ref]:
    """What a volume is being copied from; once it is there, Cinder sees to the rest by itself."""
    if volume.get("status") not in BEING_MADE:
        return []
    return [
        *([Ref(Kind.SNAPSHOT, volume["snapshot_id"])] if volume.get("snapshot_id") else []),
        *([Ref(Kind.VOLUME, volume["source_volid"])] if volume.get("source_volid") else []),
    ]


def _made(world: World, kind: Kind, entry: Entry, needs: list[Ref]) -> Resource:
    metadata = texts(entry.get("metadata"))
    stamp, fault, mark = notes.of_metadata(metadata)
    return Resource(
        kind=kind,
        id=entry["id"],
        name=entry.get("name") or "",
        status=str(entry.get("status") or ""),
        user_id=entry.get("user_id"),
        created=instant(entry.get("created_at")),
        stamp=stamp,
        stamp_fault=fault,
        mark=mark,
        metadata=metadata,
        needs=world.known(needs),
        unclear=_holders(world, entry),
        spec=part(
            entry,
            "name",
            "description",
            "size",
            "volume_type",
            "availability_zone",
            "bootable",
            "snapshot_id",
            "source_volid",
            "volume_id",
            "multiattach",
            "metadata",
            "attachments",
        ),
    )


def _holders(world: World, volume: Entry) -> tuple[str, ...]:
    """Say what a volume is attached to that was not listed: another project's instance, or a host."""
    found = []
    for attachment in volume.get("attachments") or ():
        server = attachment.get("server_id")
        if not server or Ref(Kind.INSTANCE, server) not in world.ids:
            found.append(
                f"It is attached to {server or attachment.get('host_name')}, which is not in the list."
            )
    return tuple(found)
