"""What a plan says of each node: every step's title, what it holds, and what is kept of what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import LeaseWant, ReservationWant
from chi_helpers.plan import steps as s
from tests.support.fake_site import NOW, FakeSite
from tests.unit.plan.labs import IMAGE, SIX, lab, node
from tests.unit.plan.test_up import (
    ALL,
    FIP,
    GROUP,
    INSTANCE,
    LEASE,
    NAME,
    STAMP,
    START,
    kinds,
    plan,
    steps,
)

SMALL = ReservationWant(1, "2", label="m1.small")
UNTIL = "today 15:00 CST (21:00 UTC)"


def test_each_step_of_a_new_lab_says_what_it_makes():
    assert plan().steps == (
        s.UseKey("key pair me", FakeSite().pair),
        s.CreateLease(
            f"create lease hello-sam: 1 x m1.small until {UNTIL}", LeaseWant(NAME, START + SIX, (SMALL,))
        ),
        s.UseGroup("security group hello-sam: TCP 22", "node1", NAME, (22,)),
        s.AwaitLease("lease hello-sam active", START),
        s.CreateInstance(f"create instance hello-sam: {IMAGE}", "node1", NAME, IMAGE, "sharednet1", SMALL),
        s.AwaitInstance("instance hello-sam active", "node1"),
        s.CreateAddress("floating IP for node1", "node1"),
        s.TrustHost("SSH host keys of node1", "node1"),
    )


def test_each_step_of_a_lab_that_is_up_says_what_it_keeps():
    assert plan(ALL).steps == (
        s.UseKey("key pair me", FakeSite().pair),
        s.UseGroup("security group hello-sam: TCP 22", "node1", NAME, (22,), "G", right=True),
        s.AwaitLease("lease hello-sam active", START, "L"),
        s.AwaitInstance("instance hello-sam active", "node1", "I"),
        s.UseAddress("floating IP for node1: 192.0.2.1", "node1", "F", "192.0.2.1", right=True),
        s.TrustHost("SSH host keys of node1", "node1"),
    )


def test_groups_say_their_ports_in_order_or_that_there_are_none():
    found = plan(spec=lab(node("a", ports=(8888, 22)), node("b", ports=())))
    assert [step.title for step in steps(found, s.UseGroup)] == [
        "security group a-hello-sam: TCP 22, 8888",
        "security group b-hello-sam: TCP none",
        "security group hello-sam-nodes: all, from the lab's own nodes",
    ]
    assert [step.node for step in steps(found, s.UseGroup)] == ["a", "b", ""]


def test_groups_that_a_lost_answer_doubled_are_all_set_right_and_counted():
    found = plan(replace(ALL, security_groups=(replace(GROUP, id="H", tcp_ports=frozenset()), GROUP)))
    assert [(step.title, step.group_id, step.right) for step in steps(found, s.UseGroup)] == [
        ("security group hello-sam: TCP 22", "G", True),
        ("security group hello-sam: TCP 22 (2 of 2 of that name)", "H", False),
    ]


@pytest.mark.parametrize(
    ("instance", "why"),
    [
        (replace(INSTANCE, status="DELETING"), "on its way out"),
        (replace(INSTANCE, status="SOFT_DELETED"), "on its way out"),
        (replace(INSTANCE, stamp=replace(STAMP, deadline=START)), "of a lease that has ended"),
        (replace(INSTANCE, status="ERROR", fault="No host."), "in ERROR (No host.)"),
        (replace(INSTANCE, status="ERROR"), "in ERROR (no reason given)"),
    ],
)
def test_an_instance_that_is_of_no_use_is_deleted_with_the_reason(instance, why):
    found = plan(replace(ALL, instances=(instance,)))
    assert steps(found, s.DeleteInstance) == [
        s.DeleteInstance(f"delete instance hello-sam, which is {why}", "I", NAME)
    ]


def test_a_second_instance_of_a_node_is_deleted_with_the_reason():
    """The older one stays; one whose age the site does not tell counts as the youngest."""
    unknown = replace(INSTANCE, id="A", created=None)
    found = plan(replace(ALL, instances=(unknown, INSTANCE)))
    assert [(d.instance_id, d.title) for d in steps(found, s.DeleteInstance)] == [
        ("A", "delete instance hello-sam, which is a second one for node1")
    ]


def test_of_two_instances_of_one_age_the_first_by_its_id_stays():
    found = plan(replace(ALL, instances=(replace(INSTANCE, id="J"), INSTANCE)))
    assert [d.instance_id for d in steps(found, s.DeleteInstance)] == ["J"]


def test_an_instance_of_the_name_without_the_stamp_is_refused_with_what_to_do():
    with pytest.raises(UsageError) as caught:
        plan(replace(ALL, instances=(replace(INSTANCE, stamp=None),)))
    assert str(caught.value) == (
        "An instance hello-sam is there that this kit did not make: it has no stamp of the lab. "
        "Delete it with `openstack server delete`, or work as another --owner."
    )


@pytest.mark.parametrize(
    "other",
    [
        replace(INSTANCE, stamp=None, status="DELETED"),
        replace(INSTANCE, stamp=None, name="hello-sam2"),
        replace(INSTANCE, stamp=replace(STAMP, node="node2"), name="node2-hello-sam"),
        replace(INSTANCE, stamp=Stamp("sam", "other", LEASE.end, "node1"), name="other-sam"),
    ],
    ids=["nearly gone", "another name", "another node", "another lab"],
)
def test_an_instance_of_others_is_neither_used_nor_deleted(other):
    found = plan(replace(ALL, instances=(other,)))
    assert not steps(found, s.DeleteInstance)
    assert len(steps(found, s.CreateInstance)) == 1


def test_an_instance_that_the_lease_began_with_is_kept():
    """Its deadline lies after the lease's start, and it is no older than the lease."""
    kept = replace(INSTANCE, created=START, stamp=replace(STAMP, deadline=START + timedelta(seconds=1)))
    found = plan(replace(ALL, instances=(kept,)))
    assert not steps(found, s.DeleteInstance)
    assert steps(found, s.UpdateStamp) == [s.UpdateStamp("new deadline on instance hello-sam", "node1", "I")]


def test_an_instance_whose_age_and_deadline_say_nothing_is_kept():
    kept = replace(INSTANCE, created=None)
    assert not steps(plan(replace(ALL, instances=(kept,))), s.DeleteInstance)


def test_all_is_made_before_anything_is_waited_for_and_stamped_last():
    """Instances start side by side; Nova changes the metadata of an active one only."""
    spec = lab(node("a"), node("b"), node("c"))
    lease = replace(LEASE, reservations=(replace(LEASE.reservations[0], amount=3),))
    old = replace(STAMP, node="b", deadline=LEASE.end - timedelta(hours=1))
    there = replace(ALL, leases=(lease,), instances=(replace(INSTANCE, name="b-hello-sam", stamp=old),))
    found = plan(there, spec)
    made = [step for step in found.steps if step.stage is s.Stage.LAUNCH]
    assert [type(step).__name__ for step in made if not isinstance(step, s.UseGroup)] == [
        "CreateInstance",
        "CreateInstance",
        "AwaitInstance",
        "AwaitInstance",
        "AwaitInstance",
        "UpdateStamp",
    ]
    assert [step.node for step in steps(found, s.CreateInstance)] == ["a", "c"]


def test_addresses_that_a_node_does_not_need_are_released_with_the_reason():
    spare = replace(FIP, id="A", address="192.0.2.9", port_id=None)
    found = plan(replace(ALL, floating_ips=(spare, FIP)))
    assert steps(found, s.ReleaseAddress) == [
        s.ReleaseAddress("release 192.0.2.9, which node1 does not need", "A", "192.0.2.9")
    ]
    found = plan(replace(ALL, floating_ips=(spare, FIP)), lab(node(floating_ip=False)))
    assert [step.address_id for step in steps(found, s.ReleaseAddress)] == ["F", "A"]


def test_of_addresses_that_nothing_is_bound_to_the_first_by_its_id_is_used():
    two = (replace(FIP, id="B", address="192.0.2.9"), replace(FIP, id="A", address="192.0.2.8"))
    found = plan(replace(ALL, instances=(), floating_ips=two))
    assert [(step.address_id, step.right) for step in steps(found, s.UseAddress)] == [("A", False)]


@pytest.mark.parametrize(
    "address",
    [
        replace(FIP, stamp=replace(STAMP, deadline=NOW)),
        replace(FIP, address="192.0.2.7"),
    ],
    ids=["an old deadline", "not bound to the instance"],
)
def test_an_address_is_right_only_with_the_deadline_of_now_and_bound_to_the_instance(address):
    [use] = steps(plan(replace(ALL, floating_ips=(address,))), s.UseAddress)
    assert not use.right


@pytest.mark.parametrize("address", [replace(FIP, stamp=None), replace(FIP, stamp=replace(STAMP, node="x"))])
def test_an_address_of_others_is_not_used(address):
    found = plan(replace(ALL, floating_ips=(address,)))
    assert not steps(found, s.UseAddress)
    assert len(steps(found, s.CreateAddress)) == 1


def test_nodes_that_are_reachable_are_trusted_first_and_the_others_through_one_of_them():
    bare = node("g", flavor=None, node_type="gpu_p100")
    spec = lab(node("w", floating_ip=False), bare, node("h"))
    assert steps(plan(spec=spec), s.TrustHost) == [
        s.TrustHost("SSH host keys of g", "g", bare_metal=True),
        s.TrustHost("SSH host keys of h", "h"),
        s.TrustHost("SSH host keys of w", "w", jump="h"),
    ]


def test_where_no_node_is_reachable_none_is_trusted():
    assert "TrustHost" not in kinds(
        plan(spec=lab(node("a", floating_ip=False), node("b", floating_ip=False)))
    )
