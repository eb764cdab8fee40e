"""Blazar's API and manager in one process."""

from __future__ import annotations

import gettext
from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE, waiting.KEYSTONE, waiting.IDENTITY)
MODULES = (
    "blazar.api.app",
    "blazar.cmd.api",
    "blazar.manager.service",
)
_TICK_SECONDS = 1
"""How often leases are started and ended; upstream has 10, which a person would wait for."""


def prepare(site: Description) -> None:
    gettext.install("blazar")


def application(site: Description) -> Any:
    from blazar.api import app
    from blazar.manager import service as manager_service
    from blazar.notification import notifier
    from blazar.utils import service
    from oslo_config import cfg

    manager_service.EVENT_INTERVAL = _TICK_SECONDS
    arguments = ["--config-file", str(site.folder / "etc/blazar/blazar.conf")]
    cfg.CONF(arguments, project="blazar", prog="blazar")
    service.prepare_service(["blazar", *arguments])
    notifier.init()
    manager_service.ManagerService().start()
    return app.VersionSelectorApplication()
