"""Verdicts, plans and reports of the reaper say themselves whether they are in doubt or in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import (
    Action,
    Decision,
    Fate,
    Finding,
    ReapOutcome,
    ReapPlan,
    ReapReport,
    ReapStep,
    Rule,
    Verdict,
)
from chi_helpers.model.truth import Truth

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)
REF = Ref(Kind.VOLUME, "v")
YES = Finding(Rule.LISTED, Truth.YES, "it is listed")
NO = Finding(Rule.EXPIRED, Truth.NO, "it has time left")
UNKNOWN = Finding(Rule.OWNED, Truth.UNKNOWN, "two owners")
SILENT = Finding(Rule.OURS, Truth.UNKNOWN, "")


def verdict(*findings, decision=Decision.KEEP):
    return Verdict(REF, "x", decision, findings)


def step(action=Action.DELETE):
    return ReapStep(action, REF, "x", "alice", "why")


PLAN = ReapPlan("KVM@TACC", "p1", "CHI-1", "hello", NOW, NOW + timedelta(minutes=15), ())


@pytest.mark.parametrize(
    ("found", "doubtful"),
    [
        (verdict(YES, UNKNOWN), True),
        (verdict(YES, UNKNOWN, NO), False),
        (verdict(YES, NO), False),
        (verdict(YES), False),
        (verdict(YES, UNKNOWN, decision=Decision.WARN), True),
        (verdict(YES, UNKNOWN, decision=Decision.DELETE), False),
    ],
)
def test_only_what_the_unknown_alone_keeps_is_doubtful(found, doubtful):
    assert found.doubtful is doubtful


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (verdict(YES, UNKNOWN, NO), "it has time left"),
        (verdict(YES, UNKNOWN, SILENT), "two owners"),
        (verdict(YES, UNKNOWN, UNKNOWN._replace(why="no list")), "two owners; no list"),
        (verdict(YES, YES, decision=Decision.DELETE), "it is listed"),
        (verdict(YES, NO, decision=Decision.DELETE), "it is listed; it has time left"),
        (verdict(), ""),
    ],
    ids=["what keeps it", "what is not known", "both unknowns", "each once", "all of a deletion", "nothing"],
)
def test_the_reason_is_what_decided(found, why):
    assert found.why == why


def test_a_plan_picks_its_deletions_and_what_is_in_doubt():
    steps = tuple(step(action) for action in Action)
    doubt = verdict(YES, UNKNOWN)
    plan = replace(PLAN, steps=steps, verdicts=(verdict(NO), doubt))
    assert plan.deletions == (step(Action.DELETE),)
    assert plan.doubtful == (doubt,)


@pytest.mark.parametrize("fate", Fate)
def test_a_step_is_in_order_where_nothing_is_left_to_do(fate):
    ended = {Fate.DONE, Fate.GONE, Fate.TAKEN, Fate.CHANGED}
    assert ReapOutcome(step(), fate).ok is (fate in ended)


DONE = ReapOutcome(step(), Fate.DONE)
GOOD = ReapReport(PLAN, (DONE,), proved=True)


def test_a_report_is_in_order_where_all_was_done_and_nothing_is_left():
    assert GOOD.ok
    assert ReapReport(PLAN).ok, "nothing was to be done"


@pytest.mark.parametrize(
    "change",
    [
        {"outcomes": (DONE, ReapOutcome(step(), Fate.FAILED))},
        {"left": (verdict(NO),)},
        {"stopped": "out of time"},
        {"proved": False},
    ],
    ids=["a step failed", "something is left", "it ended early", "nobody looked"],
)
def test_a_report_is_not_in_order_otherwise(change):
    assert not replace(GOOD, **change).ok


@pytest.mark.parametrize(
    ("outcomes", "proved", "unproved"),
    [
        ((DONE,), False, True),
        ((DONE,), True, False),
        ((ReapOutcome(step(Action.WARN), Fate.DONE),), False, False),
        ((), False, False),
    ],
    ids=["a deletion", "a deletion, and a look", "a warning", "nothing"],
)
def test_a_change_needs_a_look_as_its_proof_and_a_warning_needs_none(outcomes, proved, unproved):
    assert ReapReport(PLAN, outcomes, proved=proved).unproved is unproved
