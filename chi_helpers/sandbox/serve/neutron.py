"""Neutron's server, without agents."""

from __future__ import annotations

import sys
from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE,)


def prepare(site: Description) -> None:
    sys.argv = ["neutron-server", "--config-file", str(site.folder / "etc/neutron/neutron.conf")]
    import neutron.plugins.ml2.plugin
    import neutron.server.api


def application(site: Description) -> Any:
    from neutron import server
    from neutron.server import api

    return server.boot_server(api.api_server, prog="neutron-api")
