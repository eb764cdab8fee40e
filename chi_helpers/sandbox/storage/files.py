"""Cinder's volume driver of the sandbox: a volume or a snapshot is a sparse file.

Upstream's drivers want root, a daemon or a mount; a file needs none of them. Nothing reads or writes a
volume through an instance: bare instances are records, and the podman driver offers no volumes.
"""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Any

from cinder import interface
from cinder.volume import configuration, driver
from oslo_config import cfg

OPTIONS = [cfg.StrOpt("files_folder", help="Folder of the volumes and snapshots.")]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)
_GIB = 2**30
_TOKEN = 1024
"""Least size in bytes of an image made from a volume: Glance takes an empty one for none."""


@interface.volumedriver
class FilesDriver(driver.CloneableImageVD, driver.BaseVD):
    """Volumes are files named by their ids."""

    VERSION = "1"

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.configuration.append_config_values(OPTIONS)

    def do_setup(self, context: Any) -> None:
        self.folder = Path(self.configuration.files_folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def check_for_setup_error(self) -> None:
        """There is nothing that could be missing."""

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:
        """Without bounds: the files are as large as what is written to them, which is next to nothing."""
        return {
            "volume_backend_name": self.configuration.volume_backend_name,
            "vendor_name": "CHI@Sandbox",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "total_capacity_gb": "infinite",
            "free_capacity_gb": "infinite",
            "multiattach": True,
        }

    # -- volumes and snapshots

    def create_volume(self, volume: Any) -> None:
        self._resize(volume)

    def delete_volume(self, volume: Any) -> None:
        self._file(volume).unlink(missing_ok=True)

    def extend_volume(self, volume: Any, new_size: int) -> None:
        os.truncate(self._file(volume), new_size * _GIB)

    def create_snapshot(self, snapshot: Any) -> None:
        _copy(self._file(snapshot.volume), self._file(snapshot))

    def delete_snapshot(self, snapshot: Any) -> None:
        self._file(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        _copy(self._file(snapshot), self._file(volume))
        self._resize(volume)

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        _copy(self._file(src_vref), self._file(volume))
        self._resize(volume)

    def revert_to_snapshot(self, context: Any, volume: Any, snapshot: Any) -> None:
        _copy(self._file(snapshot), self._file(volume))
        self._resize(volume)

    # -- images

    def clone_image(
        self, context: Any, volume: Any, image_location: Any, image_meta: Any, image_service: Any
    ) -> tuple[dict[str, Any], bool]:
        """Write the image as it is: Cinder's own way calls qemu-img."""
        self.copy_image_to_volume(context, volume, image_service, image_meta["id"])
        return {}, True

    def copy_image_to_volume(
        self, context: Any, volume: Any, image_service: Any, image_id: str, disable_sparse: bool = False
    ) -> None:
        with self._file(volume).open("wb") as file:
            image_service.download(context, image_id, file)
        self._resize(volume)

    def copy_volume_to_image(self, context: Any, volume: Any, image_service: Any, image_meta: Any) -> None:
        """Upload what was written, without the hole behind it: all but a token of a volume is one."""
        end = max(_TOKEN, _end_of_data(self._file(volume)))
        with self._file(volume).open("rb") as file:
            data = file.read(end)
        image_service.update(context, image_meta["id"], {}, io.BytesIO(data))

    # -- attachments: Nova's record is all there is

    def ensure_export(self, context: Any, volume: Any) -> None:
        pass

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        pass

    def remove_export(self, context: Any, volume: Any) -> None:
        pass

    def initialize_connection(self, volume: Any, connector: Any, **more: Any) -> dict[str, Any]:
        return {"driver_volume_type": "local", "data": {"device_path": str(self._file(volume))}}

    def terminate_connection(self, volume: Any, connector: Any, **more: Any) -> None:
        pass

    def _file(self, thing: Any) -> Path:
        return self.folder / str(thing.id)

    def _resize(self, volume: Any) -> None:
        with self._file(volume).open("ab") as file:
            file.truncate(volume.size * _GIB)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", str(source), str(target)], check=True)


def _end_of_data(path: Path) -> int:
    """Where the hole at the end of a sparse file begins, in bytes from its start."""
    with path.open("rb") as file:
        end = 0
        while True:
            try:
                data = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole from there on
                return end
            end = os.lseek(file.fileno(), data, os.SEEK_HOLE)
