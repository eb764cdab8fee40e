"""A lab's state in one value: which lease counts, how long it lasts, and what each node is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.model.lab import Lifetime
from chi_helpers.model.resources import Snapshot
from chi_helpers.plan.status import LabStatus, NodeStatus, status_of
from tests.support.fake_site import NOW
from tests.unit.plan.labs import SIX, lab, node
from tests.unit.plan.test_up import ALL, INSTANCE, LEASE, STAMP

SECOND = timedelta(seconds=1)


def status(snapshot, spec=None):
    return status_of(spec or lab(), "sam", snapshot, site="CHI@Fake")


def test_the_state_of_a_lab_that_is_up_is_told_whole():
    assert status(ALL) == LabStatus(
        lab="hello",
        owner="sam",
        site="CHI@Fake",
        at=NOW,
        lease="ACTIVE",
        lease_id="L",
        nodes=(NodeStatus("node1", "hello-sam", "ACTIVE", "192.0.2.1", "I"),),
        start=LEASE.start,
        deadline=LEASE.end,
        left=LEASE.end - NOW,
        time="today 15:00 CST (21:00 UTC)",
        warning=False,
        leftovers=(),
    )


def test_the_state_of_a_lab_that_is_not_there_is_told_whole():
    assert status(Snapshot(NOW)) == LabStatus(
        lab="hello",
        owner="sam",
        site="CHI@Fake",
        at=NOW,
        lease="absent",
        lease_id=None,
        nodes=(NodeStatus("node1", "hello-sam", "absent"),),
    )


def test_a_lease_counts_until_the_instant_of_its_end():
    assert status(replace(ALL, at=LEASE.end - SECOND)).lease_id == "L"
    over = status(replace(ALL, at=LEASE.end))
    assert (over.lease, over.lease_id, over.deadline, over.left, over.time) == ("ended", None, None, None, "")
    assert over.leftovers == (
        "floating IP 192.0.2.1",
        "instance hello-sam",
        "lease hello-sam",
        "security group hello-sam",
    )


def test_of_several_leases_the_one_that_began_first_counts():
    later = replace(LEASE, id="A", start=LEASE.start + SECOND)
    twin = replace(LEASE, id="M")
    assert status(replace(ALL, leases=(later, twin, LEASE))).lease_id == "L"


def test_a_lease_of_another_name_does_not_count():
    assert status(replace(ALL, leases=(replace(LEASE, name="hello-samantha"),))).lease == "absent"


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (replace(LEASE, status="ERROR"), "ERROR"),
        (replace(LEASE, status="TERMINATED"), "ended"),
        (replace(LEASE, status="ERROR", start=NOW - SIX, end=NOW), "ended"),
    ],
    ids=["broken", "ended", "broken, and its time is over"],
)
def test_a_lease_that_is_of_no_use_is_named_by_what_became_of_it(broken, word):
    assert status(Snapshot(NOW, (broken,))).lease == word


def test_a_lease_that_serves_hides_a_broken_one():
    broken = replace(LEASE, id="A", status="ERROR")
    assert (status(Snapshot(NOW, (broken, LEASE))).lease, status(Snapshot(NOW, (LEASE,))).lease_id) == (
        "ACTIVE",
        "L",
    )


def test_the_deadline_is_the_labs_lifetime_where_the_lease_is_longer():
    found = status(ALL, lab(lifetime=Lifetime(SIX / 2)))
    assert (found.deadline, found.left) == (LEASE.start + SIX / 2, LEASE.start + SIX / 2 - NOW)


def test_a_warning_begins_at_the_instant_that_the_file_names():
    hour = timedelta(hours=1)
    assert status(replace(ALL, at=LEASE.end - hour)).warning is True
    assert status(replace(ALL, at=LEASE.end - hour - SECOND)).warning is False
    assert status(replace(ALL, leases=())).warning is False


def test_each_node_shows_its_own_instances_with_what_nova_says():
    spec = lab(node("a"), node("b"))
    one = replace(
        INSTANCE, name="a-hello-sam", stamp=replace(STAMP, node="a"), floating_ips=("1.1.1.1", "2.2.2.2")
    )
    two = replace(one, id="J", status="ERROR", fault="No host.", floating_ips=())
    assert status(replace(ALL, instances=(one, two)), spec).nodes == (
        NodeStatus("a", "a-hello-sam", "ACTIVE", "1.1.1.1", "I"),
        NodeStatus("a", "a-hello-sam", "ERROR", None, "J", "No host."),
        NodeStatus("b", "b-hello-sam", "absent"),
    )
