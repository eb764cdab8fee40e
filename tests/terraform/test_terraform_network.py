"""`network.private` on a real site: a network of the lab's own with a router, two nodes on it, and nothing left."""

from __future__ import annotations

import json

import pytest

from tests.support.labs import node
from tests.terraform.owned import counts

pytestmark = [pytest.mark.machines, pytest.mark.timeout(1200), pytest.mark.nightly(part="terraform")]

CIDR = "192.168.57.0/24"


@pytest.fixture
def site(stack_site):
    """The site that the other tests of `make test-nightly PART=terraform` have, too."""
    return stack_site


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def test_two_nodes_on_a_network_of_their_own_reach_each_other_and_all_of_it_goes(
    planned, networker, lab_file
):
    student = networker
    nodes = {"head": node(), "w1": node(floating_ip=False, ports=[])}
    lab = lab_file(launch="terraform", network={"private": CIDR}, nodes=nodes)
    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, said(up)
    assert counts(student) == {
        "lease": 1, "instance": 2, "port": 2, "floating IP": 1, "security group": 3,
        "network": 1, "subnet": 1, "router": 1,
    }  # fmt: skip
    held = student.holdings()
    [network] = held.networks
    assert {port.network_id for port in held.ports} == {network.id}
    fixed = {port.name: port.fixed_ips[0]["ip_address"] for port in held.ports}
    assert all(address.startswith("192.168.57.") for address in fixed.values()), fixed
    # The second node is reached through the first, by its address on that network.
    answer = student.chi_lab("ssh", "w1", "-f", str(lab), "--", "hostname --all-ip-addresses")
    [address] = [address for name, address in fixed.items() if name.startswith("w1-")]
    assert address in answer.stdout.split(), said(answer)

    plan = planned()
    assert plan.returncode == 0, said(plan)
    down = student.chi_lab("down", "--json", lab=lab)
    assert down.returncode == 0, said(down)
    assert json.loads(down.stdout)["left"] == []
    assert counts(student) == {}
