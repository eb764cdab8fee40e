"""`openstack`, told nothing but OS_CLOUD, does what Chameleon's labs do with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.openstack_cli import OpenStack
from tests.support.site import BIN, run
from tests.support.student import Student

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="sandbox")]

ACTIVE_SECONDS = 60


@pytest.fixture
def cli(student: Student) -> Iterator[OpenStack]:
    with OpenStack(student.site.cloud_env(), student.folder) as client:
        yield client


def blazar_time(after: timedelta) -> str:
    return (datetime.now(UTC) + after).strftime("%Y-%m-%d %H:%M")


def lease(cli: OpenStack, name: str, flavor: str, amount: int) -> dict[str, Any]:
    """Create a lease as the labs do; its one reservation once the lease is active."""
    start, end = blazar_time(timedelta(0)), blazar_time(timedelta(hours=6))
    cli(
        f"reservation lease create {name} --start-date '{start}' --end-date '{end}'"
        f" --reservation resource_type=flavor:instance,flavor_id={flavor},amount={amount}"
    )
    until = datetime.now(UTC) + timedelta(seconds=ACTIVE_SECONDS)
    while datetime.now(UTC) < until:
        shown = cli.json(f"reservation lease show {name}")
        if shown["status"] == "ACTIVE":
            # Upstream's client prints the reservations as text: one JSON object, not a list.
            found: dict[str, Any] = json.loads(shown["reservations"])
            return found
    raise AssertionError(f"lease {name} is {shown['status']} after {ACTIVE_SECONDS} s")


def test_the_cloud_chi_lab_is_provisioned_and_deleted_with_openstack(cli, student):
    """Network, lease, ports, two instances, floating IP and rules, then all of it deleted in order."""
    o, key = student.owner, student.site.key_name
    cli(f"network create --disable-port-security private_cloud_net_{o}")
    cli(f"subnet create --network private_cloud_net_{o} --subnet-range 192.168.1.0/24 --gateway none sub-{o}")
    cli(f"security group create allow-ssh-{o}")
    cli(f"security group rule create --protocol tcp --dst-port 22 allow-ssh-{o}")
    # The group goes to a port: Nova refuses one for an instance that also has a port without port security.
    cli(f"port create --network sharednet1 --security-group allow-ssh-{o} shared1_{o}")
    for n in (1, 2):
        cli(
            f"port create --network private_cloud_net_{o} --disable-port-security"
            f" --fixed-ip subnet=sub-{o},ip-address=192.168.1.1{n} port{n}_{o}"
        )

    flavor = cli("flavor show m1.tiny -f value -c id").strip()
    reserved = lease(cli, f"lease2_cloud_{o}", flavor, 2)
    assert reserved["resource_type"] == "flavor:instance"
    assert reserved["flavor_id"] == reserved["id"], "the reserved flavor has the reservation's id"

    boot = f"server create --image CC-Ubuntu24.04 --flavor {reserved['flavor_id']} --key-name {key} --wait"
    cli(f"{boot} --port shared1_{o} --port port1_{o} node1-cloud-{o}")
    cli(f"{boot} --network sharednet1 --port port2_{o} node2-cloud-{o}")
    shown = cli.json(f"server show node1-cloud-{o}")
    assert shown["status"] == "ACTIVE"
    assert shown["addresses"][f"private_cloud_net_{o}"] == ["192.168.1.11"]
    [fixed] = shown["addresses"]["sharednet1"]

    ip = cli.json(f"floating ip create public --description {o}")["floating_ip_address"]
    cli(f"floating ip set --port shared1_{o} {ip}")
    assert cli.json(f"floating ip show {ip}")["fixed_ip_address"] == fixed

    # The order of the lab's own page on deleting: address, instances, ports, network; then the lease.
    cli(f"floating ip unset --port {ip}")
    cli(f"floating ip delete {ip}")
    cli(f"server delete --wait node1-cloud-{o} node2-cloud-{o}")
    cli(f"port delete port1_{o} port2_{o} shared1_{o}")
    cli(f"network delete private_cloud_net_{o}")
    cli(f"security group delete allow-ssh-{o}")
    cli(f"reservation lease delete lease2_cloud_{o}")
    assert not student.holdings()


def test_the_site_is_listed_with_openstack(cli, student):
    """What students look up before they reserve: everything answers a member, hosts and leases included."""
    assert {"m1.tiny", "m1.small", "m1.xxlarge", "g1.h100.pci.1", "baremetal"} <= names(
        cli.json("flavor list")
    )
    assert {"CC-Ubuntu24.04", "CC-Ubuntu24.04-CUDA"} <= names(cli.json("image list"))
    assert {"public", "sharednet1"} <= names(cli.json("network list"))
    assert student.site.key_name in names(cli.json("keypair list"))
    assert cli.json("reservation host list")
    assert isinstance(cli.json("reservation lease list"), list)


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {row["Name"] for row in rows}


def test_a_key_pair_of_ones_own_is_uploaded_and_removed(cli, student):
    public = f"{student.site.private_key}.pub"
    name = f"key-{student.owner}"
    cli(f"keypair create --public-key '{public}' {name}")
    assert name in names(cli.json("keypair list"))
    cli(f"keypair delete {name}")
    assert name not in names(cli.json("keypair list"))


def test_listing_leases_by_status_is_of_chameleons_fork_of_the_client(student):
    """A deviation to know of: python-blazarclient 4.6.0 from PyPI refuses the labs' `--status`."""
    words = ("reservation", "lease", "list", "--status", "ACTIVE")
    done = run([str(BIN / "openstack"), *words], env=student.site.cloud_env(), cwd=student.folder)
    assert done.returncode == 2
    assert "unrecognized arguments: --status ACTIVE" in done.stderr


def test_the_program_itself_answers(student):
    """`openstack` as a student types it, in a process of its own."""
    done = run([str(BIN / "openstack"), "network", "list"], env=student.site.cloud_env(), cwd=student.folder)
    assert done.returncode == 0, done.stderr
    assert "sharednet1" in done.stdout
