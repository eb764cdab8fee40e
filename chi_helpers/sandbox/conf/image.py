"""Glance."""

from __future__ import annotations

from chi_helpers.sandbox.conf.ini import Sections, common, distributed, merged, token_checks
from chi_helpers.sandbox.description import Description


def files(site: Description) -> dict[str, Sections]:
    own: Sections = {
        "DEFAULT": {
            "enabled_backends": "fs:file",
            # Brackets matter: without them the parse error is swallowed and every create is a bare 500.
            "enabled_import_methods": "[glance-direct]",
            "node_staging_uri": f"file://{site.folder}/glance/staging",
        },
        "glance_store": {"default_backend": "fs"},
        "fs": {"filesystem_store_datadir": str(site.folder / "images")},
        "os_glance_staging_store": {"filesystem_store_datadir": f"{site.folder}/glance/staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": f"{site.folder}/glance/tasks"},
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": str(distributed("glance", "glance-api-paste.ini")),
        },
    }
    return {"glance/glance-api.conf": merged(common(site, "glance"), token_checks(site), own)}
