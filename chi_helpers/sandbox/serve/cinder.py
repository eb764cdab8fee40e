"""Cinder in one process: API, scheduler and one volume service."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from chi_helpers.sandbox.conf.volume import BACKEND
from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE, waiting.KEYSTONE, waiting.IDENTITY)
MODULES = (
    "cinder.wsgi.wsgi",
    "cinder.api.v3.router",
    "cinder.scheduler.manager",
    "cinder.volume.manager",
    "chi_helpers.sandbox.storage.files",
)


def prepare(site: Description) -> None:
    sys.argv = ["cinder", "--config-file", str(site.folder / "etc/cinder/cinder.conf")]
    from cinder import monkey_patch

    monkey_patch.patch(backend="threading")  # before any other part of cinder
    from cinder import objects

    objects.register_all()  # its modules read them when they are imported


def application(site: Description) -> Any:
    import os_brick
    from cinder import policy, service
    from cinder.common import constants
    from cinder.wsgi import wsgi
    from oslo_config import cfg

    app = wsgi.initialize_application()
    policy.init()  # as in neutron.py; here the others would be refused
    # Its module shows them again, at every request: they are for Cinder's own developers.
    warnings.simplefilter("ignore", DeprecationWarning)
    os_brick.setup(cfg.CONF)
    host = f"{cfg.CONF.host}@{BACKEND}"
    # The volume service first: the scheduler asks for its capabilities, and waits a minute for none.
    service.Service.create(
        binary=constants.VOLUME_BINARY, host=host, service_name=BACKEND, coordination=True
    ).start()
    service.Service.create(binary=constants.SCHEDULER_BINARY).start()
    return app
