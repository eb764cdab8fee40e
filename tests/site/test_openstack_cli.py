"""`openstack`, told nothing but OS_CLOUD, does what Chameleon's labs do with it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.site import BIN, run, succeed
from tests.support.student import Student

pytestmark = pytest.mark.site

ACTIVE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class OpenStack:
    """The command-line client of one student."""

    student: Student

    @property
    def env(self) -> dict[str, str]:
        return self.student.site.cloud_env()

    def __call__(self, *words: str) -> str:
        """Run `openstack WORDS`; its stdout. Fails with its output where it fails."""
        return succeed([str(BIN / "openstack"), *words], env=self.env, cwd=self.student.folder)

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-f", "json"))

    def together(self, *commands: tuple[str, ...]) -> None:
        """Run commands that do not need one another, two at a time: each one takes a second of a core to start."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda words: self(*words), commands))

    def refused(self, *words: str) -> str:
        """Run `openstack WORDS`, which is to fail; what it said on stderr."""
        done = run([str(BIN / "openstack"), *words], env=self.env, cwd=self.student.folder)
        assert done.returncode != 0, done.stdout
        return done.stderr


@pytest.fixture
def cli(student: Student) -> OpenStack:
    return OpenStack(student)


def blazar_time(after: timedelta) -> str:
    return (datetime.now(UTC) + after).strftime("%Y-%m-%d %H:%M")


def lease(cli: OpenStack, name: str, flavor: str, amount: int) -> dict[str, Any]:
    """Create a lease as the labs do; its one reservation once the lease is active."""
    cli(
        *("reservation", "lease", "create", name),
        *("--start-date", blazar_time(timedelta(0)), "--end-date", blazar_time(timedelta(hours=6))),
        *("--reservation", f"resource_type=flavor:instance,flavor_id={flavor},amount={amount}"),
    )
    until = datetime.now(UTC) + timedelta(seconds=ACTIVE_SECONDS)
    while datetime.now(UTC) < until:
        shown = cli.json("reservation", "lease", "show", name)
        if shown["status"] == "ACTIVE":
            # Upstream's client prints the reservations as text: one JSON object, not a list.
            found: dict[str, Any] = json.loads(shown["reservations"])
            return found
    raise AssertionError(f"lease {name} is {shown['status']} after {ACTIVE_SECONDS} s")


def test_the_cloud_chi_lab_is_provisioned_and_deleted_with_openstack(cli):
    """Network, lease, ports, two instances, floating IP and rules, then all of it deleted in order."""
    owner = cli.student.owner
    net, group, node = f"private_cloud_net_{owner}", f"allow-ssh-{owner}", f"node%d-cloud-{owner}"
    cli.together(
        ("network", "create", "--disable-port-security", net),
        ("security", "group", "create", group),
    )
    cli.together(
        (
            "subnet",
            "create",
            "--network",
            net,
            "--subnet-range",
            "192.168.1.0/24",
            "--gateway",
            "none",
            f"sub-{owner}",
        ),
        ("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22", group),
    )
    fixed = f"subnet=sub-{owner},ip-address=192.168.1.1"
    cli.together(
        # The group goes to a port: Nova refuses one for an instance that also has a port without port security.
        ("port", "create", "--network", "sharednet1", "--security-group", group, f"shared1_{owner}"),
        (
            "port",
            "create",
            "--network",
            net,
            "--disable-port-security",
            "--fixed-ip",
            f"{fixed}1",
            f"port1_{owner}",
        ),
        (
            "port",
            "create",
            "--network",
            net,
            "--disable-port-security",
            "--fixed-ip",
            f"{fixed}2",
            f"port2_{owner}",
        ),
    )

    flavor = cli("flavor", "show", "m1.tiny", "-f", "value", "-c", "id").strip()
    reserved = lease(cli, f"lease2_cloud_{owner}", flavor, 2)
    assert reserved["resource_type"] == "flavor:instance"
    assert reserved["flavor_id"] == reserved["id"], "the reserved flavor has the reservation's id"

    boot = ("server", "create", "--image", "CC-Ubuntu24.04", "--flavor", reserved["flavor_id"])
    boot += ("--key-name", cli.student.site.key_name, "--wait")
    cli.together(
        (*boot, "--port", f"shared1_{owner}", "--port", f"port1_{owner}", node % 1),
        (*boot, "--network", "sharednet1", "--port", f"port2_{owner}", node % 2),
    )
    shown = cli.json("server", "show", node % 1)
    assert shown["status"] == "ACTIVE"
    assert shown["addresses"][net] == ["192.168.1.11"]
    [address] = shown["addresses"]["sharednet1"]

    ip = cli.json("floating", "ip", "create", "public", "--description", owner)["floating_ip_address"]
    cli("floating", "ip", "set", "--port", f"shared1_{owner}", ip)
    assert cli.json("floating", "ip", "show", ip)["fixed_ip_address"] == address

    # The order of the lab's own page on deleting: address, instances, ports, network, lease.
    cli("floating", "ip", "unset", "--port", ip)
    cli("floating", "ip", "delete", ip)
    cli("server", "delete", "--wait", node % 1, node % 2)
    cli("port", "delete", f"port1_{owner}", f"port2_{owner}", f"shared1_{owner}")
    cli.together(
        ("network", "delete", net),
        ("security", "group", "delete", group),
        ("reservation", "lease", "delete", f"lease2_cloud_{owner}"),
    )
    assert not cli.student.holdings()


def test_the_site_is_listed_with_openstack(cli):
    """What students look up before they reserve: everything answers a member, hosts and leases included."""
    asked = {
        "flavors": ("flavor", "list"),
        "images": ("image", "list"),
        "networks": ("network", "list"),
        "keypairs": ("keypair", "list"),
        "hosts": ("reservation", "host", "list"),
        "leases": ("reservation", "lease", "list"),
    }
    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(asked, pool.map(lambda words: cli.json(*words), asked.values()), strict=True))
    assert {"m1.tiny", "m1.small", "m1.xxlarge", "g1.h100.pci.1", "baremetal"} <= {
        f["Name"] for f in told["flavors"]
    }
    assert {"CC-Ubuntu24.04", "CC-Ubuntu24.04-CUDA"} <= {i["Name"] for i in told["images"]}
    assert {"public", "sharednet1"} <= {n["Name"] for n in told["networks"]}
    assert cli.student.site.key_name in {k["Name"] for k in told["keypairs"]}
    assert told["hosts"]
    assert isinstance(told["leases"], list)


def test_a_key_pair_of_ones_own_is_uploaded_and_removed(cli):
    public = cli.student.site.private_key.with_suffix(".pub")
    name = f"key-{cli.student.owner}"
    cli("keypair", "create", "--public-key", str(public), name)
    assert name in {k["Name"] for k in cli.json("keypair", "list")}
    cli("keypair", "delete", name)
    assert name not in {k["Name"] for k in cli.json("keypair", "list")}


def test_listing_leases_by_status_is_of_chameleons_fork_of_the_client(cli):
    """A deviation to know of: python-blazarclient 4.6.0 from PyPI refuses the labs' `--status`."""
    said = cli.refused("reservation", "lease", "list", "--status", "ACTIVE")
    assert "unrecognized arguments: --status ACTIVE" in said
