"""What a service waits for before it starts, so that all can be started at once."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chi_helpers.sandbox.description import PORTS, Description

DATABASE, KEYSTONE, PLACEMENT, IDENTITY = "database", "keystone", "placement", "identity"
_PATIENCE = 180.0


def for_dependencies(site: Description, needs: tuple[str, ...]) -> None:
    """Return when everything in `needs` is there; end the process where it does not come."""
    checks: dict[str, Callable[[], bool]] = {
        DATABASE: lambda: _database(site),
        KEYSTONE: lambda: _listens(site, "keystone"),
        PLACEMENT: lambda: _listens(site, "placement"),
        # The service's own user exists: written once, by `up`, after the first start.
        IDENTITY: lambda: identity_marker(site).exists(),
    }
    end = time.monotonic() + _PATIENCE
    for need in needs:
        while not checks[need]():
            if time.monotonic() > end:
                sys.exit(f"waited {_PATIENCE:g} s for {need}")
            time.sleep(0.05)


def identity_marker(site: Description) -> Path:
    return site.folder / "identity.done"


def _database(site: Description) -> bool:
    import pymysql

    try:
        pymysql.connect(
            unix_socket=str(site.db_socket), user="chi", password=site.secrets.database, connect_timeout=2
        ).close()
    except pymysql.err.Error:
        return False
    return True


def _listens(site: Description, service: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((site.addresses.api, PORTS[service])) == 0
