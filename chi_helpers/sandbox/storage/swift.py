"""What Swift lacks where it is one process on one disk: rings of one device, sockets, a log, its daemons."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from chi_helpers.sandbox.conf.objects import DEVICE, SERVERS
from chi_helpers.sandbox.errors import SandboxError

_PART_POWER = 4
_LOOPBACK = "127.0.0.1"


def log_to_stderr(
    conf: Any, name: str, log_to_console: bool, log_route: str, fmt: str, logger: logging.Logger, adapted: Any
) -> None:
    """Swift's hook `log_custom_handlers`: the supervisor keeps stderr, and nothing goes to syslog."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)


def make_rings(folder: Path) -> None:
    """Write the three rings to `folder`, where they are missing: one copy of everything, on one device."""
    from swift.common.ring import RingBuilder

    for kind, port in SERVERS.items():
        path = folder / f"{kind}.ring.gz"
        if path.exists():
            continue
        builder = RingBuilder(_PART_POWER, 1, 1)
        builder.add_dev(
            {
                "id": 0,
                "region": 1,
                "zone": 1,
                "ip": _LOOPBACK,
                "port": port,
                "device": DEVICE,
                "weight": 1,
            }
        )
        builder.rebalance()
        builder.get_ring().save(str(path))


def make_device(folder: Path) -> None:
    """Make the folder that is the device. Raises SandboxError where its file system cannot serve."""
    device = folder / DEVICE
    device.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.setxattr(device, "user.chi-lab", b"1")
    except OSError as error:
        raise SandboxError(
            f"Swift keeps metadata in extended attributes, and {device} can have none ({error.strerror}).",
            do="Have the sandbox's folder elsewhere (CHI_LAB_STATE=<folder>), on ext4 or xfs for example.",
        ) from error


def socket_path(run: Path, port: int) -> Path:
    return run / f"swift-{port}.sock"


def talk_over_sockets(run: Path) -> None:
    """Let Swift's servers reach each other by Unix sockets in `run`, a folder that others cannot enter.

    The servers behind the proxy check nobody's token: on a port of loopback, every user of this computer
    could read and write all objects.
    """
    from eventlet.green import socket
    from swift.common import bufferedhttp

    def connect(self: Any) -> None:
        self._connected_time = time.time()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(socket_path(run, self.port)))

    bufferedhttp.BufferedHTTPConnection.connect = connect
