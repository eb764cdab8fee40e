"""What `plan_up` decides, from a file and from what the site showed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import LeaseSpec, NetworkSpec, Outage
from chi_helpers.model.resources import (
    FloatingIPView,
    InstanceView,
    LeaseView,
    ReservationView,
    SecurityGroupView,
    Snapshot,
)
from chi_helpers.model.stamp import Stamp
from chi_helpers.plan import plan_up
from chi_helpers.plan import steps as s
from tests.support.fake_site import FLAVORS, NOW, FakeSite
from tests.unit.plan.labs import IMAGE, SIX, lab, node

NAME = "hello-sam"
START = NOW.replace(second=0)
LEASE = LeaseView(
    "L", NAME, "ACTIVE", "u", START, START + SIX, (ReservationView("R", "flavor:instance", 1, "active", "2"),)
)
STAMP = Stamp("sam", "hello", LEASE.end, "node1")
INSTANCE = InstanceView("I", NAME, "ACTIVE", "u", NOW, STAMP, floating_ips=("192.0.2.1",))
FIP = FloatingIPView("F", "192.0.2.1", "port-I", STAMP)
GROUP = SecurityGroupView("G", NAME, STAMP, frozenset({22}))
ALL = Snapshot(NOW, (LEASE,), (INSTANCE,), (FIP,), (GROUP,))


def plan(snapshot=None, spec=None, now=NOW, **offered):
    """Plan for a site that has what the lab needs, unless it offers something else."""
    base = {
        "flavors": {name: flavor.id for name, flavor in FLAVORS.items()},
        "images": {IMAGE: 1},
        "networks": {"sharednet1"},
    }
    return plan_up(
        spec or lab(),
        "sam",
        snapshot or Snapshot(now),
        site="CHI@Fake",
        key=FakeSite().pair,
        now=now,
        **{**base, **offered},
    )


def kinds(plan):
    return [type(step).__name__ for step in plan.steps]


def steps(plan, kind):
    return [step for step in plan.steps if isinstance(step, kind)]


def test_a_lab_that_is_not_there_is_made_in_the_order_of_its_dependences():
    assert kinds(plan()) == [
        "UseKey",
        "CreateLease",
        "UseGroup",
        "AwaitLease",
        "CreateInstance",
        "AwaitInstance",
        "CreateAddress",
        "TrustHost",
    ]


def test_a_lab_that_is_up_has_a_plan_that_makes_changes_and_deletes_nothing():
    found = plan(ALL)
    assert kinds(found) == ["UseKey", "UseGroup", "AwaitLease", "AwaitInstance", "UseAddress", "TrustHost"]
    assert all(step.right for step in steps(found, s.UseGroup) + steps(found, s.UseAddress))


def test_the_end_of_the_lease_is_stamped_on_everything():
    assert plan().deadline == START + SIX
    assert plan(ALL).deadline == LEASE.end


def test_an_ended_lease_of_the_same_name_does_not_stand_for_a_new_one():
    """The second day: Blazar keeps yesterday's lease and its name."""
    old = replace(LEASE, id="old", status="TERMINATED", start=START - 4 * SIX, end=START - 3 * SIX)
    found = plan(Snapshot(NOW, (old,)))
    assert len(steps(found, s.CreateLease)) == 1
    assert not steps(found, s.DeleteLease)
    assert steps(plan(replace(ALL, leases=(old, LEASE))), s.AwaitLease)[0].lease_id == "L"


def test_what_an_ended_lease_left_behind_is_used_again_with_the_new_deadline():
    old = replace(STAMP, deadline=START - SIX)
    left = Snapshot(
        NOW,
        floating_ips=(replace(FIP, port_id=None, stamp=old),),
        security_groups=(replace(GROUP, stamp=old),),
    )
    found = plan(left)
    [group], [address] = steps(found, s.UseGroup), steps(found, s.UseAddress)
    assert (group.group_id, group.right) == ("G", False)
    assert (address.address_id, address.right) == ("F", False)


@pytest.mark.parametrize(
    ("lease", "reason"),
    [
        (replace(LEASE, reservations=(replace(LEASE.reservations[0], flavor_id="3"),)), "does not reserve"),
        (replace(LEASE, reservations=(replace(LEASE.reservations[0], amount=2),)), "does not reserve"),
        (replace(LEASE, end=START + SIX + timedelta(hours=1)), "longer than"),
        (replace(LEASE, start=START - SIX, end=START + timedelta(hours=1)), "above lifetime.max"),
    ],
    ids=["another flavor", "another amount", "too much time left", "too long in all"],
)
def test_a_lease_that_does_not_serve_is_refused_with_the_reason_and_what_to_do(lease, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        plan(Snapshot(NOW, (lease,)))
    assert caught.value.what.startswith("A lease hello-sam is there already, and it ")
    assert not caught.value.what.endswith("..")
    assert caught.value.do == (
        "Give it back with `chi-lab down`, then run `chi-lab up`; or change the file back."
    )


def test_a_shorter_lease_that_is_there_serves():
    short = replace(LEASE, end=START + timedelta(minutes=20))
    assert plan(Snapshot(NOW, (short,))).deadline == short.end


@pytest.mark.parametrize("status", ["PENDING", "STARTING", "ACTIVE"])
def test_a_lease_that_is_on_its_way_is_waited_for(status):
    found = plan(Snapshot(NOW, (replace(LEASE, status=status),)))
    assert steps(found, s.AwaitLease)[0].lease_id == "L"
    assert not steps(found, s.CreateLease)


@pytest.mark.parametrize("status", ["ERROR", "TERMINATING", "DELETING"])
def test_a_lease_of_no_use_is_deleted_before_another_is_made(status):
    found = plan(Snapshot(NOW, (replace(LEASE, status=status),)))
    assert kinds(found)[1:3] == ["DeleteLease", "CreateLease"]
    assert found.steps[1] == s.DeleteLease(f"delete lease hello-sam, which is {status}", "L", NAME)


def test_a_lease_of_the_name_that_another_user_made_is_not_adopted():
    """Blazar lets all of a project take any name."""
    with pytest.raises(UsageError, match=r"hello-sam \(L\) is another user's \(u; you are v\)") as caught:
        plan(replace(ALL, user_id="v"))
    assert caught.value.do == (
        "Work as another --owner, or ask that user to give it back with `chi-lab down`. Staff can do it with "
        "`chi-lab down --owner sam`."
    )
    assert steps(plan(replace(ALL, user_id="u")), s.AwaitLease)[0].lease_id == "L"
    assert plan(replace(ALL, leases=(replace(LEASE, status="TERMINATED"),), user_id="v"))


def test_two_leases_of_the_name_are_for_a_person_to_decide():
    with pytest.raises(UsageError) as caught:
        plan(Snapshot(NOW, (LEASE, replace(LEASE, id="M"))))
    assert str(caught.value) == (
        "2 leases are called hello-sam: L, M. `chi-lab down` deletes them all; or delete one in the site's "
        "dashboard."
    )


def test_an_instance_in_error_is_replaced_and_the_plan_says_why():
    broken = replace(INSTANCE, status="ERROR", fault="No valid host was found.", floating_ips=())
    found = plan(replace(ALL, instances=(broken,)))
    [delete] = steps(found, s.DeleteInstance)
    assert "in ERROR (No valid host was found.)" in delete.title
    assert kinds(found).index("DeleteInstance") < kinds(found).index("CreateInstance")
    assert not steps(found, s.UseAddress)[0].right, "its address moves to the new one"


def test_of_two_instances_of_a_node_the_older_stays():
    second = replace(INSTANCE, id="J", created=NOW - timedelta(seconds=10), floating_ips=())
    found = plan(replace(ALL, instances=(INSTANCE, second)))
    assert [d.instance_id for d in steps(found, s.DeleteInstance)] == ["I"]
    assert steps(found, s.AwaitInstance)[0].instance_id == "J"


def test_an_instance_of_the_name_without_the_stamp_is_not_touched_but_refused():
    with pytest.raises(UsageError, match="no stamp of the lab"):
        plan(replace(ALL, instances=(replace(INSTANCE, stamp=None),)))


@pytest.mark.parametrize(
    "old",
    [
        replace(INSTANCE, stamp=replace(STAMP, deadline=START)),
        replace(INSTANCE, stamp=replace(STAMP, deadline=START - SIX), created=None),
        replace(INSTANCE, created=START - timedelta(seconds=1)),
    ],
    ids=["its deadline was this lease's start", "its deadline was long before", "older than the lease"],
)
def test_an_instance_that_outlived_its_lease_is_not_taken_for_one_of_the_lease_that_is_there(old):
    found = plan(replace(ALL, instances=(old,)))
    [delete] = steps(found, s.DeleteInstance)
    assert "of a lease that has ended" in delete.title
    assert len(steps(found, s.CreateInstance)) == 1
    assert not steps(found, s.UseAddress)[0].right, "its address moves to the new one"


def test_what_outlived_a_lease_goes_before_the_next_lease_is_made():
    """Killed in between, the next run would else find it beside a lease that serves."""
    assert kinds(plan(replace(ALL, leases=())))[:3] == ["UseKey", "DeleteInstance", "CreateLease"]


def test_an_instance_that_is_kept_gets_the_deadline_of_now():
    """The lease was made longer by hand: the reaper must not go by the old end."""
    old = replace(INSTANCE, stamp=replace(STAMP, deadline=LEASE.end - timedelta(hours=1)))
    found = plan(replace(ALL, instances=(old,)))
    assert [u.instance_id for u in steps(found, s.UpdateStamp)] == ["I"]
    assert kinds(found).index("AwaitInstance") < kinds(found).index("UpdateStamp")
    assert not steps(plan(ALL), s.UpdateStamp)


def test_an_instance_that_is_being_deleted_is_waited_out():
    found = plan(replace(ALL, instances=(replace(INSTANCE, status="DELETING"),)))
    assert "on its way out" in steps(found, s.DeleteInstance)[0].title
    assert len(steps(found, s.CreateInstance)) == 1


def test_a_second_address_of_a_node_is_released_and_the_bound_one_kept():
    found = plan(replace(ALL, floating_ips=(replace(FIP, id="A", address="192.0.2.9", port_id=None), FIP)))
    assert steps(found, s.UseAddress)[0].address_id == "F"
    assert [r.address_id for r in steps(found, s.ReleaseAddress)] == ["A"]


def test_an_address_that_the_file_no_longer_wants_is_released():
    found = plan(ALL, lab(node(floating_ip=False)))
    assert [r.address_id for r in steps(found, s.ReleaseAddress)] == ["F"]
    assert not steps(found, s.TrustHost)


def test_a_reserved_address_is_never_touched():
    found = plan(replace(ALL, floating_ips=(replace(FIP, reserved=True),)), lab(node(floating_ip=False)))
    assert not steps(found, s.ReleaseAddress)


@pytest.mark.parametrize(
    ("ports", "others"),
    [(frozenset(), 0), (frozenset({80}), 0), (frozenset({22, 80}), 0), (frozenset({22}), 1)],
)
def test_a_group_with_other_ports_or_rules_than_the_file_is_set_right(ports, others):
    found = plan(replace(ALL, security_groups=(replace(GROUP, tcp_ports=ports, others=others),)))
    assert not steps(found, s.UseGroup)[0].right


def test_nodes_of_one_flavor_share_a_reservation_and_each_has_its_own_group():
    spec = lab(node("a"), node("b", ports=(22, 8888)), node("g", flavor=None, node_type="gpu_a100_pcie"))
    found = plan(spec=spec)
    [create] = steps(found, s.CreateLease)
    assert [str(r) for r in create.want.reservations] == ["2 x m1.small", "1 x gpu_a100_pcie"]
    assert [(g.name, g.ports) for g in steps(found, s.UseGroup)] == [
        ("a-hello-sam", (22,)),
        ("b-hello-sam", (22, 8888)),
        ("g-hello-sam", (22,)),
        ("hello-sam-nodes", ()),
    ]
    assert [g.peers for g in steps(found, s.UseGroup)] == [False, False, False, True]


def test_the_nodes_of_a_lab_reach_each_other_through_one_more_group_which_is_kept_while_it_is_right():
    spec = lab(node("a"), node("b"))
    peers = SecurityGroupView("P", "hello-sam-nodes", replace(STAMP, node=""), peers=True)
    lease = replace(LEASE, reservations=(replace(LEASE.reservations[0], amount=2),))
    for found, right in (
        (peers, True),
        (replace(peers, peers=False), False),
        (replace(peers, others=1), False),
    ):
        there = Snapshot(NOW, (lease,), security_groups=(found, GROUP))
        step = steps(plan(there, spec), s.UseGroup)[-1]
        assert (step.group_id, step.right) == ("P", right)


def test_a_nodes_own_group_does_not_let_its_members_in():
    found = plan(replace(ALL, security_groups=(replace(GROUP, peers=True),)))
    assert not steps(found, s.UseGroup)[0].right


def test_a_flavor_that_the_site_does_not_have_is_refused_with_those_it_has():
    with pytest.raises(UsageError) as caught:
        plan(spec=lab(node("a", flavor="m1.huge"), node("b", flavor="m1.big"), node("c", flavor="m1.huge")))
    assert str(caught.value) == "CHI@Fake has no flavor m1.big, m1.huge. It has m1.medium, m1.small, m1.tiny."


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ({"networks": {"b", "a"}}, "CHI@Fake has no network sharednet1. It has a, b."),
        ({"networks": set()}, "CHI@Fake has no network sharednet1. It has none."),
        (
            {"images": {}},
            f"CHI@Fake has no image {IMAGE}. `openstack image list` names those it has.",
        ),
        (
            {"images": {IMAGE: 2}},
            (
                f"CHI@Fake has 2 images {IMAGE}; python-chi then uses none of them. Name an image that is there "
                "once; `openstack image list` shows them."
            ),
        ),
    ],
)
def test_what_cannot_be_launched_is_refused_before_a_lease_is_made(offered, said):
    with pytest.raises(UsageError) as caught:
        plan(**offered)
    assert str(caught.value) == said


@pytest.mark.parametrize("offered", [{"networks": set()}, {"images": {}}, {"images": {IMAGE: 2}}])
def test_what_runs_already_needs_neither_its_image_nor_its_network(offered):
    assert kinds(plan(ALL, **offered)) == kinds(plan(ALL))


def test_a_lease_across_an_outage_is_refused_with_its_reason():
    outage = Outage("CHI@Fake", NOW + timedelta(hours=2), NOW + timedelta(hours=9), "upgrades")
    with pytest.raises(UsageError, match="upgrades"):
        plan(spec=lab(outages=(outage,)))


def test_a_lease_that_is_there_is_kept_though_a_new_one_would_be_refused():
    outage = Outage("CHI@Fake", LEASE.end, LEASE.end + SIX, "upgrades")
    later = NOW + timedelta(hours=1)
    found = plan_up(
        lab(outages=(outage,)),
        "sam",
        replace(ALL, at=later),
        site="CHI@Fake",
        flavors={"m1.small": "2"},
        images={IMAGE: 1},
        networks={"sharednet1"},
        key=FakeSite().pair,
        now=later,
    )
    assert steps(found, s.AwaitLease)[0].lease_id == "L"


def test_an_advance_lease_starts_when_the_file_says_and_ends_counted_from_there():
    """python-chi counts the end from now (chi/lease.py:222)."""
    start = START + timedelta(days=2)
    [create] = steps(plan(spec=lab(lease=LeaseSpec(SIX, start))), s.CreateLease)
    assert (create.want.start, create.want.end) == (start, start + SIX)
    assert create.title == (
        "create lease hello-sam: 1 x m1.small from 2026-03-04 09:00 CST (15:00 UTC) "
        "until 2026-03-04 15:00 CST (21:00 UTC)"
    )
    [wait] = steps(plan(spec=lab(lease=LeaseSpec(SIX, start))), s.AwaitLease)
    assert wait.starts == start


def test_a_plan_says_whose_where_and_when_it_was_made_and_why_it_is_not_quite_the_file():
    found = plan(spec=lab(lease=LeaseSpec(SIX, NOW - timedelta(hours=1))))
    assert (found.lab, found.owner, found.site, found.made) == ("hello", "sam", "CHI@Fake", NOW)
    assert found.notes == (
        "The start, today 08:00 CST (14:00 UTC), has passed: the lease starts now, and its end stays.",
    )


def test_a_refusal_names_the_file():
    spec = lab(network=NetworkSpec(private=IPv4Network("192.168.1.0/24")))
    with pytest.raises(UsageError, match=r"^reservation\.yaml: `network\.private` needs"):
        plan(spec=spec)


def test_a_refused_window_says_what_to_do():
    outage = Outage("CHI@Fake", NOW - timedelta(hours=2), NOW + timedelta(hours=9), "upgrades")
    with pytest.raises(UsageError) as caught:
        plan(spec=lab(outages=(outage,)))
    assert caught.value.do


def test_an_advance_lease_at_another_time_than_the_file_is_refused():
    there = replace(LEASE, status="PENDING", start=START + SIX, end=START + 2 * SIX)
    with pytest.raises(UsageError, match="it starts"):
        plan(Snapshot(NOW, (there,)), lab(lease=LeaseSpec(SIX, START + timedelta(days=2))))


def test_a_plan_is_a_document_with_every_step():
    document = plan(ALL).document()
    assert [step["kind"] for step in document["steps"]] == kinds(plan(ALL))
    assert document["deadline"] == LEASE.end.isoformat()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"network": NetworkSpec(private=IPv4Network("192.168.1.0/24"))},
            "`network.private` needs `launch: terraform`",
        ),
    ],
)
def test_what_the_kit_cannot_do_yet_is_refused_and_not_ignored(change, said):
    with pytest.raises(UsageError, match=said):
        plan(spec=replace(lab(), **change))
