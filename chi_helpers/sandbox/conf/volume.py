"""Cinder. API, scheduler and the volume service are one process."""

from __future__ import annotations

from chi_helpers.sandbox.conf.ini import Sections, common, distributed, merged, service_login, token_checks
from chi_helpers.sandbox.description import Description

BACKEND = "files"


def files(site: Description) -> dict[str, Sections]:
    state = site.folder / "cinder"
    own: Sections = {
        "DEFAULT": {
            "host": "controller",
            "my_ip": site.addresses.api,
            "state_path": str(state),
            "transport_url": "fake://",  # as Nova's
            "api_paste_config": str(distributed("cinder", "api-paste.ini")),
            # Relative to the working folder otherwise, and a filter that it does not know is refused.
            "resource_query_filters_file": str(distributed("cinder", "resource_filters.json")),
            "glance_api_servers": site.url("glance"),
            "enabled_backends": BACKEND,
            # A class is larger than Cinder's defaults of ten volumes and a tebibyte.
            "quota_volumes": 10000,
            "quota_snapshots": 10000,
            "quota_gigabytes": 1000000,
            # Never: its services are one process, and all report as the one that was started last
            # (cinder/service.py, `Service.service_id`, is an attribute of the class). After this many seconds
            # the volume service would look dead, and the scheduler would find no place for a volume.
            "service_down_time": 10 * 365 * 24 * 3600,
            "report_interval": 60,
            "periodic_fuzzy_delay": 0,
            # What one volume costs is next to nothing; a thread for each of a class's deletions is enough.
            "volume_service_inithost_offload": True,
        },
        BACKEND: {
            "volume_driver": "chi_helpers.sandbox.storage.files.FilesDriver",
            "volume_backend_name": BACKEND,
            "files_folder": str(site.folder / "volumes"),
        },
        "coordination": {"backend_url": f"file://{state}/coordination"},
        # Cinder tells Nova that an attached volume has grown, and asks Glance where an image's data are.
        "nova": {**service_login(site), "interface": "internal"},
        "glance": service_login(site),
    }
    return {"cinder/cinder.conf": merged(common(site, "cinder"), token_checks(site), own)}
