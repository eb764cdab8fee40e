"""What people are told: what goes when, what to do, and nothing of others."""

from __future__ import annotations

from dataclasses import replace
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
from chi_helpers.plan.digest import MOST_LINES, Digest, after, before, for_staff

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


def test_a_warning_reads_like_this():
    """Word for word, with what is shortened and what is deleted in the same run."""
    (digest,) = before(
        [
            plan(
                step(Action.WARN, "mine", "alice"),
                step(Action.TRIM, "long", "alice", Kind.LEASE, until=NOW + timedelta(minutes=30)),
                step(Action.DELETE, "old", "alice", Kind.VOLUME, minutes=-60),
            )
        ],
        SPEC,
        None,
    )
    assert digest == Digest(
        Person("alice"),
        "hello: your time ends today 14:45 CST (20:45 UTC), in 45m",
        """\
What you have in the lab hello reaches the end of its time today 14:45 CST (20:45 UTC), in 45m.

  instance mine, today 14:45 CST (20:45 UTC) (CHI-1 at KVM@TACC)

What to do: copy what you need to a place of your own before that. Afterwards these are deleted and
cannot be brought back. To give them back now: `chi-lab down`, or the site's dashboard. If you need
more time, ask the staff before it is over; writing on the things themselves does not help.

Leases that are longer than this lab allows, and are shortened:

  lease long, now until today 14:30 CST (20:30 UTC) (CHI-1 at KVM@TACC)

Past its time already, and deleted in this run:

  volume old, today 13:00 CST (19:00 UTC) (CHI-1 at KVM@TACC)
""",
        {("id of CHI-1", Ref(Kind.INSTANCE, "id-mine")): NOW + timedelta(minutes=45)},
    )


def test_a_warning_without_a_deadline_names_none_and_counts_for_none():
    """What has no name is called by its id."""
    (digest,) = before([plan(replace(step(Action.WARN, "", "bob"), deadline=None))], SPEC, ROSTER)
    assert digest.title == "hello: your time ends"
    assert digest.body.startswith("What you have in the lab hello reaches the end of its time.\n\n")
    assert "\n  instance id- (CHI-1 at KVM@TACC)\n" in digest.body
    assert digest.warns == {}


def test_a_lease_without_a_new_end_shows_its_deadline_and_a_new_end_is_only_a_leases():
    """Neither hides the other's time."""
    trims = [step(Action.TRIM, "long", "bob", Kind.LEASE)]
    odd = step(Action.WARN, "vm", "bob", until=NOW)
    (digest,) = before([plan(*trims, odd)], SPEC, ROSTER)
    assert "  lease long, today 14:45 CST (20:45 UTC) (CHI-1" in digest.body
    assert "  instance vm, today 14:45 CST (20:45 UTC) (CHI-1" in digest.body


def test_a_person_is_found_by_every_name_and_by_the_id_of_the_user():
    """All that is known of a person arrives in one message."""
    roster = Roster((Person("ann", "user", "net", suffix="suf", user_id="0123"),))
    steps = [step(Action.WARN, name, name) for name in ("ann", "user", "net", "suf", "0123")]
    assert [digest.person for digest in before([plan(*steps)], SPEC, roster)] == list(roster.people)
    assert [d.person for d in before([plan(step(Action.WARN, "x", "zed"))], SPEC, roster)] == [Person("zed")]


def test_digests_come_in_the_order_of_their_owners():
    """The same run gives the same messages in the same order."""
    steps = [step(Action.WARN, name, name) for name in ("zed", "bob", "alice")]
    assert [digest.person.owner for digest in before([plan(*steps)], SPEC, ROSTER)] == ["alice", "bob", "zed"]
    done = [ReapOutcome(step(Action.DELETE, name, name), Fate.DONE) for name in ("zed", "bob", "alice")]
    found = after([report(*done)], SPEC, ROSTER)
    assert [digest.person.owner for digest in found] == ["alice", "bob", "zed"]


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


def test_a_notice_reads_like_this():
    """Word for word, over two projects."""
    lease = step(Action.TRIM, "lease", "alice", Kind.LEASE, until=NOW)
    (digest,) = after(
        [
            report(ReapOutcome(step(Action.DELETE, "vm", "alice"), Fate.DONE), ReapOutcome(lease, Fate.DONE)),
            report(
                ReapOutcome(step(Action.DELETE, "disk", "al_edu", Kind.VOLUME), Fate.REFUSED),
                planned={"project": "CHI-2"},
            ),
        ],
        SPEC,
        ROSTER,
    )
    assert digest == Digest(
        ROSTER.people[0],
        "hello: your things were given back",
        """\
The time of these things of yours in the lab hello was over.

Deleted:

  instance vm, today 14:45 CST (20:45 UTC) (CHI-1 at KVM@TACC)

Leases that were shortened:

  lease lease, now until today 14:00 CST (20:00 UTC) (CHI-1 at KVM@TACC)

Still there, and tried again in the next run:

  volume disk, today 14:45 CST (20:45 UTC) (CHI-2 at KVM@TACC)

If that was a surprise, tell the staff: they have a record from which networks, groups and the
descriptions of instances can be made again, but not what was on their disks.
""",
    )


def test_a_notice_says_only_what_happened():
    """No empty list has a heading."""
    (digest,) = after([report(ReapOutcome(step(Action.DELETE, "vm", "bob"), Fate.DONE))], SPEC, ROSTER)
    assert "Leases" not in digest.body
    assert "Still there" not in digest.body


def test_marks_stamps_and_what_nobody_owns_are_no_news_to_anybody():
    """Afterwards only deletions and shorter leases of people are told."""
    quiet = [step(action, "x", "bob") for action in (Action.WARN, Action.MARK, Action.RESTAMP)]
    nobodys = step(Action.DELETE, "y", "")
    outcomes = [ReapOutcome(one, Fate.DONE) for one in (*quiet, nobodys)]
    assert after([report(*outcomes)], SPEC, ROSTER) == ()
    assert before([plan(*(replace(one, action=Action.MARK) for one in quiet))], SPEC, ROSTER) == ()


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
    assert (
        "\n  instance n59, today 14:45 CST (20:45 UTC) (CHI-1 at KVM@TACC)\n  ... and 5 more\n" in digest.body
    )
    assert "instance n60" not in digest.body
    (full,) = before([plan(*steps[:MOST_LINES])], SPEC, ROSTER)
    assert "more\n" not in full.body.split("What to do")[0]
    assert len(digest.warns) == MOST_LINES + 5


DOUBT = Verdict(
    Ref(Kind.VOLUME, "v\n1"), "odd", Decision.KEEP, (Finding(Rule.OWNED, Truth.UNKNOWN, "two owners"),)
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
            "kept for want of knowledge: volume v?1, odd: two owners",
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


def test_a_report_to_staff_reads_like_this():
    """Word for word: counts of what was done, what went wrong, what is left, what is not known."""
    gone = [ReapOutcome(step(Action.DELETE, f"n{number}", "bob"), Fate.DONE) for number in range(2)]
    wrong = ReapOutcome(step(Action.DELETE, "a\nb", "bob"), Fate.REFUSED, "policy says no")
    trimmed = ReapOutcome(step(Action.TRIM, "long", "bob", Kind.LEASE), Fate.DONE)
    warned = ReapOutcome(step(Action.WARN, "soon", "bob"), Fate.DONE)
    left = Verdict(Ref(Kind.PORT, "p\n1"), "port\n1", Decision.DELETE)
    made = report(
        *gone,
        wrong,
        trimmed,
        warned,
        left=(left,),
        stopped="out of time",
        planned={
            "tripped": (Tripped("run", 30, 20, 40),),
            "verdicts": (DOUBT, left),
            "unseen": ((Kind.VOLUME, "503"),),
        },
    )
    quiet = report(warned, planned={"project": "CHI-2"})
    assert for_staff([made, quiet], SPEC, ["bob: no address"]) == (
        "Reaper of hello: something needs you",
        """\
CHI-1 at KVM@TACC
  delete: 2 done
  delete: 1 refused
  trim: 1 done
  STOPPED by the breaker: run would lose 30 of 40, and 20 are allowed
  ended early: out of time
  refused: instance id-a?b, a?b: policy says no
  still there: port p?1, port?1
  kept for want of knowledge: volume v?1, odd: two owners
  not listed: volume: 503

Not delivered:
  bob: no address""",
    )


@pytest.mark.parametrize(
    ("made", "undelivered", "wrong"),
    [
        (report(ReapOutcome(step(Action.DELETE, "x", "bob"), Fate.DONE)), (), False),
        (report(ReapOutcome(step(Action.DELETE, "x", "bob"), Fate.DONE)), ("bob: no address",), True),
        (report(left=(DOUBT,)), (), True),
    ],
    ids=["all is well", "a message did not arrive", "something is still there"],
)
def test_the_title_says_whether_something_needs_the_staff(made, undelivered, wrong):
    """`done` is for the archive."""
    found = for_staff([made], SPEC, undelivered)
    assert found is not None
    assert found[0] == f"Reaper of hello: {'something needs you' if wrong else 'done'}"


def test_a_run_without_a_last_look_says_so_unless_it_ended_early():
    """Why it ended early says more."""
    acted = ReapOutcome(step(Action.DELETE, "x", "bob"), Fate.DONE)
    blind = replace(report(acted), proved=False)
    found = for_staff([blind], SPEC)
    assert found is not None
    assert "  what came of it could not be looked at" in found[1].splitlines()
    found = for_staff([replace(blind, stopped="killed")], SPEC)
    assert found is not None
    assert found[1].splitlines()[2:] == ["  ended early: killed"]
