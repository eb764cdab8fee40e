"""The reaper's plans and ends, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chi_helpers.cli import render
from chi_helpers.model.reaping import Action, Decision
from chi_helpers.model.truth import Truth
from chi_helpers.model.words import printable
from chi_helpers.policy.clock import describe

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from chi_helpers.apply.reaper.fleet import Ended
    from chi_helpers.model.reaping import ReapOutcome, ReapPlan, ReapReport, ReapStep, Tripped, Verdict
    from chi_helpers.reap import Look, ReapRun

_HEAD = ("", "kind", "name", "owner", "deadline", "why, or what came of it")


def text(run: ReapRun, zone: ZoneInfo) -> str:
    """The report: one part for each project, in the order in which they are reaped."""
    by_plan = {(one.plan.site, one.plan.project_id): one for one in run.ended}
    parts = []
    for look in run.looks:
        if look.plan is not None:
            ended = by_plan.get((look.plan.site, look.plan.project_id))
            parts.append("\n".join(_project(look.plan, ended, zone)))
    return "\n\n".join(parts)


def troubles(run: ReapRun) -> Iterable[tuple[str, bool]]:
    """What to say on stderr besides: (words, whether it is bad)."""
    for look in run.looks:
        if look.busy:
            yield f"{look.target}: {look.busy}" + (" It is left to that." if run.acted else ""), False
        if look.error is not None:
            yield f"{look.target}: {look.error}", True
        yield from ((note, False) for note in look.notes)
        if look.plan is not None and not run.override:
            yield from ((_tripped(one, look.plan, acted=run.acted), True) for one in look.plan.tripped)
    for ended in run.ended:
        if ended.error is not None:
            yield f"{ended.plan.project} at {ended.plan.site}: {ended.error}", True
        if ended.not_begun:
            yield f"{ended.plan.project} at {ended.plan.site} was not begun: {ended.not_begun}", True
        if ended.report is not None and ended.report.stopped and not ended.plan.tripped:
            yield f"{ended.plan.project} at {ended.plan.site}: {ended.report.stopped}", True
    yield from ((f"Not delivered: {line}", True) for line in run.undelivered)


def _tripped(one: Tripped, plan: ReapPlan, *, acted: bool) -> str:
    done = "Nothing was done there" if acted else "Nothing would be done there"
    would = f"{one.planned} of {one.of} things of {one.scope} would go, and {one.allowed} may"
    return (
        f"The breaker, {plan.project} at {plan.site}: {would}. {done}. Read the plan; if it is right, run "
        "again with --above-limits."
    )


def _project(plan: ReapPlan, ended: Ended | None, zone: ZoneInfo) -> list[str]:
    report = ended.report if ended else None
    lines = [f"{plan.project} at {plan.site}, lab {plan.lab}: {_summary(plan)}"]
    if plan.steps:
        lines += ["", render.table(_HEAD, _rows(plan, report, zone))]
    if kept := _kept(plan.verdicts):
        lines += ["", f"kept: {kept}"]
    if plan.doubtful:
        rows = [(v.ref.kind, printable(v.name), v.ref.id, v.why) for v in plan.doubtful]
        lines += [
            "",
            "kept for want of knowledge:",
            render.table(("kind", "name", "id", "what is not known"), rows),
        ]
    lines += [f"not listed: {kind}: {why}" for kind, why in plan.unseen]
    if plan.absent:
        lines.append(f"no service for: {', '.join(plan.absent)}")
    if report is not None:
        lines += ["", *_end(report)]
    return lines


def _summary(plan: ReapPlan) -> str:
    things = len(plan.verdicts)
    counts = Counter(verdict.decision for verdict in plan.verdicts)
    words = (
        (counts[Decision.DELETE], "to delete"),
        (counts[Decision.TRIM], "to shorten"),
        (counts[Decision.WARN], "to warn of"),
        (len(plan.doubtful), "in doubt"),
    )
    found = ", ".join(f"{count} {what}" for count, what in words if count)
    return f"{things} thing{'' if things == 1 else 's'}, {found or 'nothing to do'}"


def _rows(plan: ReapPlan, report: ReapReport | None, zone: ZoneInfo) -> list[tuple[object, ...]]:
    ends: dict[tuple[Action, object], ReapOutcome] = {}
    for outcome in report.outcomes if report else ():
        ends[outcome.step.action, outcome.step.ref] = outcome
    return [_row(step, ends.get((step.action, step.ref)), plan, zone) for step in plan.steps]


def _row(step: ReapStep, end: ReapOutcome | None, plan: ReapPlan, zone: ZoneInfo) -> tuple[object, ...]:
    deadline = describe(step.deadline, zone, now=plan.made) if step.deadline else "-"
    why = step.why
    if step.action is Action.TRIM and step.until is not None:
        why = f"to end {describe(step.until, zone, now=plan.made)}: {why}"
    if step.takes:
        why += f"; takes along {_counted(ref.kind for ref in step.takes)}"
    if end is not None:
        why = f"{end.fate}{f': {end.detail}' if end.detail else ''}"
    name = printable(step.name) or step.ref.id
    return (step.action, step.ref.kind, name, printable(step.owner) or "-", deadline, why)


def _counted(kinds: Iterable[str]) -> str:
    return ", ".join(
        f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(Counter(kinds).items())
    )


def _kept(verdicts: Sequence[Verdict]) -> str:
    """How many stay, by the first rule that says no: `10 expired, 4 in scope` as `10 not expired ...`."""
    reasons = Counter(
        next((f"not {f.rule}" for f in verdict.findings if f.truth is Truth.NO), "history")
        for verdict in verdicts
        if verdict.decision is Decision.KEEP and not verdict.doubtful
    )
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())


def _end(report: ReapReport) -> list[str]:
    fates = Counter(f"{outcome.step.action} {outcome.fate}" for outcome in report.outcomes)
    lines = [
        f"came of it: {', '.join(f'{count} {what}' for what, count in fates.items()) or 'nothing to do'}"
    ]
    if report.left:
        lines += ["still there:", *(f"  {v.ref.kind} {printable(v.name)} ({v.ref.id})" for v in report.left)]
    elif report.proved:
        lines.append("a last look found nothing left of it")
    elif report.unproved:
        lines.append("what came of it could not be looked at; the next run does")
    return lines


def document(run: ReapRun) -> dict[str, Any]:
    """The run as JSON's own types."""
    by_plan = {(one.plan.site, one.plan.project_id): one for one in run.ended}
    return {
        "exit_code": int(run.exit),
        "acted": run.acted,
        "projects": [
            {
                "target": str(look.target),
                "busy": look.busy,
                "error": _error(look, by_plan),
                "notes": look.notes,
                "plan": None if look.plan is None else _plan(look.plan),
                "report": _report(by_plan.get((look.plan.site, look.plan.project_id)) if look.plan else None),
            }
            for look in run.looks
        ],
        "undelivered": list(run.undelivered),
    }


def _error(look: Look, by_plan: dict[tuple[str, str], Ended]) -> str:
    ended = by_plan.get((look.plan.site, look.plan.project_id)) if look.plan else None
    if look.error is not None or ended is None:
        return str(look.error or "")
    return str(ended.error or ended.not_begun)


def _plan(plan: ReapPlan) -> dict[str, Any]:
    return {
        "site": plan.site,
        "project": plan.project,
        "project_id": plan.project_id,
        "lab": plan.lab,
        "made": plan.made,
        "expires": plan.expires,
        "steps": [_step(step) for step in plan.steps],
        "verdicts": [_verdict(verdict) for verdict in plan.verdicts],
        "not_listed": [{"kind": kind, "why": why} for kind, why in plan.unseen],
        "no_service": list(plan.absent),
        "tripped": list(plan.tripped),
    }


def _step(step: ReapStep) -> dict[str, Any]:
    return {
        "action": step.action,
        "kind": step.ref.kind,
        "id": step.ref.id,
        "name": step.name,
        "owner": step.owner,
        "deadline": step.deadline,
        "until": step.until,
        "why": step.why,
        "takes": [{"kind": ref.kind, "id": ref.id} for ref in step.takes],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": verdict.ref.kind,
        "id": verdict.ref.id,
        "name": verdict.name,
        "decision": verdict.decision,
        "doubtful": verdict.doubtful,
        "owner": verdict.owner,
        "deadline": verdict.deadline,
        "why": verdict.why,
    }


def _report(ended: Ended | None) -> dict[str, Any] | None:
    report = ended.report if ended else None
    if report is None:
        return None
    return {
        "outcomes": [
            {**_step(o.step), "fate": o.fate, "detail": o.detail, "request_id": o.request_id}
            for o in report.outcomes
        ],
        "left": [_verdict(verdict) for verdict in report.left],
        "overdue": [_verdict(verdict) for verdict in report.overdue],
        "proved": report.proved,
        "requests": report.requests,
        "stopped": report.stopped,
        "unreached": report.unreached,
    }
