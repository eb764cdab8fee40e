"""What people are told: what goes when, what to do, and nothing of others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.lab import LabSpec, LeaseSpec, Lifetime
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
    Tripped,
    Verdict,
)
from chi_helpers.model.roster import Person, Roster
from chi_helpers.model.truth import Truth
from chi_helpers.plan.digest import MOST_LINES, after, before, for_staff

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
SPEC = LabSpec(
    lab="hello",
    site="KVM@TACC",
    lifetime=Lifetime(timedelta(hours=6), (timedelta(hours=1),)),
    lease=LeaseSpec(timedelta(hours=6)),
    nodes=(),
    timezone=ZoneInfo("America/Chicago"),
    source=Path("reservation.yaml"),
)
ROSTER = Roster((Person("alice", user="al_edu", netid="al1", email="al@example.edu"), Person("bob")))


def step(action, name, owner, kind=Kind.INSTANCE, minutes=45, **more):
    return ReapStep(
        action, Ref(kind, f"id-{name}"), name, owner, "why", deadline=NOW + timedelta(minutes=minutes), **more
    )


def plan(*steps, project="CHI-1", **more):
    return ReapPlan(
        "KVM@TACC",
        f"id of {project}",
        project,
        "hello",
        NOW,
        NOW + timedelta(minutes=15),
        tuple(steps),
        **more,
    )


def report(*outcomes, **more):
    found = plan(*(outcome.step for outcome in outcomes), **more.pop("planned", {}))
    return ReapReport(found, outcomes, proved=True, **more)


def test_a_warning_says_what_goes_when_and_what_to_do():
    """One digest for one owner, over all projects; the soonest deadline stands in the title."""
    (digest,) = before(
        [
            plan(step(Action.WARN, "late", "alice"), step(Action.WARN, "soon", "alice", minutes=20)),
            plan(step(Action.WARN, "disk", "al_edu", Kind.VOLUME), project="CHI-2"),
        ],
        SPEC,
        ROSTER,
    )
    assert digest.person.email == "al@example.edu"
    assert digest.title == "hello: your time ends today 14:20 CST (20:20 UTC), in 20m"
    assert "  instance late, today 14:45 CST (20:45 UTC) (CHI-1 at KVM@TACC)\n" in digest.body
    assert "  volume disk, today 14:45 CST (20:45 UTC) (CHI-2 at KVM@TACC)\n" in digest.body
    assert "copy what you need" in digest.body
    assert "`chi-lab down`" in digest.body
    assert digest.warns == {
        ("id of CHI-1", Ref(Kind.INSTANCE, "id-late")): NOW + timedelta(minutes=45),
        ("id of CHI-1", Ref(Kind.INSTANCE, "id-soon")): NOW + timedelta(minutes=20),
        ("id of CHI-2", Ref(Kind.VOLUME, "id-disk")): NOW + timedelta(minutes=45),
    }


def test_nobody_reads_of_others_things():
    """Two owners, two digests."""
    found = before([plan(step(Action.WARN, "one", "alice"), step(Action.WARN, "two", "bob"))], SPEC, ROSTER)
    assert [(d.person.owner, "one" in d.body, "two" in d.body) for d in found] == [
        ("alice", True, False),
        ("bob", False, True),
    ]


def test_before_a_run_only_those_with_a_warning_are_told():
    """What goes now is told to those who are warned anyway; a lost thing alone is told of afterwards, once."""
    assert (
        before([plan(step(Action.DELETE, "old", "bob"), step(Action.TRIM, "long", "bob"))], SPEC, ROSTER)
        == ()
    )
    (digest,) = before(
        [plan(step(Action.DELETE, "old", "bob"), step(Action.WARN, "young", "bob"))], SPEC, ROSTER
    )
    assert "deleted in this run:\n\n  instance old" in digest.body


def test_what_nobody_owns_is_told_to_nobody():
    """An empty owner is no person."""
    assert before([plan(step(Action.WARN, "x", ""))], SPEC, ROSTER) == ()


def test_afterwards_only_what_was_seen_to_go_is_called_deleted():
    """What was gone before, is refused, or changed meanwhile is not."""
    outcomes = [ReapOutcome(step(Action.DELETE, f"thing-{fate.name}", "alice"), fate) for fate in Fate] + [
        ReapOutcome(step(Action.TRIM, "lease", "alice", Kind.LEASE, until=NOW), Fate.DONE)
    ]
    (digest,) = after([report(*outcomes)], SPEC, ROSTER)
    deleted, rest = digest.body.split("Leases that were shortened:")
    assert [name for name in Fate.__members__ if f"thing-{name}" in deleted] == ["DONE", "TAKEN"]
    assert "lease lease, now until today 14:00 CST (20:00 UTC)" in rest
    still = rest.split("Still there")[1]
    assert [name for name in Fate.__members__ if f"thing-{name}" in still] == ["WAITING", "REFUSED", "FAILED"]


def test_nothing_done_is_nothing_told():
    """A thing that is refused again and again is no news to its owner."""
    assert after([report(ReapOutcome(step(Action.DELETE, "x", "alice"), Fate.REFUSED))], SPEC, ROSTER) == ()


def test_a_name_cannot_write_lines_of_its_own():
    """Object containers may be called by any bytes."""
    (digest,) = before([plan(step(Action.WARN, "a\nb\x1b[31m", "bob"))], SPEC, ROSTER)
    assert "instance a?b?[31m," in digest.body


def test_a_long_list_is_counted():
    """Chats cut long messages somewhere; here it is said."""
    steps = [step(Action.WARN, f"n{number}", "bob") for number in range(MOST_LINES + 5)]
    (digest,) = before([plan(*steps)], SPEC, ROSTER)
    assert "... and 5 more" in digest.body
    assert len(digest.warns) == MOST_LINES + 5


DOUBT = Verdict(
    Ref(Kind.VOLUME, "v1"), "odd", Decision.KEEP, (Finding(Rule.OWNED, Truth.UNKNOWN, "two owners"),)
)


@pytest.mark.parametrize(
    ("made", "title", "holds"),
    [
        pytest.param(
            report(ReapOutcome(step(Action.DELETE, "x", "bob"), Fate.DONE)),
            "Reaper of hello: done",
            "delete: 1 done",
            id="done",
        ),
        pytest.param(
            report(ReapOutcome(step(Action.DELETE, "x", "bob"), Fate.REFUSED, "policy says no")),
            "Reaper of hello: something needs you",
            "refused: instance id-x, x: policy says no",
            id="refused",
        ),
        pytest.param(
            report(stopped="breaker", planned={"tripped": (Tripped("owner bob", 30, 20, 40),)}),
            "Reaper of hello: something needs you",
            "STOPPED by the breaker: owner bob would lose 30 of 40, and 20 are allowed",
            id="breaker",
        ),
        pytest.param(
            report(planned={"verdicts": (DOUBT,)}),
            "Reaper of hello: done",
            "kept for want of knowledge: volume v1, odd: two owners",
            id="doubt",
        ),
        pytest.param(
            report(planned={"unseen": ((Kind.VOLUME, "503"),)}),
            "Reaper of hello: something needs you",
            "not listed: volume: 503",
            id="not listed",
        ),
    ],
)
def test_staff_are_told_what_happened_and_what_is_wrong(made, title, holds):
    """Each project with its name and site."""
    found = for_staff([made], SPEC)
    assert found is not None
    assert found[0] == title
    assert "CHI-1 at KVM@TACC\n" in found[1]
    assert holds in found[1]


def test_staff_are_not_told_that_nothing_happened():
    """A run every five minutes would say it 288 times a day."""
    quiet = report(ReapOutcome(step(Action.WARN, "x", "bob"), Fate.DONE))
    assert for_staff([quiet], SPEC) is None
    assert for_staff([quiet], SPEC, ["bob: mailtos (line 1) failed"]) is not None
