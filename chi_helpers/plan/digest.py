"""What people are told of a run of the reaper: each owner once before and once after it, staff at the end.

Pure: plans and reports in, texts out. A digest names things, times and what to do, and nothing of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chi_helpers.model.inventory import Ref
from chi_helpers.model.lab import LabSpec
from chi_helpers.model.reaping import Action, Fate, ReapOutcome, ReapPlan, ReapReport, ReapStep
from chi_helpers.model.roster import Person, Roster
from chi_helpers.model.span import span
from chi_helpers.model.words import printable
from chi_helpers.policy.clock import describe

_GONE = (Fate.DONE, Fate.TAKEN)
MOST_LINES = 60
"""More than this many lines of things are counted, not listed: some channels cut at 2,000 characters."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One message to one person."""

    person: Person
    title: str
    body: str
    warns: Mapping[tuple[str, Ref], datetime] = field(default_factory=dict)
    """(project id, thing) -> the deadline that it names: what counts as warned when it was delivered."""


def before(plans: Sequence[ReapPlan], spec: LabSpec, roster: Roster | None) -> tuple[Digest, ...]:
    """The warnings of these plans: one digest for each owner of something that goes soon."""
    directory = _Directory(roster)
    mine: dict[str, list[tuple[ReapPlan, ReapStep]]] = {}
    for plan in plans:
        for step in plan.steps:
            if step.owner and step.action in (Action.WARN, Action.TRIM, Action.DELETE):
                mine.setdefault(directory.find(step.owner).owner, []).append((plan, step))
    return tuple(
        _warning(directory.find(owner), steps, spec)
        for owner, steps in sorted(mine.items())
        if any(step.action is Action.WARN for _, step in steps)
    )


def after(reports: Sequence[ReapReport], spec: LabSpec, roster: Roster | None) -> tuple[Digest, ...]:
    """What was done to each owner's things; nothing for those of whose things nothing was changed."""
    directory = _Directory(roster)
    mine: dict[str, list[tuple[ReapPlan, ReapOutcome]]] = {}
    for report in reports:
        for outcome in report.outcomes:
            if outcome.step.owner and outcome.step.action in (Action.TRIM, Action.DELETE):
                mine.setdefault(directory.find(outcome.step.owner).owner, []).append((report.plan, outcome))
    return tuple(
        _notice(directory.find(owner), outcomes, spec)
        for owner, outcomes in sorted(mine.items())
        if any(outcome.fate in _GONE for _, outcome in outcomes)
    )


def for_staff(
    reports: Sequence[ReapReport], spec: LabSpec, undelivered: Sequence[str] = ()
) -> tuple[str, str] | None:
    """Title and text for staff; None where nothing happened and nothing is wrong.

    The same state of affairs gives the same text, so that a run may see that it was told already.
    """
    parts = [part for report in reports if (part := _of_project(report))]
    if undelivered:
        parts.append("\n".join(["Not delivered:", *_some([f"  {line}" for line in undelivered])]))
    if not parts:
        return None
    wrong = bool(undelivered) or any(not r.ok or r.plan.unseen or r.plan.tripped for r in reports)
    title = f"Reaper of {spec.lab}: {'something needs you' if wrong else 'done'}"
    return title, "\n\n".join(parts)


class _Directory:
    """Finds people by any of their names; who is on no list is known by the owner's name alone."""

    def __init__(self, roster: Roster | None) -> None:
        people = roster.people if roster else ()
        self._people = {name: person for person in people for name in (*person.names, person.user_id) if name}

    def find(self, owner: str) -> Person:
        return self._people.get(owner) or Person(owner)


def _warning(person: Person, steps: list[tuple[ReapPlan, ReapStep]], spec: LabSpec) -> Digest:
    soon = [(plan, step) for plan, step in steps if step.action is Action.WARN]
    first = min((step.deadline for _, step in soon if step.deadline), default=None)
    at = soon[0][0].made
    when = f" {describe(first, spec.timezone, now=at)}, in {span(first - at)}" if first else ""
    lines = [
        f"What you have in the lab {spec.lab} reaches the end of its time{when}.",
        "",
        *_some([f"  {_thing(step, plan, spec)}" for plan, step in soon]),
        "",
        "What to do: copy what you need to a place of your own before that. Afterwards these are deleted and",
        "cannot be brought back. To give them back now: `chi-lab down`, or the site's dashboard. If you need",
        "more time, ask the staff before it is over; writing on the things themselves does not help.",
    ]
    trimmed = [(plan, step) for plan, step in steps if step.action is Action.TRIM]
    if trimmed:
        lines += ["", "Leases that are longer than this lab allows, and are shortened:", ""]
        lines += _some([f"  {_thing(step, plan, spec)}" for plan, step in trimmed])
    going = [(plan, step) for plan, step in steps if step.action is Action.DELETE]
    if going:
        lines += ["", "Past its time already, and deleted in this run:", ""]
        lines += _some([f"  {_thing(step, plan, spec)}" for plan, step in going])
    warns = {(plan.project_id, step.ref): step.deadline for plan, step in soon if step.deadline is not None}
    return Digest(person, f"{spec.lab}: your time ends{when}", "\n".join(lines) + "\n", warns)


def _notice(person: Person, outcomes: list[tuple[ReapPlan, ReapOutcome]], spec: LabSpec) -> Digest:
    lines = [f"The time of these things of yours in the lab {spec.lab} was over."]
    for action, words in ((Action.DELETE, "Deleted:"), (Action.TRIM, "Leases that were shortened:")):
        done = [(p, o.step) for p, o in outcomes if o.step.action is action and o.fate in _GONE]
        if done:
            lines += ["", words, "", *_some([f"  {_thing(step, plan, spec)}" for plan, step in done])]
    left = [(p, o.step) for p, o in outcomes if not o.ok]
    if left:
        lines += ["", "Still there, and tried again in the next run:", ""]
        lines += _some([f"  {_thing(step, plan, spec)}" for plan, step in left])
    lines += [
        "",
        "If that was a surprise, tell the staff: they have a record from which networks, groups and the",
        "descriptions of instances can be made again, but not what was on their disks.",
    ]
    return Digest(person, f"{spec.lab}: your things were given back", "\n".join(lines) + "\n")


def _thing(step: ReapStep, plan: ReapPlan, spec: LabSpec) -> str:
    name = printable(step.name or step.ref.id)
    when = f", {describe(step.deadline, spec.timezone, now=plan.made)}" if step.deadline else ""
    if step.action is Action.TRIM and step.until:
        when = f", now until {describe(step.until, spec.timezone, now=plan.made)}"
    return f"{step.ref.kind} {name}{when} ({plan.project} at {plan.site})"


def _of_project(report: ReapReport) -> str:
    """What staff should know of one project; empty where that is nothing."""
    plan = report.plan
    lines: list[str] = []
    done = Counter(
        (outcome.step.action, outcome.fate)
        for outcome in report.outcomes
        if outcome.step.action is not Action.WARN
    )
    for (action, fate), count in sorted(done.items()):
        lines.append(f"  {action}: {count} {fate}")
    lines += [
        f"  STOPPED by the breaker: {tripped.scope} would lose {tripped.planned} of {tripped.of}, "
        f"and {tripped.allowed} are allowed"
        for tripped in plan.tripped
    ]
    if report.stopped:
        lines.append(f"  ended early: {report.stopped}")
    elif report.unproved:
        lines.append("  what came of it could not be looked at")
    lines += [
        f"  {o.fate}: {printable(str(o.step.ref))}, {printable(o.step.name)}: {o.detail}"
        for o in report.outcomes
        if not o.ok
    ]
    lines += [
        f"  still there: {printable(str(verdict.ref))}, {printable(verdict.name)}" for verdict in report.left
    ]
    quiet = not lines
    lines += [
        f"  kept for want of knowledge: {printable(str(v.ref))}, {printable(v.name)}: {v.why}"
        for v in plan.doubtful
    ]
    lines += [f"  not listed: {kind}: {why}" for kind, why in plan.unseen]
    if quiet and not plan.doubtful and not plan.unseen:
        return ""
    return "\n".join([f"{plan.project} at {plan.site}", *_some(lines)])


def _some(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    if len(found) <= MOST_LINES:
        return found
    return [*found[:MOST_LINES], f"  ... and {len(found) - MOST_LINES} more"]
