"""When a thing must be gone: the earliest bound that is known, the grace, the two clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.model.inventory import Kind, Mark, Ref
from chi_helpers.model.lab import ActiveHours, Lifetime, ReapSpec
from chi_helpers.model.reaping import Decision, Memory, Rule
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.truth import Truth
from tests.support.worlds import (
    DUE,
    HOUR,
    LAB,
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

NO_GRACE = policy(reap=ReapSpec(grace=timedelta(0), hard=timedelta(0)))
FAR = stamp(ago=-100 * HOUR)


def truth(found, rule):
    return next(finding.truth for finding in found.findings if finding.rule is rule)


def expired(resource, by=NO_GRACE, **changes):
    return truth(verdict(resource, by, **changes), Rule.EXPIRED)


@pytest.mark.parametrize(
    ("age", "decision"),
    [
        pytest.param(6 * HOUR - SECOND, Decision.WARN, id="5:59:59"),
        pytest.param(6 * HOUR, Decision.DELETE, id="6:00:00"),
        pytest.param(6 * HOUR + SECOND, Decision.DELETE, id="6:00:01"),
    ],
)
def test_age_alone_decides_at_the_second(age, decision):
    """A stamp that says more than lifetime.max does not lengthen a life."""
    assert verdict(ours(age=age, stamp=FAR), NO_GRACE).decision is decision


@pytest.mark.parametrize(
    ("over", "wanted"),
    [
        pytest.param(-SECOND, Truth.NO, id="4:59 after the deadline"),
        pytest.param(timedelta(0), Truth.YES, id="5:00 after the deadline"),
    ],
)
def test_the_grace_is_waited_for(over, wanted):
    """Though its owner was warned."""
    resource = ours(stamp=stamp(ago=5 * MINUTE + over), age=HOUR)
    found = verdict(resource, policy(memory=Memory(warned={resource.ref: NOW - 5 * MINUTE - over})))
    assert truth(found, Rule.EXPIRED) is wanted
    assert (found.decision is Decision.DELETE) == (wanted is Truth.YES)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        pytest.param({"stamp": FAR, "age": HOUR}, Truth.NO, id="young"),
        pytest.param({"stamp": stamp(ago=timedelta(0)), "age": HOUR}, Truth.YES, id="its stamp shortens"),
        pytest.param({"stamp": stamp(ago=-SECOND), "age": HOUR}, Truth.NO, id="its stamp is a second ahead"),
        pytest.param({"stamp": FAR, "age": None}, Truth.UNKNOWN, id="age not known, stamp ahead"),
        pytest.param({"stamp": stamp(), "age": None}, Truth.YES, id="age not known, past its stamp"),
        pytest.param({"stamp": None, "age": None}, Truth.UNKNOWN, id="nothing known"),
        pytest.param(
            {"stamp": None, "stamp_fault": "torn", "age": HOUR}, Truth.UNKNOWN, id="stamp unreadable"
        ),
        pytest.param(
            {"stamp": None, "stamp_fault": "torn", "age": 9 * HOUR},
            Truth.YES,
            id="stamp unreadable, and old",
        ),
        pytest.param(
            {"stamp": None, "age": HOUR, "metadata": {"delete_at": "2026-01-29T15:00:00+00:00"}},
            Truth.YES,
            id="delete_at shortens",
        ),
        pytest.param(
            {"stamp": None, "age": 9 * HOUR, "metadata": {"delete_at": "2036-01-29T15:00:00+00:00"}},
            Truth.YES,
            id="delete_at does not lengthen",
        ),
        pytest.param(
            {"stamp": None, "age": HOUR, "metadata": {"delete_at": "2026-01-29T14:00:00"}},
            Truth.UNKNOWN,
            id="delete_at without a time zone",
        ),
        pytest.param(
            {"stamp": None, "age": HOUR, "metadata": {"delete_at": "9999-12-31T23:59:59-05:00"}},
            Truth.UNKNOWN,
            id="delete_at beyond the calendar",
        ),
        pytest.param(
            {"stamp": Stamp("alice", LAB, datetime.max.replace(tzinfo=UTC)), "age": HOUR},
            Truth.NO,
            id="a stamp at the end of the calendar",
        ),
        pytest.param(
            {"stamp": None, "age": HOUR, "mark": Mark(Ref(Kind.INSTANCE, "i"), "alice", LAB, NOW)},
            Truth.YES,
            id="the reaper's mark shortens",
        ),
        pytest.param(
            {"stamp": None, "age": HOUR, "mark": Mark(Ref(Kind.INSTANCE, "i"), "alice", "other", NOW)},
            Truth.NO,
            id="another lab's mark says nothing",
        ),
    ],
)
def test_one_bound_that_was_reached_is_enough(facts, wanted):
    assert expired(thing(**facts)) is wanted


def test_a_made_time_beyond_the_calendar_is_not_known():
    assert expired(ours(stamp=FAR, created=datetime.max.replace(tzinfo=UTC))) is Truth.UNKNOWN


EIGHT_TO_MIDNIGHT = ActiveHours(time(8), time(0), ZoneInfo("America/New_York"))
NINE_TO_NOON = ActiveHours(time(9), time(12), ZoneInfo("UTC"))


def at(text):
    return datetime.fromisoformat(f"2026-01-{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "created", "now", "wanted"),
    [
        pytest.param(
            EIGHT_TO_MIDNIGHT, at("29T23:00"), at("30T04:59"), Truth.NO, id="a minute before midnight"
        ),
        pytest.param(EIGHT_TO_MIDNIGHT, at("29T23:00"), at("30T05:00"), Truth.YES, id="midnight in New York"),
        pytest.param(
            NINE_TO_NOON, at("29T11:59:30"), at("29T12:00"), Truth.YES, id="made just before closing"
        ),
        pytest.param(
            NINE_TO_NOON, at("29T12:00"), at("29T17:59"), Truth.NO, id="made at closing: the next day's"
        ),
        pytest.param(NINE_TO_NOON, at("29T08:00"), at("29T11:59"), Truth.NO, id="made before opening"),
        pytest.param(NINE_TO_NOON, at("29T08:00"), at("29T12:00"), Truth.YES, id="that day's closing"),
    ],
)
def test_the_active_hours_after_its_making_bound_a_life(hours, created, now, wanted):
    by = policy(lifetime=Lifetime(6 * HOUR, hours=hours), reap=ReapSpec(grace=timedelta(0)))
    inventory = replace(project(ours(stamp=FAR, created=created)), at=now)
    [found] = verdicts(inventory, by, now).values()
    assert truth(found, Rule.EXPIRED) is wanted


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        pytest.param({"age": 5 * HOUR}, Truth.NO, id="within its end and the cap"),
        pytest.param({"age": 6 * HOUR, "lasts": 6 * HOUR}, Truth.YES, id="at its end"),
        pytest.param({"age": HOUR, "lasts": HOUR}, Truth.YES, id="a shorter end"),
        pytest.param({"age": 6 * HOUR, "lasts": 90 * HOUR}, Truth.YES, id="over-long, at the cap"),
        pytest.param(
            {"age": -24 * HOUR, "created": NOW - 48 * HOUR}, Truth.NO, id="in advance, made days ago"
        ),
        pytest.param({"start": None, "end": None}, Truth.UNKNOWN, id="no times"),
        pytest.param({"start": None}, Truth.YES, id="no start, and its end is past"),
    ],
)
def test_a_lease_is_counted_from_its_start(facts, wanted):
    assert expired(lease(**facts)) is wanted


def test_a_part_lives_no_longer_than_its_whole():
    """A port that was attached to an old instance a minute ago would else keep it."""
    port = thing(Kind.PORT, "p", age=MINUTE)
    instance = ours(takes=(port.ref,))
    found = verdicts(project(instance, port), policy())
    assert found[port.ref].decision is Decision.DELETE
    assert found[port.ref].deadline == DUE


def test_an_instance_may_outlive_the_one_that_was_in_the_lease_before_it():
    """It is no part of its lease: a young one keeps an old lease."""
    young = ours(stamp=FAR, age=HOUR)
    found = verdicts(project(lease(lasts=90 * HOUR, takes=(young.ref,)), young), NO_GRACE)
    assert found[young.ref].decision is Decision.KEEP


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(0, Truth.YES), (30, Truth.YES), (-30, Truth.NO), (31, Truth.UNKNOWN), (-31, Truth.UNKNOWN)],
)
def test_both_clocks_must_say_so_and_agree(seconds, wanted):
    """30 s are allowed (reap.skew): beyond, nothing is known to have expired."""
    just = ours(stamp=stamp(ago=timedelta(0)), age=HOUR)
    assert expired(just, skew=timedelta(seconds=seconds)) is wanted


@pytest.mark.parametrize(
    ("told", "ago", "wanted"),
    [
        pytest.param(None, 20 * MINUTE, Truth.NO, id="never"),
        pytest.param(20 * MINUTE, 20 * MINUTE, Truth.YES, id="of this deadline"),
        pytest.param(25 * MINUTE, 20 * MINUTE, Truth.NO, id="of an earlier one: it was put off since"),
        pytest.param(10 * MINUTE, 20 * MINUTE, Truth.YES, id="of a later one, which has come"),
        pytest.param(-10 * MINUTE, 20 * MINUTE, Truth.NO, id="of a later one, still to come"),
        pytest.param(None, HOUR - SECOND, Truth.NO, id="never, 59:59 after the deadline"),
        pytest.param(None, HOUR, Truth.YES, id="never, an hour after it: the hard cap"),
    ],
)
def test_it_goes_after_a_warning_that_was_delivered_or_at_the_hard_cap(told, ago, wanted):
    resource = ours(stamp=stamp(ago=ago), age=HOUR)
    memory = Memory(warned={} if told is None else {resource.ref: NOW - told})
    found = verdict(resource, policy(memory=memory))
    assert truth(found, Rule.WARNED) is wanted
    assert (found.decision is Decision.DELETE) == (wanted is Truth.YES)


def test_a_part_goes_by_the_warning_about_its_whole():
    port = thing(Kind.PORT, "p")
    instance = ours(stamp=stamp(ago=20 * MINUTE), age=HOUR, takes=(port.ref,))
    told = Memory(warned={instance.ref: NOW - 20 * MINUTE})
    assert verdict(port, policy(memory=told), instance).decision is Decision.DELETE


def test_without_a_deadline_no_warning_is_known():
    assert truth(verdict(thing(age=None)), Rule.WARNED) is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("to_go", "told", "decision"),
    [
        pytest.param(HOUR + SECOND, None, Decision.KEEP, id="1:00:01 before"),
        pytest.param(HOUR, None, Decision.WARN, id="1:00:00 before"),
        pytest.param(-4 * MINUTE, None, Decision.WARN, id="within the grace"),
        pytest.param(HOUR, HOUR, Decision.KEEP, id="told already"),
        pytest.param(HOUR, 2 * HOUR, Decision.WARN, id="told of another deadline"),
        pytest.param(-10 * MINUTE, None, Decision.KEEP, id="expired: too late"),
    ],
)
def test_a_warning_comes_within_the_longest_mark_once_for_a_deadline(to_go, told, decision):
    resource = ours(stamp=stamp(ago=-to_go), age=HOUR)
    memory = Memory(warned={} if told is None else {resource.ref: NOW + told})
    assert verdict(resource, policy(memory=memory)).decision is decision


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        pytest.param({"lifetime": Lifetime(6 * HOUR)}, {}, id="the file asks for none"),
        pytest.param({}, {"locked": True}, id="locked"),
        pytest.param({}, {"stamp": stamp(of="other", ago=-HOUR)}, id="another lab's"),
        pytest.param({}, {"stamp": None, "stamp_fault": "torn"}, id="nobody knows whose"),
    ],
)
def test_nobody_is_warned_of_what_will_not_go(changes, facts):
    resource = thing(**{"age": 5 * HOUR + 30 * MINUTE, "stamp": stamp(ago=-HOUR), **facts})
    assert verdict(resource, policy(**changes)).decision is Decision.KEEP


def test_a_part_needs_no_warning_of_its_own():
    port = thing(Kind.PORT, "p", age=HOUR)
    instance = ours(stamp=stamp(ago=-HOUR), age=HOUR, takes=(port.ref,))
    found = verdicts(project(instance, port), policy())
    assert found[instance.ref].decision is Decision.WARN
    assert found[port.ref].decision is Decision.KEEP


def test_what_is_not_known_to_have_expired_is_warned_of_by_what_is_known():
    assert verdict(ours(stamp=stamp(ago=-HOUR), age=None)).decision is Decision.WARN


def test_a_clock_that_is_off_warns_nobody():
    soon = ours(stamp=stamp(ago=-HOUR), age=HOUR)
    assert verdict(soon).decision is Decision.WARN
    assert verdict(soon, skew=timedelta(seconds=31)).decision is Decision.KEEP


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        verdict(ours(), now=NOW.replace(tzinfo=None))
