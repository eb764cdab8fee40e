"""Placement."""

from __future__ import annotations

import os
from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE,)
MODULES = (
    "placement.deploy",
    "placement.wsgi",
)


def prepare(site: Description) -> None:
    os.environ["OS_PLACEMENT_CONFIG_DIR"] = str(site.folder / "etc/placement")


def application(site: Description) -> Any:
    from placement import wsgi

    return wsgi.init_application()
