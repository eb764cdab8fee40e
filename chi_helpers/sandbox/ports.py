"""Is an address free, and if not, who has it?"""

from __future__ import annotations

import socket
from collections.abc import Container

import psutil

from chi_helpers.sandbox.description import PORTS, Description
from chi_helpers.sandbox.errors import PortTakenError


def check_free(site: Description, besides: Container[str] = ()) -> None:
    """Raise PortTakenError that names every port of the site that another program has, and who.

    The services in `besides` run already.
    """
    taken = [
        f"{site.addresses.api}:{port} ({service}) is taken by {holder(site.addresses.api, port)}"
        for service in site.services
        if service not in besides and not _free(site.addresses.api, port := PORTS[service])
    ]
    if taken:
        raise PortTakenError(
            f"The sandbox '{site.name}' cannot listen: {'; '.join(taken)}.",
            do="Stop that program, or run another sandbox with --name: each has an address of its own.",
        )


def _free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def holder(address: str, port: int) -> str:
    """Who listens there, for a person: `python (pid 123)`; other users' programs have no name for us."""
    try:
        connections = psutil.net_connections("tcp4")
    except psutil.AccessDenied:
        connections = []
    for one in connections:
        if (
            one.status == psutil.CONN_LISTEN
            and one.laddr
            and one.laddr.port == port
            and one.laddr.ip in (address, "0.0.0.0")  # noqa: S104 - compared, not bound
            and one.pid
        ):
            try:
                command = " ".join(psutil.Process(one.pid).cmdline())[:120]
            except psutil.Error:
                command = "a program"
            return f"{command} (pid {one.pid})"
    return "a program of another user"
