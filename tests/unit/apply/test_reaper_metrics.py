"""What a run leaves for those who watch over it: its last state, metrics, and the alarm."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chi_helpers.apply.metrics import write_metrics
from chi_helpers.apply.reaper.alarm import alarms
from chi_helpers.apply.reaper.last import LastRun, after, failed, load, save
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

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def verdict(name, decision, *findings, kind=Kind.INSTANCE, late=HOUR):
    return Verdict(Ref(kind, name), name, decision, findings, "bob", NOW - late)


GOING = verdict("going", Decision.DELETE, Finding(Rule.EXPIRED, Truth.YES, "late"))
SPARED = verdict("spared", Decision.KEEP, Finding(Rule.UNPROTECTED, Truth.NO, "locked"))
DOUBT = verdict("odd", Decision.KEEP, Finding(Rule.OWNED, Truth.UNKNOWN, "two owners"), late=3 * HOUR)
VOLUME = verdict("disk", Decision.WARN, kind=Kind.VOLUME, late=-HOUR)


def report(fates=(), left=(), overdue=(), **more):
    verdicts = (GOING, SPARED, DOUBT, VOLUME)
    plan = ReapPlan(
        "KVM", "id1", "CHI-1", "hello", NOW, NOW + HOUR, (), verdicts, unseen=((Kind.IMAGE, "503"),)
    )
    outcomes = tuple(
        ReapOutcome(ReapStep(Action.DELETE, Ref(Kind.INSTANCE, f"x{n}"), "x", "bob", ""), fate)
        for n, fate in enumerate(fates)
    )
    return ReapReport(plan, outcomes, left=left, overdue=overdue, **{"proved": True, "requests": 17} | more)


def test_what_is_spared_is_not_overdue():
    """Staff said so, or it waits for a warning: only what the reaper should have done, or does not understand, is."""
    run = after(None, report(left=(GOING,), overdue=(GOING, SPARED, DOUBT)), NOW, 4.25)
    assert [one.id for one in run.overdue] == ["going", "odd"]


def test_how_long_something_stays_overdue_is_counted_in_runs():
    """One run may be unlucky; what is gone and comes back begins anew."""
    first = after(None, report(overdue=(GOING,)), NOW, 1)
    second = after(first, report(overdue=(GOING, DOUBT)), NOW, 1)
    third = after(second, report(overdue=(DOUBT,)), NOW, 1)
    fourth = after(third, report(overdue=(GOING,)), NOW, 1)
    assert [[(o.id, o.runs) for o in run.overdue] for run in (first, second, third, fourth)] == [
        [("going", 1)],
        [("going", 2), ("odd", 1)],
        [("odd", 2)],
        [("going", 1)],
    ]


@pytest.mark.parametrize(
    ("made", "error"),
    [
        pytest.param(report([Fate.DONE]), "", id="done"),
        pytest.param(report([Fate.REFUSED], left=(GOING,)), "", id="one thing is refused: the work was done"),
        pytest.param(report(stopped="The breaker: 9"), "The breaker: 9", id="stopped"),
        pytest.param(
            report([Fate.DONE], proved=False), "What became of it could not be looked at.", id="no proof"
        ),
    ],
)
def test_a_run_that_was_stopped_or_not_proved_is_no_success(made, error):
    """The last success stays what it was."""
    before = after(None, report(), NOW - HOUR, 1)
    run = after(before, made, NOW, 1)
    assert (run.error, run.succeeded) == (error, before.succeeded if error else NOW)


def test_the_state_comes_back_from_the_disk_as_it_was(tmp_path):
    """All of it, for its owner only."""
    run = after(None, report([Fate.DONE, Fate.TAKEN, Fate.FAILED], overdue=(DOUBT,)), NOW, 1.5, undelivered=2)
    save(tmp_path / "a" / "last.json", run)
    assert load(tmp_path / "a" / "last.json") == run
    assert (tmp_path / "a" / "last.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"format": 2}', "\x00", '{"format": 1, "lab": 1}'])
def test_a_state_that_cannot_be_read_is_no_state(tmp_path, text):
    """Then no run is known to have succeeded, which rings the alarm."""
    (tmp_path / "last.json").write_text(text)
    assert load(tmp_path / "last.json") is None
    assert load(tmp_path / "none") is None


def read(file):
    """The metrics as Prometheus reads them: (name, labels besides those of every metric) -> value."""
    return {
        (
            sample.name.removeprefix("chi_lab_reap_"),
            *(v for k, v in sorted(sample.labels.items()) if k not in ("lab", "site", "project")),
        ): sample.value
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
        if sample.labels["project"] == "CHI-1"
    }


def test_prometheus_reads_what_was_written(tmp_path):
    """Every number of the run, parsed back by its own client."""
    file = tmp_path / "reaper.prom"
    fates = [Fate.DONE, Fate.TAKEN, Fate.GONE, Fate.CHANGED, Fate.FAILED, Fate.WAITING, Fate.REFUSED]
    run = after(None, report(fates, overdue=(GOING, SPARED, DOUBT)), NOW, 4.25, undelivered=1)
    write_metrics(file, [run, replace(run, project="CHI-2", project_id="id2")], NOW + MINUTE)
    found = read(file)
    expected = {
        ("last_run_timestamp_seconds",): NOW.timestamp(),
        ("last_success_timestamp_seconds",): NOW.timestamp(),
        ("duration_seconds",): 4.25,
        ("requests",): 17,
        ("resources", "delete", "instance"): 1,
        ("resources", "keep", "instance"): 2,
        ("resources", "warn", "volume"): 1,
        ("resources", "trim", "lease"): 0,
        ("deleted",): 2,
        ("failed",): 2,
        ("refused",): 1,
        ("doubtful",): 1,
        ("unseen_kinds",): 1,
        ("undelivered",): 1,
        ("overdue", "instance"): 2,
        ("overdue", "port"): 0,
        ("overdue_worst_seconds",): (3 * HOUR + MINUTE).total_seconds(),
    }
    assert {key: found[key] for key in expected} == expected
    assert "going" not in file.read_text()
    assert "bob" not in file.read_text()


def test_a_project_in_which_nothing_is_overdue_says_zero(tmp_path):
    """A gauge that vanishes would look like a reaper that died; so would one that never succeeded."""
    file = tmp_path / "reaper.prom"
    write_metrics(file, [after(None, report(stopped="no"), NOW, 1)], NOW)
    found = read(file)
    assert {found["overdue", kind] for kind in Kind} == {0}
    assert (found["overdue_worst_seconds",], found["last_success_timestamp_seconds",]) == (0, 0)


def test_another_user_can_read_the_metrics_and_nobody_reads_half_of_them(tmp_path):
    """Whatever the umask; a write that fails leaves the old file, and no other."""
    file = tmp_path / "reaper.prom"
    old = os.umask(0o077)
    try:
        write_metrics(file, [after(None, report(), NOW, 1)], NOW)
    finally:
        os.umask(old)
    assert file.stat().st_mode & 0o777 == 0o644
    file.unlink()
    file.mkdir()
    (file / "x").touch()
    with pytest.raises(OSError, match="directory"):
        write_metrics(file, [], NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["reaper.prom"]


def good(**more):
    return replace(after(None, report(), NOW, 1), **more)


@pytest.mark.parametrize(
    ("runs", "rings"),
    [
        pytest.param([good()], [], id="just now"),
        pytest.param([good(succeeded=NOW - 20 * MINUTE)], [], id="as long ago as is allowed"),
        pytest.param(
            [good(succeeded=NOW - 21 * MINUTE, error="The site cannot be reached.")],
            ["CHI-1 at KVM: no run has succeeded for 21m. The last one: The site cannot be reached."],
            id="too long ago",
        ),
        pytest.param([good(succeeded=None)], ["CHI-1 at KVM: no run has succeeded yet."], id="never"),
        pytest.param(
            [good(succeeded=NOW + HOUR)],
            ["CHI-1 at KVM: the last success is 1h in the future: set the clock."],
            id="the clock was set back",
        ),
        pytest.param(
            [],
            ["No run of the reaper has been recorded: is it scheduled, with --yes, and with this state?"],
            id="no state",
        ),
        pytest.param([after(None, report(overdue=(GOING,)), NOW, 1)], [], id="overdue once"),
        pytest.param(
            [after(after(None, report(overdue=(GOING,)), NOW, 1), report(overdue=(GOING, SPARED)), NOW, 1)],
            ["CHI-1 at KVM: the instance going (going) of bob is overdue for 1h, after 2 runs in a row."],
            id="overdue twice",
        ),
        pytest.param(
            [good(), good(project="CHI-2", succeeded=None)],
            ["CHI-2 at KVM: no run has succeeded yet."],
            id="one of two projects",
        ),
    ],
)
def test_the_alarm_rings_when_the_reaper_does_not_do_its_work(runs, rings):
    """From its own notes alone."""
    assert list(alarms(runs, 20 * MINUTE, NOW)) == rings


def test_a_run_that_could_not_be_made_forgets_nothing():
    """What was overdue then is overdue still, and the success is as old as it is."""
    before = after(None, report(overdue=(GOING,)), NOW - HOUR, 1)
    run = failed(before, "503", NOW, 2)
    assert (run.overdue, run.succeeded, run.error, run.ended) == (before.overdue, NOW - HOUR, "503", NOW)
    assert isinstance(run, LastRun)
