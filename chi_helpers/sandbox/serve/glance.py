"""Glance."""

from __future__ import annotations

import os
from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE,)
MODULES = ("glance.common.wsgi_app",)


def prepare(site: Description) -> None:
    os.environ["OS_GLANCE_CONFIG_DIR"] = str(site.folder / "etc/glance")
    os.environ["OS_GLANCE_CONFIG_FILES"] = "glance-api.conf"


def application(site: Description) -> Any:
    from glance.common import wsgi_app

    return wsgi_app.init_app()
