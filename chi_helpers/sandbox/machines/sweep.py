"""Ends, lists and removes what one site has on this machine; needs no service of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.sandbox.machines import guard, networks, nft, tables
from chi_helpers.sandbox.machines.podman import Podman, PodmanError

if TYPE_CHECKING:
    from collections.abc import Sequence


def leftovers(site: str, podman_args: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what there is of this site: containers, networks, nftables tables; each with its kind.

    Raises PodmanError, TableError.
    """
    podman = Podman(site, tuple(podman_args))
    return (
        *(f"container {podman.container(uuid)}" for uuid in podman.containers()),
        *(f"network {name}" for name in podman.networks()),
        *(f"nftables table {name}" for name in _tables(site)),
    )


def stop_site(site: str, podman_args: Sequence[str] = ()) -> int:
    """Stop the site's machines and close its floating IPs; return how many machines ran.

    For when the services are down. Nova starts the machines again (resume_guests_state_on_host_boot),
    and the tables are written again. Raises PodmanError, TableError.
    """
    podman = Podman(site, tuple(podman_args))
    running = _in_state(podman, "running")
    paused = _in_state(podman, "paused")
    if paused:  # podman 4 refuses to stop them
        podman.run("unpause", *paused)
    if running or paused:
        podman.run("stop", "--time", "10", *running, *paused)
    _remove_tables(site)
    return len(running) + len(paused)


def remove_site(site: str, podman_args: Sequence[str] = ()) -> tuple[str, ...]:
    """Remove everything of exactly this site; return what was there. Raises PodmanError, TableError.

    The folders of the instances are the site's data, and go with it.
    """
    podman = Podman(site, tuple(podman_args))
    found = leftovers(site, podman_args)
    names = [podman.container(uuid) for uuid in podman.containers()]
    if names:
        podman.run("rm", "--force", "--ignore", "--time", "0", "--volumes", *names)
    networks.remove_unused(podman, podman.networks())
    _remove_tables(site)
    left = leftovers(site, podman_args)
    if left:
        raise PodmanError(f"still there after removal: {', '.join(left)}")
    return found


def _in_state(podman: Podman, state: str) -> list[str]:
    return podman.run(
        "ps", "--all", "--quiet", "--filter", podman.mine, "--filter", f"status={state}"
    ).split()


def _tables(site: str) -> list[str]:
    mine = {nft.table_name(site), guard.table_name(site)}
    return [name for name in tables.names() if name in mine]


def _remove_tables(site: str) -> None:
    for name in _tables(site):
        tables.remove(name)
