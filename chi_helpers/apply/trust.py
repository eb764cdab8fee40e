"""Learn an instance's SSH host keys, and see that the machine that answers has them."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chi_helpers.apply.known_hosts import keys_of, remember
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.provision.openssh import greets
from chi_helpers.sites.hostkeys import parse
from chi_helpers.sites.waiting import ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from chi_helpers.sites.protocol import Site

CONSOLE_TIMEOUT = 300.0
"""Seconds until cloud-init has written the keys; a small virtual machine takes about one minute."""
SSH_TIMEOUT = 120.0
_JUMP_TIMEOUT = 20.0
PORT = 22


@dataclass(frozen=True, slots=True)
class Jump:
    """The node through which others are reached: `destination` is its `user@address`."""

    destination: str
    settings: Mapping[str, str]


def learn(
    site: Site,
    folder: Path,
    instance_id: str,
    address: str,
    note: Callable[[str], None],
    jump: Jump | None = None,
) -> bool:
    """Take the keys from the console into the lab's known_hosts; tell whether they are new to it.

    The console is read each time: an instance that was rebuilt has the same id and new keys. What is known
    stays where the console does not show a whole block any more (Nova keeps its end only), or not yet.
    With `jump` the address is one of the nodes' own network, which that node reaches.

    Raises `SiteError` where none are known and the console shows none in time, or SSH does not answer.
    """
    known = keys_of(folder, address, instance_id)
    shown: tuple[str, ...] = ()
    if known:
        with suppress(RefusedError):  # what is known is still true, and ssh insists on it
            shown = parse(site.console(instance_id))
    else:
        shown = _from_console(site, instance_id, note)
    new = bool(shown) and set(shown) != set(known)
    if new:
        remember(folder, address, instance_id, shown)
    _answers(address, note, jump)
    return new


def _from_console(site: Site, instance_id: str, note: Callable[[str], None]) -> tuple[str, ...]:
    for _ in ticks(CONSOLE_TIMEOUT, first=0.3, longest=5.0):
        if keys := parse(site.console(instance_id)):
            return keys
        note("the console shows no host keys yet")
    raise SiteError(
        f"The console shows no SSH host keys after {CONSOLE_TIMEOUT:.0f} s.",
        do="Look at it with `openstack console log show`; run `chi-lab up` again when it has booted.",
    )


def _answers(address: str, note: Callable[[str], None], jump: Jump | None) -> None:
    """Wait for the SSH server's greeting: a port that accepts may be a proxy whose machine still boots."""
    why = ""
    for _ in ticks(SSH_TIMEOUT, first=0.2, longest=3.0):
        if jump is not None:
            why = greets(jump.settings, jump.destination, address, PORT, timeout=_JUMP_TIMEOUT)
            if not why:
                return
        else:
            with suppress(OSError), socket.create_connection((address, PORT), timeout=5) as conversation:
                if conversation.recv(4) == b"SSH-":
                    return
        note(f"waits for SSH on {address}")
    if jump is not None:
        raise SiteError(
            f"SSH on {address} does not answer through {jump.destination} after {SSH_TIMEOUT:.0f} s: {why}.",
            do="Look at both with `chi-lab status`, and run `chi-lab up` again.",
        )
    raise SiteError(
        f"SSH on {address} does not answer after {SSH_TIMEOUT:.0f} s.",
        do="Check that the file opens port 22, and the network from here.",
    )
