"""The verdict: all seven rules, what hangs together, and leases that are too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.model.inventory import Kind, Listing, Ref, Seen
from chi_helpers.model.lab import ActiveHours, Lifetime, ReapSpec
from chi_helpers.model.reaping import Decision, Memory, Rule
from chi_helpers.model.truth import Truth
from chi_helpers.policy.judge import judge
from chi_helpers.policy.listing import MAY_NEED, MAY_TAKE
from tests.support.worlds import (
    ALL_SEEN,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    lease,
    ours,
    policy,
    project,
    stamp,
    thing,
    verdict,
    verdicts,
)

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN


def rules(found):
    return {finding.rule: finding.truth for finding in found.findings}


def decisions(*resources, by=None, **changes):
    found = verdicts(project(*resources, **changes), by or policy())
    return [found[resource.ref].decision.value for resource in resources]


def test_all_seven_rules_are_answered_and_all_must_be_true():
    found = verdict(ours())
    assert list(rules(found)) == list(Rule)
    assert set(rules(found).values()) == {YES}
    assert found.decision is Decision.DELETE
    assert (found.owner, found.deadline, found.name) == ("alice", NOW - 3 * HOUR, "x")


SPOILT: dict[Rule, list[tuple[Truth, dict[str, Any]]]] = {
    Rule.LISTED: [(UNKNOWN, {"unclear": ("a port is not told",)})],
    Rule.OURS: [
        (NO, {"stamp": stamp(of="other")}),
        (UNKNOWN, {"stamp": None, "stamp_fault": "torn"}),
    ],
    Rule.OWNED: [(NO, {"stamp": None}), (UNKNOWN, {"stamp": None, "stamp_fault": "torn"})],
    Rule.EXPIRED: [
        (NO, {"stamp": stamp(ago=-HOUR), "age": HOUR}),
        (UNKNOWN, {"stamp": stamp(ago=-HOUR), "age": None}),
    ],
    Rule.WARNED: [(NO, {"stamp": stamp(ago=10 * MINUTE), "age": HOUR})],
    Rule.UNPROTECTED: [(NO, {"locked": True}), (UNKNOWN, {"locked": None})],
}


@pytest.mark.parametrize(
    ("rule", "truth", "facts"),
    [
        pytest.param(rule, truth, facts, id=f"{rule}: {truth.value}")
        for rule, cases in SPOILT.items()
        for truth, facts in cases
    ],
)
def test_one_rule_that_is_not_true_keeps(rule, truth, facts):
    found = verdict(ours(**facts))
    assert rules(found)[rule] is truth
    assert found.decision is not Decision.DELETE


@pytest.mark.parametrize(
    "facts",
    [
        {"unclear": ("?",)},
        {"locked": None},
        {"stamp": None, "stamp_fault": "torn"},
        {"stamp": stamp(ago=-2 * HOUR), "age": None},
    ],
)
def test_what_is_kept_for_want_of_knowledge_is_reported(facts):
    assert verdict(ours(**facts)).doubtful


@pytest.mark.parametrize("facts", [{}, {"locked": True}, {"unclear": ("?",), "locked": True}])
def test_what_goes_or_stays_for_a_known_reason_is_not(facts):
    assert not verdict(ours(**facts)).doubtful


def test_a_kept_thing_says_why():
    assert "locked at the site" in verdict(ours(locked=True)).why
    assert "a port is not told" in verdict(ours(unclear=("a port is not told",))).why
    assert "2026-01-29 12:00:00 UTC: its stamp" in verdict(ours(age=4 * HOUR)).why


# Listings.


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_that_was_not_listed_keeps_itself_and_all_that_it_may_be_tied_to(kind):
    for other in Kind:
        resource = thing(
            other, "hello-alice", stamp=stamp(), id="u-alice/k", status="ACTIVE", start=NOW - 9 * HOUR
        )
        found = rules(verdict(resource, None, unseen=(kind,)))[Rule.LISTED]
        tied = kind in (other, *MAY_TAKE.get(other, ()), *MAY_NEED.get(other, ()))
        assert found is (UNKNOWN if tied else YES), other


def test_a_kind_that_nobody_looked_at_is_not_known():
    listings = {kind: found for kind, found in ALL_SEEN.items() if kind is not Kind.PORT}
    found = verdict(ours(), listings=listings)
    assert rules(found)[Rule.LISTED] is UNKNOWN
    assert "the ports were not all listed: nobody looked" in found.why


def test_a_kind_without_a_service_is_known_to_be_empty():
    listings = {**ALL_SEEN, Kind.VOLUME: Listing(Seen.ABSENT, "block-storage")}
    assert verdict(ours(), listings=listings).decision is Decision.DELETE


def test_an_instance_in_a_cell_that_does_not_answer_is_not_known():
    stub = ours(status="UNKNOWN")
    assert rules(verdict(stub))[Rule.LISTED] is UNKNOWN
    assert decisions(ours(Kind.GROUP, "g"), stub) == ["keep", "keep"]
    assert decisions(ours(status="ERROR")) == ["delete"]


def test_what_an_unclear_thing_may_need_is_kept_unless_something_else_uses_it():
    dim = thing(name="dim", unclear=("its ports are not told",))
    loose, used = ours(Kind.PORT, "loose"), ours(Kind.PORT, "used")
    user = ours(name="user", needs=(used.ref,))
    group, shot = ours(Kind.GROUP, "g"), ours(Kind.SNAPSHOT, "s", user_id="u")
    found = decisions(loose, used, user, group, shot, dim)
    assert found == ["keep", "delete", "delete", "keep", "delete", "keep"]


def test_what_was_listed_twice_and_differently_is_not_known():
    one = ours()
    other = replace(one, created=NOW - 8 * HOUR)
    assert verdict(one, None, other).doubtful
    assert verdict(other, None, one) == verdict(one, None, other)
    assert verdict(one, None, one).decision is Decision.DELETE


# What hangs together.


def test_nothing_goes_that_something_needs_which_stays():
    network = ours(Kind.NETWORK, "n")
    port = thing(Kind.PORT, "p", needs=(network.ref,))
    assert decisions(network, port) == ["keep", "keep"]
    found = verdict(network, None, port)
    assert rules(found)[Rule.UNREFERENCED] is NO
    assert "port port-p (p) needs it, and stays" in found.why


def test_nothing_goes_that_would_take_along_what_stays():
    young = ours(stamp=stamp(ago=-HOUR), age=HOUR)
    assert decisions(lease(takes=(young.ref,)), young)[0] == "keep"


def test_what_needs_it_and_goes_does_not_hold_it():
    group = ours(Kind.GROUP, "g")
    assert decisions(group, ours(needs=(group.ref,))) == ["delete", "delete"]


def test_what_stays_holds_through_a_chain():
    chain = [ours(Kind.GROUP, f"g{number}") for number in range(50)]
    for number in range(49):
        chain[number] = replace(chain[number], needs=(chain[number + 1].ref,))
    assert set(decisions(*chain)) == {"delete"}
    chain[0] = replace(chain[0], fixed="the default")
    assert set(decisions(*chain)) == {"keep"}


def test_things_that_need_each_other_go_together_or_stay_together():
    one, two = ours(Kind.GROUP, "g1"), ours(Kind.GROUP, "g2")
    one, two = replace(one, needs=(two.ref,)), replace(two, needs=(one.ref,))
    assert decisions(one, two) == ["delete", "delete"]
    assert decisions(one, replace(two, fixed="the default")) == ["keep", "keep"]


def test_a_part_does_not_go_before_its_whole():
    port = ours(Kind.PORT, "p")
    assert decisions(port, ours(locked=True, takes=(port.ref,))) == ["keep", "keep"]


def test_an_instance_goes_before_its_lease():
    inside = ours()
    assert decisions(inside, lease(age=HOUR, takes=(inside.ref,))) == ["delete", "keep"]


def test_what_would_go_along_and_was_not_listed_is_not_known():
    found = verdict(ours(takes=(Ref(Kind.PORT, "lost"),)))
    assert rules(found)[Rule.UNREFERENCED] is UNKNOWN
    assert found.doubtful
    assert "port lost would go along, and was not listed" in found.why


def test_a_need_of_something_outside_the_project_does_not_matter():
    assert verdict(ours(needs=(Ref(Kind.NETWORK, "sharednet1"),))).decision is Decision.DELETE


def test_doubt_about_one_is_doubt_about_what_it_needs():
    network = ours(Kind.NETWORK, "n")
    found = verdict(network, None, ours(needs=(network.ref,), locked=None))
    assert rules(found)[Rule.UNREFERENCED] is UNKNOWN
    assert found.doubtful
    assert "may have to stay" in found.why


def test_a_certain_obstacle_is_told_before_a_doubtful_one():
    network = ours(Kind.NETWORK, "n")
    dim, held = (
        ours(name="a", needs=(network.ref,), locked=None),
        ours(name="b", needs=(network.ref,), locked=True),
    )
    found = verdict(network, None, dim, held)
    assert rules(found)[Rule.UNREFERENCED] is NO
    assert "instance-b" in found.why


# Leases.


@pytest.mark.parametrize(
    ("age", "lasts", "until"),
    [
        pytest.param(HOUR, 6 * HOUR, None, id="as long as allowed"),
        pytest.param(HOUR, 6 * HOUR + MINUTE, 5 * HOUR, id="a minute longer"),
        pytest.param(HOUR, 90 * HOUR, 5 * HOUR, id="days longer"),
        pytest.param(-24 * HOUR, 90 * HOUR, 30 * HOUR, id="in advance"),
        pytest.param(6 * HOUR - 2 * MINUTE, 90 * HOUR, 2 * MINUTE, id="two minutes ahead"),
        pytest.param(6 * HOUR - 2 * MINUTE + SECOND, 90 * HOUR, None, id="less than two"),
    ],
)
def test_a_lease_that_is_too_long_is_shortened_to_the_cap(age, lasts, until):
    start = NOW - age
    found = verdict(lease(start=start, end=start + lasts, age=timedelta(0)))
    assert found.until == (None if until is None else (NOW + until).replace(second=0))
    assert (found.decision is Decision.TRIM) == (until is not None)


def test_a_lease_that_runs_past_the_active_hours_is_shortened_to_them():
    lasting = Lifetime(6 * HOUR, hours=ActiveHours(time(9), time(17), ZoneInfo("UTC")))
    found = verdict(lease(age=HOUR), policy(lifetime=lasting))
    assert (found.decision, found.until) == (Decision.TRIM, NOW.replace(hour=17))


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param({"locked": True}, id="locked"),
        pytest.param({"locked": None}, id="lock not told"),
        pytest.param({"stamp": stamp(of="other")}, id="another lab's"),
        pytest.param({"takes": (Ref(Kind.PORT, "lost"),)}, id="a part was not listed"),
    ],
)
def test_a_lease_is_not_shortened_under_what_may_not_end(inside):
    held = ours(**{"stamp": stamp(ago=-HOUR), "age": HOUR, **inside})
    assert (
        verdict(lease(age=HOUR, lasts=90 * HOUR, takes=(held.ref,)), None, held).decision is not Decision.TRIM
    )


@pytest.mark.parametrize(
    "facts",
    [{"name": "by-hand"}, {"status": "TERMINATED"}, {"start": None}, {"end": None}, {"fixed": "the site's"}],
)
def test_only_an_owned_running_lease_with_known_times_is_shortened(facts):
    assert verdict(lease(**{"age": HOUR, "lasts": 90 * HOUR, **facts})).decision is not Decision.TRIM


def test_a_clock_that_is_off_shortens_no_lease():
    assert verdict(lease(age=HOUR, lasts=90 * HOUR), skew=timedelta(seconds=31)).decision is Decision.KEEP


def test_past_its_cap_a_lease_is_shortened_to_the_last_deadline_in_it():
    """Else somebody could go on making new instances in it for months."""
    old = ours(name="old")
    young = ours(name="young", stamp=stamp(ago=-2 * HOUR - SECOND), age=HOUR)
    long = lease(lasts=900 * HOUR, takes=(old.ref, young.ref))
    found = verdicts(project(long, old, young), policy())
    assert (found[long.ref].decision, found[long.ref].until) == (Decision.TRIM, NOW + 2 * HOUR + MINUTE)
    assert found[old.ref].decision is Decision.DELETE


def test_once_shortened_it_is_left():
    young = ours(stamp=stamp(ago=-2 * HOUR), age=HOUR)
    short = lease(lasts=11 * HOUR, takes=(young.ref,))
    assert verdict(short, None, young).decision is Decision.KEEP


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"stamp": stamp(ago=-MINUTE), "age": HOUR}, id="a minute to go"),
        pytest.param({"stamp": stamp(of="other")}, id="another lab's"),
    ],
)
def test_past_its_cap_a_lease_that_cannot_be_shortened_waits(facts):
    inside = ours(**facts)
    assert verdict(lease(lasts=90 * HOUR, takes=(inside.ref,)), None, inside).decision is Decision.KEEP


def test_a_deadline_in_it_that_is_not_known_leaves_the_lease():
    dim = ours(name="dim", stamp=None, age=None, user_id="u-alice")
    young = ours(name="young", stamp=stamp(ago=-HOUR), age=HOUR)
    by = policy(memory=Memory({dim.ref: NOW - HOUR}))
    long = lease(lasts=90 * HOUR, takes=(dim.ref, young.ref))
    assert verdict(long, by, dim, young).decision is Decision.KEEP


def test_a_verdict_for_each_resource_in_order_of_kind_and_id():
    found = judge(project(ours(name="b"), ours(name="a"), lease()), policy(reap=ReapSpec()), NOW)
    assert [one.ref.id for one in found] == ["lease-hello-alice", "instance-a", "instance-b"]
