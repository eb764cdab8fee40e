"""Neutron's server, without agents."""

from __future__ import annotations

import sys
from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE,)
MODULES = (
    "neutron.server.api",
    "neutron.plugins.ml2.plugin",
    "neutron.api.v2.router",
)


def prepare(site: Description) -> None:
    sys.argv = ["neutron-server", "--config-file", str(site.folder / "etc/neutron/neutron.conf")]


def application(site: Description) -> Any:
    from neutron import policy, server
    from neutron.server import api

    app = server.boot_server(api.api_server, prog="neutron-api")
    # Upstream makes its rules at the first request, without a lock (neutron/policy.py, `init`): others that
    # come meanwhile are judged without rules, and get empty lists with status 200.
    policy.init()
    return app
