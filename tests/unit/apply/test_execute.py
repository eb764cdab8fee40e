"""A plan carried out: what becomes of each step, and what observer, journal and report say of it."""

from __future__ import annotations

import json

import pytest

from chi_helpers.apply.execute import Executor
from chi_helpers.apply.journal import NAME, opened
from chi_helpers.apply.report import Report
from chi_helpers.apply.work import LaterError, Missing, Work
from chi_helpers.model.errors import LabKitError, RefusedError, SiteError, UsageError
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.plan.steps import DeleteGroup, DeleteInstance, Plan
from tests.support.fake_site import NOW

GROUP, OTHER = DeleteGroup("delete group", "G", "hello-sam"), DeleteGroup("delete other", "O", "other")
PLAN = Plan("hello", "sam", "CHI@Fake", NOW, (GROUP, OTHER))


class Watching:
    def __init__(self):
        self.seen = []

    def started(self, step):
        self.seen.append(("started", step))

    def note(self, step, detail):
        self.seen.append(("note", step, detail))

    def finished(self, outcome):
        self.seen.append(("finished", outcome.step, outcome.result))


@pytest.fixture
def watching():
    return Watching()


@pytest.fixture
def executor(site_, tmp_path, watching):
    with opened(tmp_path) as journal:
        yield Executor(site_, tmp_path, journal, watching)


def entries(tmp_path):
    return [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]


@pytest.mark.parametrize(
    ("error", "result", "detail", "request_id"),
    [
        (Missing("The lease was not created."), Result.SKIPPED, "The lease was not created.", None),
        (LaterError("Tomorrow."), Result.SKIPPED, "Tomorrow.", None),
        (RefusedError("No room.", do="Ask.", request_id="req-1"), Result.REFUSED, "No room. Ask.", "req-1"),
        (UsageError("Not so.", request_id="req-2"), Result.REFUSED, "Not so.", "req-2"),
        (SiteError("Down.", do="Wait.", request_id="req-3"), Result.FAILED, "Down. Wait.", "req-3"),
        (LabKitError("Else."), Result.FAILED, "Else.", None),
        (OSError("disk full"), Result.FAILED, "disk full", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_step_that_fails_stops_no_other_and_is_told_everywhere(
    executor, site_, watching, tmp_path, error, result, detail, request_id
):
    site_.fail["delete_group"] = [error]
    report = executor.run(PLAN)
    assert report.plan == PLAN
    assert report.outcomes == (
        Outcome("delete group", result, detail, request_id=request_id),
        Outcome("delete other", Result.DONE, "", "O"),
    )
    assert (report.waits, report.proved, report.left) == (False, False, ())
    assert watching.seen == [
        ("started", "delete group"), ("finished", "delete group", result),
        ("started", "delete other"), ("finished", "delete other", Result.DONE),
    ]  # fmt: skip
    plan, *rest = entries(tmp_path)
    assert plan == {"at": plan["at"], "event": "plan", **PLAN.document()}
    for entry in rest:
        del entry["at"]
    assert rest == [
        {"event": "started", "step": "delete group"},
        {
            "event": "finished", "step": "delete group", "result": str(result), "detail": detail,
            "resource_id": None, "request_id": request_id,
        },
        {"event": "started", "step": "delete other"},
        {
            "event": "finished", "step": "delete other", "result": "done", "detail": "",
            "resource_id": "O", "request_id": None,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_nobody_foresaw_passes_through_and_the_journal_shows_what_was_begun(
    executor, site_, tmp_path, error
):
    site_.fail["delete_group"] = [error()]
    with pytest.raises(error):
        executor.run(PLAN)
    assert [(e["event"], e.get("step")) for e in entries(tmp_path)][1:] == [("started", "delete group")]


def test_only_the_chosen_steps_are_done(executor, site_):
    report = executor.run(PLAN, (OTHER,))
    assert [o.step for o in report.outcomes] == ["delete other"]
    assert executor.run(PLAN, ()).outcomes == ()
    assert site_.calls["delete_group"] == 1


def test_what_a_step_waits_for_is_noted_under_its_title(executor, watching, monkeypatch):
    def do(work, step):
        work.note(step.title, "it is there still")
        return Outcome(step.title, Result.DONE)

    monkeypatch.setattr(Work, "do", do)
    executor.run(PLAN, (DeleteInstance("delete instance", "I", "hello-sam"),))
    assert watching.seen[1] == ("note", "delete instance", "it is there still")


DONE, ALREADY, SKIPPED = (Outcome("s", result) for result in (Result.DONE, Result.ALREADY, Result.SKIPPED))


@pytest.mark.parametrize(
    ("report", "ok"),
    [
        (Report(PLAN, ()), True),
        (Report(PLAN, (DONE, ALREADY, SKIPPED)), True),
        (Report(PLAN, (DONE, Outcome("s", Result.FAILED))), False),
        (Report(PLAN, (Outcome("s", Result.REFUSED), DONE)), False),
        (Report(PLAN, (DONE,), left=("a port",)), False),
        (Report(PLAN, (DONE,), waits=True), False),
    ],
)
def test_a_report_is_good_only_where_all_was_done_and_nothing_is_left_or_waits(report, ok):
    assert report.ok is ok


def test_a_report_as_a_document_holds_everything():
    outcome = Outcome("delete group", Result.FAILED, "No.", "G", "req-1")
    report = Report(PLAN, (outcome,), ("a port",), proved=True, waits=True)
    assert json.loads(json.dumps(report.document())) == {
        "plan": json.loads(json.dumps(PLAN.document())),
        "outcomes": [
            {
                "step": "delete group", "result": "failed", "detail": "No.", "resource_id": "G",
                "request_id": "req-1",
            }
        ],
        "left": ["a port"],
        "proved": True,
        "waits": True,
    }  # fmt: skip
    quiet = Report(PLAN, ()).document()
    assert (quiet["left"], quiet["proved"], quiet["waits"]) == ([], False, False)
