"""Images that the project made: snapshots of instances, and uploads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Ref, Resource
from chi_helpers.sites.inventory import notes
from chi_helpers.sites.inventory.world import World, instant, part

if TYPE_CHECKING:
    from chi_helpers.sites.inventory.service import Entry, Look

OURS_ALONE = frozenset({"private", "shared"})
"""Visibilities. What is public or community belongs to all who use it."""
_BASE = frozenset(
    {
        "id", "name", "status", "visibility", "protected", "owner", "checksum", "size", "virtual_size",
        "min_disk", "min_ram", "disk_format", "container_format", "created_at", "updated_at", "self", "file",
        "schema", "tags", "os_hidden", "os_hash_algo", "os_hash_value", "stores", "locations", "direct_url",
    }
)  # fmt: skip
"""What every image has (glance/api/v2/images.py); all else are properties that people and Nova wrote."""
_FROM_INSTANCE = ("instance_uuid", "base_image_ref", "image_type", "block_device_mapping")


def listed(look: Look, project_id: str) -> list[Entry]:
    """All images of the project. Hidden ones are in a list of their own; `images` alone leaves them out."""
    found: list[Entry] = []
    for hidden in ("false", "true"):
        query = {"owner": project_id, "os_hidden": hidden}
        found += look.pages("/images", "images", "list the images", query)
    try:
        return [i for i in found if i["owner"] == project_id and i["visibility"] in OURS_ALONE]
    except KeyError as error:
        raise SiteError(f"The answer to the request to list the images cannot be read: {error!r}") from error


def resources(world: World) -> list[Resource]:
    return [_image(world, image) for image in world.of(Kind.IMAGE)]


def _image(world: World, image: Entry) -> Resource:
    properties = {key: value for key, value in image.items() if key not in _BASE and isinstance(value, str)}
    stamp, fault, mark = notes.of_metadata(properties)
    snapshots, unclear = _snapshots(properties.get("block_device_mapping"))
    return Resource(
        kind=Kind.IMAGE,
        id=image["id"],
        name=image.get("name") or "",
        status=str(image.get("status") or ""),
        # Glance does not know who made an image; Nova writes it on those that it makes of instances.
        user_id=properties.get("user_id") if properties.get("image_type") == "snapshot" else None,
        created=instant(image.get("created_at")),
        stamp=stamp,
        stamp_fault=fault,
        mark=mark,
        metadata={key: value for key, value in properties.items() if key not in _FROM_INSTANCE},
        locked=image.get("protected"),
        needs=world.known(snapshots),
        unclear=unclear,
        spec={
            **part(image, "name", "disk_format", "container_format", "min_disk", "min_ram", "size", "tags"),
            **part(image, "os_hash_algo", "os_hash_value", "visibility"),
            "properties": properties,
        },
    )


def _snapshots(mapping: str | None) -> tuple[list[Ref], tuple[str, ...]]:
    """Volume snapshots that an image of a volume-backed instance consists of; Nova writes them as JSON."""
    if not mapping:
        return [], ()
    try:
        disks = json.loads(mapping)
        return [Ref(Kind.SNAPSHOT, d["snapshot_id"]) for d in disks if d.get("snapshot_id")], ()
    except (ValueError, TypeError, AttributeError):
        return [], ("Of which volume snapshots it consists cannot be read.",)
