"""The environment that the sandbox's processes run in."""

from __future__ import annotations

import os

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.description import Description

_KEEP = ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "SSL_CERT_FILE",
         "REQUESTS_CA_BUNDLE", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # fmt: skip


def service_environment(site: Description) -> dict[str, str]:
    """A clean environment: no OS_* of the caller, no proxy between the services."""
    kept = {name: os.environ[name] for name in _KEEP if name in os.environ}
    return {
        **kept,
        "PATH": programs.path(),
        "CHI_SANDBOX_FOLDER": str(site.folder),
        "CHI_SANDBOX_HOSTS": str(site.folder / "hosts.json"),
        "NO_PROXY": "*",
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
        # Threads otherwise keep an arena each: about a third more memory.
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
    }
