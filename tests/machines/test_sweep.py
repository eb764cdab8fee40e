"""Removing a site's machines removes all of them, and nothing of the site beside it."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

import pytest

from chi_helpers.sandbox.machines import guard, networks, nft, tables
from chi_helpers.sandbox.machines.choose import choose
from chi_helpers.sandbox.machines.guest import ulimits
from chi_helpers.sandbox.machines.podman import INSTANCE_LABEL, SITE_LABEL, Podman
from chi_helpers.sandbox.machines.sweep import leftovers, remove_site, stop_site

pytestmark = pytest.mark.machines

PORT = networks.Port("n1", "fa:16:3e:00:00:01", 1500, (networks.Subnet("192.168.1.0/24", None, ()),))


def furnish(site: str) -> str:
    """Give a site a network and its tables, as its services would."""
    with networks.in_use:
        name = networks.ensure(Podman(site), PORT).name
        networks.protect(Podman(site))
    table = nft.render(nft.Table(nft.table_name(site), ("127.125.1.0-127.125.255.255",)), [])
    tables.load(table)
    return name


@pytest.fixture
def two_sites() -> Iterator[tuple[str, str]]:
    sites = f"west-{token_hex(4)}", f"west-{token_hex(4)}"
    try:
        yield sites
    finally:
        for site in sites:
            remove_site(site)


def test_remove_takes_everything_of_one_site_and_nothing_of_another(two_sites: tuple[str, str]) -> None:
    mine, other = two_sites
    expected = {
        site: {
            f"network {furnish(site)}",
            f"nftables table {nft.table_name(site)}",
            f"nftables table {guard.table_name(site)}",
        }
        for site in two_sites
    }
    assert set(leftovers(mine)) == expected[mine]
    assert set(remove_site(mine)) == expected[mine]
    assert leftovers(mine) == ()
    assert set(leftovers(other)) == expected[other]
    assert remove_site(mine) == (), "a second time there is nothing to do"


def test_stop_closes_the_floating_ips_and_keeps_the_networks(two_sites: tuple[str, str]) -> None:
    mine, other = two_sites
    name = furnish(mine)
    furnish(other)
    assert stop_site(mine) == 0
    assert leftovers(mine) == (f"network {name}",)
    assert len(leftovers(other)) == 3


def test_stop_ends_a_paused_machine_too(two_sites: tuple[str, str]) -> None:
    """podman 4 refuses to stop one."""
    site, _ = two_sites
    chosen = choose("podman", lambda _: None)
    podman = Podman(site, chosen.podman_args)
    name = podman.container("u1")
    podman.run(
        "run", "--detach", "--name", name, "--network", "none", "--label", f"{SITE_LABEL}={site}",
        "--label", f"{INSTANCE_LABEL}=u1", *ulimits(),
        chosen.image, "/bin/sh", "-c", "trap exit TERM; while :; do sleep 0.1; done",
    )  # fmt: skip
    podman.run("pause", name)
    assert stop_site(site, chosen.podman_args) == 1
    assert podman.inspect(name)["State"]["Status"] == "exited"
