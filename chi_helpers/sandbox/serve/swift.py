"""Swift in one process: the proxy, the three servers behind it, and the two daemons that users notice.

Replicators, auditors and the like are left out: there is one copy of everything, on one disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chi_helpers.sandbox.conf.objects import SERVERS, daemons, devices
from chi_helpers.sandbox.description import PORTS, Description
from chi_helpers.sandbox.serve import waiting
from chi_helpers.sandbox.storage import swift as one_process

NEEDS = (waiting.KEYSTONE, waiting.IDENTITY)
MODULES = (
    "swift.proxy.server",
    "swift.account.server",
    "swift.container.server",
    "swift.obj.server",
    "swift.container.updater",
    "swift.obj.expirer",
    "swift.common.middleware.keystoneauth",
    "keystonemiddleware.auth_token",
)
_COUNT_SECONDS = 5
"""How often containers' sizes are added up in their account's listing; upstream has 300."""
_EXPIRE_SECONDS = 10
"""How often objects past their X-Delete-At are removed from listings; upstream has 300."""


def prepare(site: Description) -> None:
    from swift.common import utils

    utils.monkey_patch()  # before anything else of swift; it runs on greenlets
    _configure(site)


def _configure(site: Description) -> None:
    from swift.common import storage_policy, utils

    etc = site.folder / "etc" / "swift"
    one_process.make_device(devices(site))
    utils.set_swift_dir(str(etc))
    storage_policy.reload_storage_policies()
    one_process.make_rings(etc)
    one_process.talk_over_sockets(site.run)


def application(site: Description) -> Any:
    """Start what is behind the proxy; return the proxy."""
    import eventlet
    from eventlet import hubs
    from swift.common import utils
    from swift.common.wsgi import loadapp
    from swift.container import updater
    from swift.obj import expirer

    hubs.use_hub(utils.get_hub())
    # It warns of every option of its section that is not its own, and of a cache in the process.
    logging.getLogger("keystonemiddleware").setLevel(logging.ERROR)
    etc = site.folder / "etc" / "swift"
    for kind, port in SERVERS.items():
        server = loadapp(str(etc / f"{kind}-server.conf"), global_conf={"log_name": f"{kind}-server"})
        eventlet.spawn_n(_serve, _unix(one_process.socket_path(site.run, port)), server)
    eventlet.spawn_n(_for_ever, _COUNT_SECONDS, updater.ContainerUpdater(daemons(site)).run_once)
    eventlet.spawn_n(_for_ever, _EXPIRE_SECONDS, expirer.ObjectExpirer(daemons(site)).run_once)
    return loadapp(str(etc / "proxy-server.conf"), global_conf={"log_name": "proxy-server"})


def serve(site: Description, proxy: Any) -> None:
    """Serve the proxy; returns never."""
    import eventlet

    _serve(eventlet.listen((site.addresses.api, PORTS["swift"]), backlog=1024), proxy)


def _serve(sock: Any, app: Any) -> None:
    """As swift.common.wsgi.run_server does, which takes a process for itself."""
    from eventlet import wsgi
    from swift.common import constraints
    from swift.common import wsgi as swift_wsgi
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.utils import NullLogger

    wsgi.server(
        sock,
        app,
        NullLogger(),
        custom_pool=swift_wsgi.RestrictedGreenPool(size=1024),
        protocol=SwiftHttpProtocol,
        socket_timeout=60,
        capitalize_response_headers=False,
        url_length_limit=constraints.MAX_REQUEST_LINE,
    )


def _unix(path: Path) -> Any:
    import eventlet
    from eventlet.green import socket

    path.unlink(missing_ok=True)
    return eventlet.listen(str(path), family=socket.AF_UNIX, backlog=1024)


def _for_ever(seconds: float, work: Callable[[], None]) -> None:
    import eventlet

    while True:
        eventlet.sleep(seconds)
        try:
            work()
        except Exception:
            logging.getLogger("daemons").exception("A pass failed; the next is in %g s", seconds)
