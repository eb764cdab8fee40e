"""A login by python-chi whose host key is verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko


def verified(server: Any, known_hosts: Path) -> Any:
    """Return python-chi's `server.ssh_connection()`, refusing a node whose host key is not in `known_hosts`.

    python-chi itself accepts any host key with a warning (1.2.10, chi/server.py, `ssh_connection`). The
    result is Fabric's Connection: `with verified(server, lab.trust()) as node: node.run("hostname")`.
    """
    connection = server.ssh_connection()
    connection.client.load_host_keys(str(known_hosts))
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    return connection
