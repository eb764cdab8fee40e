"""`chi-lab up`, killed with SIGKILL at any of its steps and run again, ends in the same state."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Journey
from tests.support.killing import missable

pytestmark = [
    pytest.mark.site,
    pytest.mark.machines,
    pytest.mark.timeout(2400),
    pytest.mark.nightly(part="faults"),
]

MANY = 15


def test_up_is_killed_at_many_points_and_dies_of_it(travels):
    """Every point of a clean run is met, and the process is dead before it is through."""
    assert travels.clean_up.code == 0, travels.clean_up.said
    killed = {str(j.up_at) for j in travels.journeys if j.runs["up, killed"].killed}
    assert len(killed) >= MANY
    missed = {str(p) for p in travels.up_points} - killed
    # The last line of a file may be the last thing that it does: then it ended well, before the kill.
    assert missed <= missable(travels.up_points)
    ended = {j.runs["up, killed"].code for j in travels.journeys if str(j.up_at) in missed}
    assert ended <= {0}


def test_up_again_after_each_kill_ends_with_one_of_everything(travels, subtests):
    """One lease, one instance, one address that is bound to it, one group with one rule; no port over."""
    for journey in travels.journeys:
        with subtests.test(str(journey.up_at)):
            check_up(journey)


def test_up_again_after_a_kill_while_provisioning_provisions_to_the_end(provisioning, subtests):
    for journey in provisioning:
        with subtests.test(str(journey.up_at)):
            assert journey.runs["up, killed"].killed
            check_up(journey)
            assert "Provision node1" in journey.runs["up"].said


def check_up(journey: Journey) -> None:
    again = journey.runs["up"]
    assert again.code == 0, again.said
    assert journey.up.counts == (1, 1, 1, 1), again.said
    [lease], [instance] = journey.up.leases, journey.up.instances
    [address], [group] = journey.up.floating_ips, journey.up.security_groups
    assert lease["status"] == "ACTIVE"
    assert instance.status == "ACTIVE"
    assert address.floating_ip_address in {a["addr"] for net in instance.addresses.values() for a in net}
    ports = [(r["protocol"], r["port_range_min"], r["port_range_max"]) for r in journey.rules]
    assert ports == [("tcp", 22, 22)]
    assert {g["name"] for g in instance.security_groups} == {group.name}
    assert journey.known_hosts == {address.floating_ip_address}
