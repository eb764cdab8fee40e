"""What `plan_down`, `left` and `status_of` say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.model.resources import Snapshot
from chi_helpers.model.stamp import Stamp
from chi_helpers.plan import plan_down
from chi_helpers.plan import steps as s
from chi_helpers.plan.leftovers import left, orphans
from chi_helpers.plan.status import status_of
from tests.support.fake_site import NOW
from tests.unit.plan.labs import lab
from tests.unit.plan.test_up import ALL, FIP, GROUP, INSTANCE, LEASE, NAME, STAMP


def down(snapshot):
    return plan_down("hello", "sam", NAME, snapshot, site="CHI@Fake", now=NOW)


def test_addresses_go_before_instances_these_before_the_lease_and_groups_last():
    assert [type(step).__name__ for step in down(ALL).steps] == [
        "ReleaseAddress",
        "DeleteInstance",
        "DeleteLease",
        "DeleteGroup",
    ]


def test_each_step_says_what_goes():
    assert down(ALL).steps == (
        s.ReleaseAddress("release floating IP 192.0.2.1", "F", "192.0.2.1"),
        s.DeleteInstance("delete instance hello-sam", "I", NAME),
        s.DeleteLease("delete lease hello-sam", "L", NAME),
        s.DeleteGroup("delete security group hello-sam", "G", NAME),
    )
    found = down(ALL)
    assert (found.lab, found.owner, found.site, found.made) == ("hello", "sam", "CHI@Fake", NOW)
    assert (found.deadline, found.notes, found.left) == (None, (), ())


def test_an_instance_that_is_gone_already_is_not_deleted_again():
    assert "DeleteInstance" not in str(
        down(Snapshot(NOW, instances=(replace(INSTANCE, status="DELETED"),))).steps
    )
    assert len(down(Snapshot(NOW, instances=(replace(INSTANCE, status="DELETING"),))).steps) == 1


def test_nothing_there_is_nothing_to_do():
    assert down(Snapshot(NOW)).steps == ()
    assert str(down(Snapshot(NOW))) == "Nothing to do."


@pytest.mark.parametrize("stamp", [None, Stamp("eve", "hello", NOW), Stamp("sam", "other", NOW)])
def test_what_does_not_carry_the_stamp_of_lab_and_owner_stays(stamp):
    foreign = Snapshot(
        NOW,
        instances=(replace(INSTANCE, stamp=stamp),),
        floating_ips=(replace(FIP, stamp=stamp),),
        security_groups=(replace(GROUP, stamp=stamp),),
    )
    assert down(foreign).steps == ()
    assert down(foreign).notes == (
        (
            "Instance hello-sam (I) carries no stamp of this lab: it is left alone, and ends with the lease that "
            "it was launched in."
        ),
    )


def test_a_lease_that_another_user_made_goes_only_where_the_owner_was_named_on_purpose():
    seen = Snapshot(NOW, (LEASE,), user_id="staff")
    assert down(seen).steps == ()
    assert down(seen).notes == (
        (
            "The lease hello-sam (L) is another user's (u): it is left alone. To give it back for them, say whose "
            "lab it is: --owner sam."
        ),
    )
    on_purpose = plan_down("hello", "sam", NAME, seen, site="CHI@Fake", now=NOW, on_behalf=True)
    assert [type(step).__name__ for step in on_purpose.steps] == ["DeleteLease"]
    assert on_purpose.notes == ()


@pytest.mark.parametrize("name", ["hello-samantha", "hello-sa", "xhello-sam", "HELLO-SAM"])
def test_a_lease_of_nearly_the_name_stays(name):
    assert down(Snapshot(NOW, (replace(LEASE, name=name),))).steps == ()


def test_an_ended_lease_is_no_leftover_and_a_reserved_address_is_not_ours():
    seen = Snapshot(NOW, (replace(LEASE, status="TERMINATED"),), floating_ips=(replace(FIP, reserved=True),))
    assert left("hello", "sam", NAME, seen) == ()


def test_what_outlived_its_lease_is_told_and_what_a_lease_still_uses_is_not():
    over = replace(ALL, leases=(replace(LEASE, status="TERMINATED"),), instances=())
    assert orphans("hello", "sam", NAME, over, NOW) == ("floating IP 192.0.2.1", "security group hello-sam")
    assert orphans("hello", "sam", NAME, ALL, NOW) == ()


@pytest.mark.parametrize("status", ["PENDING", "ACTIVE"])
def test_what_is_past_its_own_deadline_is_told_though_the_next_lease_is_there(status):
    old = replace(STAMP, deadline=NOW - timedelta(hours=1))
    late = replace(
        ALL,
        leases=(replace(LEASE, status=status),),
        instances=(replace(INSTANCE, stamp=old),),
        floating_ips=(replace(FIP, stamp=old),),
    )
    assert orphans("hello", "sam", NAME, late, NOW) == ("floating IP 192.0.2.1", "instance hello-sam")


def test_an_address_that_was_bound_to_our_instance_by_hand_is_left_and_told():
    by_hand = replace(FIP, stamp=None)
    found = down(replace(ALL, floating_ips=(by_hand,)))
    assert "ReleaseAddress" not in [type(step).__name__ for step in found.steps]
    assert found.left == (
        (
            "floating IP 192.0.2.1, which is bound to hello-sam and does not carry the lab's stamp (not needed? "
            "`openstack floating ip delete 192.0.2.1`)"
        ),
    )
    assert down(replace(ALL, floating_ips=(replace(by_hand, address="192.0.2.9"),))).left == ()
    assert down(replace(ALL, floating_ips=(replace(by_hand, reserved=True),))).left == ()
    assert down(ALL).left == ()


def test_status_tells_the_time_left_in_the_readers_zone_and_in_utc():
    status = status_of(lab(), "sam", ALL, site="CHI@Fake")
    assert (status.lease, status.left) == ("ACTIVE", LEASE.end - NOW)
    assert status.time == "today 15:00 CST (21:00 UTC)"
    assert [(n.node, n.status, n.address) for n in status.nodes] == [("node1", "ACTIVE", "192.0.2.1")]
    assert not status.warning


def test_status_warns_within_the_hour_that_the_file_names():
    late = replace(ALL, at=LEASE.end - timedelta(minutes=59))
    assert status_of(lab(), "sam", late, site="CHI@Fake").warning


@pytest.mark.parametrize(
    ("leases", "word"),
    [
        ((), "absent"),
        ((replace(LEASE, status="TERMINATED"),), "ended"),
        ((replace(LEASE, status="ERROR"),), "ERROR"),
    ],
)
def test_status_names_a_lease_that_is_not_there_has_ended_or_is_broken(leases, word):
    status = status_of(lab(), "sam", Snapshot(NOW, leases), site="CHI@Fake")
    assert (status.lease, status.deadline, status.nodes[0].status) == (word, None, "absent")


@pytest.mark.parametrize(
    "stamp", [None, Stamp("eve", "hello", NOW, "node1"), Stamp("sam", "x", NOW, "node1")]
)
def test_an_instance_that_only_has_the_name_is_not_shown_as_the_labs_node(stamp):
    foreign = replace(ALL, instances=(replace(INSTANCE, stamp=stamp),))
    status = status_of(lab(), "sam", foreign, site="CHI@Fake")
    assert [(n.status, n.instance_id) for n in status.nodes] == [("absent", None)]
