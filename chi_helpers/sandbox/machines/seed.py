"""What cloud-init reads: metadata, key, user data and vendor data, as files in a folder.

These are the files of Nova's own config drive. Unmodified cloud-init finds them in its seed folder, so
that neither a disk image nor a metadata service is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova.api.metadata import base as instance_metadata
from nova.virt import configdrive

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, instance: Any, files: Any, password: str | None, network_info: Any) -> None:
    """Write the config drive that Nova would put on a disk, as files for cloud-init's seed folder."""
    metadata = instance_metadata.InstanceMetadata(
        instance,
        content=files,
        network_info=network_info,
        extra_md={"admin_pass": password} if password else None,
    )
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, data in metadata.metadata_for_config_drive():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
    configdrive.update_instance(instance)
