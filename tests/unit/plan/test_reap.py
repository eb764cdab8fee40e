"""The plan: which steps, in which order, and what each says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from chi_helpers.model.inventory import Kind, Listing, Mark, Seen
from chi_helpers.model.lab import Limits, NodeSpec, ReapSpec
from chi_helpers.model.reaping import Action, Decision
from chi_helpers.plan.reap import node_of, plan_reap
from chi_helpers.plan.reaporder import components
from tests.support.worlds import (
    ALL_SEEN,
    DUE,
    HOUR,
    LAB,
    MINUTE,
    NOW,
    known,
    lab,
    lease,
    ours,
    policy,
    project,
    stamp,
    thing,
    world,
)


def plan(*resources, by=None, **changes):
    return plan_reap(project(*resources, **changes), by or policy(), NOW)


def deletions(*resources, by=None):
    return {step.ref.id: step for step in plan(*resources, by=by).deletions}


def test_a_plan_says_where_when_and_for_how_long():
    found = plan(
        ours(), unseen=(Kind.IMAGE,), listings={**ALL_SEEN, Kind.VOLUME: Listing(Seen.ABSENT, "none")}
    )
    assert (found.site, found.project_id, found.project, found.lab) == ("CHI@Test", "p1", "CHI-1", LAB)
    assert (found.made, found.expires) == (NOW, NOW + 15 * MINUTE)
    assert (found.unseen, found.absent) == ((), (Kind.VOLUME,))
    assert plan(unseen=(Kind.IMAGE,)).unseen == ((Kind.IMAGE, "HTTP 500"),)
    assert [verdict.decision for verdict in found.verdicts] == [Decision.DELETE]


def test_a_deletion_names_what_was_judged():
    [step] = plan(ours()).steps
    resource = ours()
    assert (step.action, step.ref, step.name, step.owner) == (Action.DELETE, resource.ref, "x", "alice")
    assert (step.created, step.deadline) == (resource.created, DUE)
    assert "its deadline was" in step.why


def test_what_goes_along_gets_no_step_and_is_named():
    port = thing(Kind.PORT, "p")
    inside = ours(takes=(port.ref,))
    found = deletions(lease(takes=(inside.ref,)), inside, port)
    assert list(found) == ["lease-hello-alice"]
    assert set(found["lease-hello-alice"].takes) == {inside.ref, port.ref}


def test_what_its_taker_leaves_is_deleted_by_itself():
    inside = ours()
    assert list(deletions(lease(age=HOUR, takes=(inside.ref,)), inside)) == [inside.id]


def test_each_comes_after_what_needs_it():
    network, address = ours(Kind.NETWORK, "n"), ours(Kind.FLOATING_IP, "f")
    port = ours(Kind.PORT, "p", needs=(network.ref, address.ref))
    instance = ours(takes=(port.ref,))
    found = deletions(network, address, port, instance)
    assert found["network-n"].after == found["floating_ip-f"].after == (port.ref,)
    assert next(iter(found)) == instance.id


def test_a_need_among_what_goes_along_is_nothing_to_wait_for():
    subnet, port = ours(Kind.SUBNET, "s"), ours(Kind.PORT, "p")
    network = ours(Kind.NETWORK, "n", takes=(subnet.ref, port.ref))
    port = replace(port, needs=(network.ref, subnet.ref))
    found = deletions(network, subnet, port)
    assert list(found) == ["network-n"]
    assert found["network-n"].after == ()


def test_needs_of_a_part_are_waited_for_by_the_whole():
    subnet = ours(Kind.SUBNET, "s")
    network = ours(Kind.NETWORK, "n", takes=(subnet.ref,))
    router = ours(Kind.ROUTER, "r", needs=(subnet.ref,))
    found = deletions(network, subnet, router)
    assert list(found) == ["router-r", "network-n"]
    assert found["network-n"].after == (router.ref,)


def test_groups_that_name_each_other_wait_for_nobody():
    one, two = ours(Kind.GROUP, "g1"), ours(Kind.GROUP, "g2")
    one, two = replace(one, needs=(two.ref,)), replace(two, needs=(one.ref,))
    instance = ours(needs=(one.ref,))
    found = deletions(one, two, instance)
    assert found[one.id].after == (instance.ref,)
    assert found[two.id].after == ()


def test_things_that_take_each_other_along_are_still_asked_for():
    one, two = ours(name="a"), ours(name="b")
    one, two = replace(one, takes=(two.ref,)), replace(two, takes=(one.ref,))
    found = deletions(one, two)
    assert set(found) | {ref.id for step in found.values() for ref in step.takes} == {one.id, two.id}


def bound():
    address, port = thing(Kind.FLOATING_IP, "f"), thing(Kind.PORT, "p")
    port = replace(port, needs=(address.ref,))
    return ours(needs=(port.ref,)), port, address


def test_what_only_its_ties_give_away_is_marked_before_they_go():
    instance, port, address = bound()
    by = policy(exclusive=True, memory=known(port, address))
    marks = [step for step in plan(instance, port, address, by=by).steps if step.action is Action.MARK]
    assert {(step.ref, step.root, step.owner) for step in marks} == {
        (port.ref, instance.ref, "alice"),
        (address.ref, port.ref, "alice"),
    }
    assert all(step.deadline is not None for step in marks)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"stamp": stamp()}, id="it has a stamp"),
        pytest.param({"mark": Mark(thing().ref, "alice", LAB, NOW - HOUR)}, id="it is marked"),
        pytest.param({"name": "p-alice"}, id="its name says whose it is"),
    ],
)
def test_what_says_itself_whose_it_is_needs_no_mark(facts):
    port = replace(thing(Kind.PORT, "p"), **facts)
    by = policy(exclusive=True, memory=known(port))
    found = plan(ours(needs=(port.ref,)), port, by=by)
    assert len(found.deletions) == 2
    assert {step.action for step in found.steps} == {Action.DELETE}


def test_what_stays_is_not_marked():
    instance, port, address = bound()
    by = policy(exclusive=True, memory=known(port))
    marks = [step.ref for step in plan(instance, port, address, by=by).steps if step.action is Action.MARK]
    assert marks == [port.ref]


def test_what_is_tied_only_to_something_that_stays_needs_no_mark():
    subnet = ours(Kind.SUBNET, "s", stamp=stamp(ago=-HOUR), age=HOUR)
    router = thing(Kind.ROUTER, "r", needs=(subnet.ref,))
    found = plan(subnet, router, by=policy(exclusive=True, memory=known(router)))
    assert [(step.action, step.ref) for step in found.steps if step.action is not Action.WARN] == [
        (Action.DELETE, router.ref)
    ]


def test_what_goes_along_is_not_marked():
    port = thing(Kind.PORT, "p")
    found = plan(ours(takes=(port.ref,)), port, by=policy(exclusive=True))
    assert [step.action for step in found.steps] == [Action.DELETE]


def test_the_root_of_a_mark_is_what_is_asked_for():
    """The lease takes the instance along: it is the lease's end that leaves the port behind."""
    port = thing(Kind.PORT, "p")
    inside = ours(needs=(port.ref,))
    home = lease(takes=(inside.ref,))
    found = plan(inside, port, home, by=policy(exclusive=True, memory=known(port)))
    assert [step.root for step in found.steps if step.action is Action.MARK] == [home.ref]


def test_warnings_stamps_and_shorter_leases_come_first():
    soon = ours(name="soon", stamp=stamp(ago=-HOUR), age=HOUR)
    bare = thing(name=f"{LAB}-alice", age=HOUR)
    home = lease(age=HOUR, takes=(bare.ref,))
    long = lease("hello-bob", age=HOUR, lasts=90 * HOUR)
    instance, port, _ = bound()
    by = policy(exclusive=True, memory=known(bare, port))
    found = plan(soon, bare, home, long, instance, port, by=by)
    assert [step.action for step in found.steps] == [
        Action.WARN,
        Action.RESTAMP,
        Action.TRIM,
        Action.MARK,
        Action.DELETE,
        Action.DELETE,
    ]
    warn, restamp, trim = found.steps[:3]
    assert (warn.ref, warn.deadline, warn.owner) == (soon.ref, NOW + HOUR, "alice")
    assert (restamp.ref, restamp.owner, restamp.deadline, restamp.node) == (
        bare.ref,
        "alice",
        NOW + 5 * HOUR,
        "node1",
    )
    assert (trim.ref, trim.until, trim.owner) == (long.ref, NOW + 5 * HOUR, "bob")
    assert "it ends at 2026-02-02 08:00 UTC" in trim.why


def test_the_name_says_which_node_an_instance_is():
    two = lab(nodes=(NodeSpec("a", "i", flavor="f"), NodeSpec("b", "i", flavor="f")))
    assert node_of(two, "sam", "b-hello-sam") == "b"
    assert node_of(two, "sam", "hello-sam") == ""
    assert node_of(lab(), "sam", "hello-sam") == "node1"


def test_a_passed_limit_is_in_the_plan_beside_its_steps():
    found = plan(ours(), by=policy(reap=ReapSpec(limits=Limits(run=0))))
    assert [trip.scope for trip in found.tripped] == ["run"]
    assert len(found.deletions) == 1
    assert plan(ours()).tripped == ()


@settings(deadline=None, max_examples=300)
@given(world())
def test_a_plan_deletes_exactly_what_is_judged_so_and_in_an_order_that_can_be_kept(drawn):
    inventory, by = drawn
    found = plan_reap(inventory, by, NOW)
    judged = {verdict.ref for verdict in found.verdicts if verdict.decision is Decision.DELETE}
    asked = [step.ref for step in found.deletions]
    along = {ref for step in found.deletions for ref in step.takes}
    assert set(asked) | along == judged
    assert not set(asked) & along, "what goes along is not asked for"
    assert len(asked) == len(set(asked))
    rank = {ref: number for number, step in enumerate(found.deletions) for ref in (*step.takes, step.ref)}
    for step in found.deletions:
        for ref in step.after:
            assert rank[ref] < rank[step.ref], "it waits for something that comes later"
    for resource in inventory.resources:
        for need in resource.needs:
            if {resource.ref, need} <= judged and resource.kind is not Kind.GROUP:
                assert rank[resource.ref] <= rank[need], "what needs it comes later"
    marked = {step.ref for step in found.steps if step.action is Action.MARK}
    assert marked <= set(asked)


@pytest.mark.parametrize(
    ("nodes", "before", "wanted"),
    [
        pytest.param([1, 2, 3], {}, [[1], [2], [3]], id="no ties"),
        pytest.param([1, 2, 3], {1: [2], 2: [3]}, [[3], [2], [1]], id="a chain"),
        pytest.param([1, 2, 3], {1: [2], 2: [1, 3]}, [[3], [1, 2]], id="a circle after one"),
        pytest.param([1, 2, 3], {1: [2, 3], 2: [3], 3: [1]}, [[1, 2, 3]], id="one circle"),
        pytest.param([1, 2], {1: [1]}, [[1], [2]], id="itself"),
        pytest.param(
            [1, 2, 3, 4], {1: [2], 2: [1], 3: [4], 4: [3, 1]}, [[1, 2], [3, 4]], id="two circles, one tie"
        ),
    ],
)
def test_components_come_after_what_is_before_them(nodes, before, wanted):
    assert components(nodes, before) == wanted


def test_a_long_chain_is_no_recursion():
    chain = {number: [number + 1] for number in range(50_000)}
    assert components([0], chain)[0] == [50_000]
