"""SSH tunnels to services that listen on a node's own 127.0.0.1, one ssh for each node."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from chi_helpers.model.errors import SiteError
from chi_helpers.provision.openssh import as_options
from chi_helpers.provision.services import Service

HERE = "127.0.0.1"
_SECONDS = 20.0
"""For a forward to answer."""
_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a node's SSH answers, and what vouches for it."""

    destination: str
    """`user@address`."""
    settings: Mapping[str, str]
    """OpenSSH's: they verify its host key, and lead through another node where that is the way."""


@dataclass(frozen=True, slots=True)
class Forward:
    """A service, and the port of this machine that leads to it."""

    service: Service
    port: int

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}{self.service.path}"


@dataclass(slots=True)
class _Ssh:
    node: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()


@dataclass(slots=True)
class Tunnels:
    forwards: tuple[Forward, ...]
    _ssh: list[_Ssh]

    def wait(self) -> None:
        """Stay until one of them ends. Raises `SiteError`, which says why it did."""
        while True:
            for ssh in self._ssh:
                if ssh.process.poll() is not None:
                    raise SiteError(
                        f"The tunnel to {ssh.node} ended: {ssh.said() or 'ssh said nothing'}.",
                        do="Look with `chi-lab status` whether the node is there, and run it again.",
                    )
            time.sleep(_POLL)


@contextmanager
def opened(services: Sequence[Service], endpoints: Mapping[str, Endpoint]) -> Iterator[Tunnels]:
    """Open tunnels to `services`, whose nodes `endpoints` holds; they are closed on the way out.

    A local port is the service's own where that is free here. Raises `SiteError` where ssh does not log in or
    a forward does not come up.
    """
    with ExitStack() as stack:
        forwards = _ports(services)
        running: list[_Ssh] = []
        for node in dict.fromkeys(service.node for service in services):
            mine = [forward for forward in forwards if forward.service.node == node]
            running.append(stack.enter_context(_ssh(node, endpoints[node], mine)))
        for ssh in running:
            for forward in forwards:
                if forward.service.node == ssh.node:
                    _until_up(ssh, forward)
        yield Tunnels(tuple(forwards), running)


def _ports(services: Sequence[Service]) -> list[Forward]:
    """A free port of this machine for each. ssh itself refuses one that somebody takes before it does."""
    found: list[Forward] = []
    with ExitStack() as held:
        for service in services:
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HERE, service.port))
                probe.listen()  # two that do not listen may share a port
            except OSError:
                probe = held.enter_context(socket.socket())
                probe.bind((HERE, 0))
            found.append(Forward(service, probe.getsockname()[1]))
    return found


@contextmanager
def _ssh(node: str, to: Endpoint, forwards: Sequence[Forward]) -> Iterator[_Ssh]:
    options = {
        **to.settings,
        "BatchMode": "yes",
        "ExitOnForwardFailure": "yes",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "4",
        "ConnectTimeout": "20",
        # A shared connection would be another program's, and go with it.
        "ControlMaster": "no",
        "ControlPath": "none",
    }
    ways = [f"-L{HERE}:{forward.port}:{HERE}:{forward.service.port}" for forward in forwards]
    command = ["ssh", "-N", *as_options(options), *ways, to.destination]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            yield _Ssh(node, process, errors)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until_up(ssh: _Ssh, forward: Forward) -> None:
    end = time.monotonic() + _SECONDS
    while True:
        if ssh.process.poll() is not None:
            raise SiteError(
                f"ssh to {ssh.node} ended: {ssh.said() or 'it said nothing'}.",
                do="Run `chi-lab up`, which looks after the node and its host key.",
            )
        try:
            socket.create_connection((HERE, forward.port), timeout=_POLL).close()
        except OSError as error:
            if time.monotonic() > end:
                raise SiteError(
                    f"The tunnel to {forward.service.name} on {ssh.node} does not come up: {error}."
                ) from error
            time.sleep(_POLL)
        else:
            return
