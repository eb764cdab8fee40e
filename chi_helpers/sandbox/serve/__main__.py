"""Start one service and serve it on the sandbox's address.

A service's modules are imported before its dependencies are waited for, so that all services
load side by side while the database starts.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from chi_helpers.sandbox.description import PORTS, load
from chi_helpers.sandbox.serve import waiting

_PDEATHSIG = 1
_THREADS = 16


def main() -> None:
    name = sys.argv[1]
    sys.argv = [name]
    _end_with_supervisor()
    signal.signal(signal.SIGTERM, _end)
    site = load(Path(os.environ["CHI_SANDBOX_FOLDER"]))
    if site is None:
        sys.exit(f"{name}: there is no sandbox in {os.environ['CHI_SANDBOX_FOLDER']}")
    # jsonschema's optional check of IRIs builds a grammar at import: a second of CPU in each of
    # five services, for a format that none of them uses. Without it jsonschema leaves it out.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    gc.disable()  # a tenth of the time to load; nothing loaded then is garbage
    service = importlib.import_module(f"chi_helpers.sandbox.serve.{name}")
    service.prepare(site)
    for module in service.MODULES:
        importlib.import_module(module)
    waiting.for_dependencies(site, service.NEEDS)
    application = service.application(site)
    gc.freeze()
    gc.enable()
    if hasattr(service, "serve"):  # what runs on greenlets serves itself
        service.serve(site, application)
        return
    import waitress

    waitress.serve(
        application,
        host=site.addresses.api,
        port=PORTS[name],
        threads=_THREADS,
        connection_limit=1000,
        backlog=1024,
        ident="",
        asyncore_use_poll=True,
    )


def _end(signum: int, frame: FrameType | None) -> None:
    # All state is in the database and in podman: there is nothing to wait for.
    os._exit(0)


def _end_with_supervisor() -> None:
    """Ask the kernel to end this process with its parent (see prctl(2)); best effort."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    main()
