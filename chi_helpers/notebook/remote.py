"""Logins by python-chi whose host key is verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko


def verified(server: Any, known_hosts: Path) -> Any:
    """Return `server`, python-chi's, now logging in only where the host key is in `known_hosts`.

    python-chi itself accepts any host key with a warning (1.2.10, chi/server.py, `ssh_connection`), and
    `execute` and `upload` log in by that method; all three raise paramiko's SSHException for a host key
    that is unknown, and BadHostKeyException for one that differs.
    """
    # Twice over the same object, the way in is still python-chi's own.
    connect = type(server).ssh_connection.__get__(server)

    def ssh_connection(*args: Any, **kwargs: Any) -> Any:
        connection = connect(*args, **kwargs)
        connection.client.load_host_keys(str(known_hosts))
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        return connection

    server.ssh_connection = ssh_connection
    return server
