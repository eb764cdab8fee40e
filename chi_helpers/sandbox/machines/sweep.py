"""Ends, lists and removes what one site has on this machine; needs no service of the site."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from chi_helpers.sandbox.machines import networks, nft
from chi_helpers.sandbox.machines.podman import Podman, PodmanError

if TYPE_CHECKING:
    from collections.abc import Sequence


def leftovers(site: str, podman_args: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what there is of this site: containers, networks, the nftables table; each with its kind."""
    podman = Podman(site, tuple(podman_args))
    return (
        *(f"container {podman.container(uuid)}" for uuid in podman.containers()),
        *(f"network {name}" for name in podman.networks()),
        *([f"nftables table {nft.table_name(site)}"] if _has_table(site) else []),
    )


def stop_site(site: str, podman_args: Sequence[str] = ()) -> int:
    """Stop the site's machines and close its floating IPs; return how many machines ran.

    For when the services are down. Nova starts the machines again (resume_guests_state_on_host_boot),
    and Neutron writes the table again.
    """
    podman = Podman(site, tuple(podman_args))
    running = podman.run("ps", "--quiet", "--filter", podman.mine).split()
    if running:
        podman.run("stop", "--time", "10", *running)
    _remove_table(site)
    return len(running)


def remove_site(site: str, podman_args: Sequence[str] = ()) -> tuple[str, ...]:
    """Remove everything of exactly this site; return what was there. Raises PodmanError.

    The folders of the instances are the site's data, and go with it.
    """
    podman = Podman(site, tuple(podman_args))
    found = leftovers(site, podman_args)
    names = [podman.container(uuid) for uuid in podman.containers()]
    if names:
        podman.run("rm", "--force", "--ignore", "--time", "0", "--volumes", *names)
    networks.remove_unused(podman, podman.networks())
    _remove_table(site)
    left = leftovers(site, podman_args)
    if left:
        raise PodmanError(f"still there after removal: {', '.join(left)}")
    return found


def _has_table(site: str) -> bool:
    try:
        listed = subprocess.run(
            ["nft", "list", "table", "ip", nft.table_name(site)], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return listed.returncode == 0


def _remove_table(site: str) -> None:
    if _has_table(site):
        subprocess.run(
            ["nft", "delete", "table", "ip", nft.table_name(site)], capture_output=True, check=True
        )
