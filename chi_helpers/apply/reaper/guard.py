"""What may still go: the last word before a call is sent, by a fresh look and the same policy.

Every check here keeps something alive that should live. The mutation table takes them out one by one, and
a test must notice each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from chi_helpers.model.inventory import Ref, Resource
from chi_helpers.model.reaping import Action, Decision, ReapStep, Verdict

if TYPE_CHECKING:
    from chi_helpers.apply.reaper.sight import Sight

MINUTE = timedelta(minutes=1)
"""Blazar keeps a lease's times to the minute."""


class May(Enum):
    GO = "go"
    GONE = "gone"
    """It is not there any more."""
    SO = "so already"
    CHANGED = "changed"
    WAIT = "wait"
    """Not now: something is not known, or must go first."""


class Ruling(NamedTuple):
    may: May
    why: str = ""
    resource: Resource | None = None


class _Case(NamedTuple):
    step: ReapStep
    sight: Sight
    resource: Resource
    verdict: Verdict
    over: Callable[[Ref], bool]
    planned: Collection[Ref]


def rule(step: ReapStep, sight: Sight, over: Callable[[Ref], bool], planned: Collection[Ref]) -> Ruling:
    """Whether the step may be asked for now.

    `over(ref)`: that thing is gone, as far as this run knows; `planned`: all that the plan lets go.
    """
    if not sight.inventory.complete(step.ref.kind):
        return Ruling(May.WAIT, _unlisted(step, sight))
    resource = sight.shows(step.ref)
    if resource is None:
        return Ruling(May.GONE)
    verdict = sight.verdicts.get(step.ref)
    if verdict is None:
        return Ruling(May.WAIT, "it was not judged")
    case = _Case(step, sight, resource, verdict, over, planned)
    for check in _CHECKS[step.action]:
        if (ruling := check(case)) is not None:
            return ruling
    return Ruling(May.GO, "", resource)


def _same(case: _Case) -> Ruling | None:
    if case.resource.created == case.step.created:
        return None
    return Ruling(May.CHANGED, f"it is another one, made at {case.resource.created}")


def _same_owner(case: _Case) -> Ruling | None:
    if case.verdict.owner == case.step.owner:
        return None
    return Ruling(May.CHANGED, f"its owner is {case.verdict.owner or 'not known'} now")


def _so_already(case: _Case) -> Ruling | None:
    """Whether a change that the step wants is there already. What is to be deleted never is."""
    step, resource = case.step, case.resource
    match step.action:
        case Action.TRIM if step.until and resource.end and resource.end < step.until + MINUTE:
            return Ruling(May.SO, f"it ends at {resource.end:%Y-%m-%d %H:%M} UTC")
        case Action.RESTAMP if resource.stamp is not None:
            return Ruling(May.SO, "it has its stamp")
        case Action.MARK if resource.mark is not None and resource.mark.root == step.root:
            return Ruling(May.SO, "it is marked")
    return None


def _still_to_go(case: _Case) -> Ruling | None:
    if case.verdict.decision is Decision.DELETE:
        return None
    why = case.verdict.why or f"it is to {case.verdict.decision} now"
    return Ruling(May.WAIT if case.verdict.doubtful else May.CHANGED, why)


def _still_to_trim(case: _Case) -> Ruling | None:
    if case.verdict.decision is Decision.TRIM and case.verdict.until == case.step.until:
        return None
    return Ruling(May.CHANGED, case.verdict.why or f"it is to {case.verdict.decision} now")


def _still_without_stamp(case: _Case) -> Ruling | None:
    if case.verdict.restamp and case.verdict.deadline == case.step.deadline:
        return None
    return Ruling(May.CHANGED, "its stamp would be another one now")


def _takes_nothing_new(case: _Case) -> Ruling | None:
    """What the site would delete along with it, and what along with that, is in the plan."""
    todo, seen = list(case.resource.takes), set[Ref]()
    while todo:
        ref = todo.pop()
        if ref in seen:
            continue
        seen.add(ref)
        if ref not in case.planned:
            return Ruling(May.CHANGED, f"{ref} would go along, and is not in the plan")
        taken = case.sight.shows(ref)
        todo.extend(taken.takes if taken is not None else ())
    return None


def _nothing_before_it(case: _Case) -> Ruling | None:
    for ref in case.step.after:
        if not case.over(ref):
            return Ruling(May.WAIT, f"{ref} must go first")
    return None


def _root_still_goes(case: _Case) -> Ruling | None:
    root = case.sight.verdicts.get(case.step.root) if case.step.root else None
    if root is not None and root.decision is Decision.DELETE:
        return None
    return Ruling(May.CHANGED, f"{case.step.root} does not go any more, and leaves nothing behind")


_CHECKS: dict[Action, tuple[Callable[[_Case], Ruling | None], ...]] = {
    Action.DELETE: (_same, _still_to_go, _same_owner, _takes_nothing_new, _nothing_before_it),
    Action.MARK: (_same, _so_already, _still_to_go, _same_owner, _root_still_goes),
    Action.TRIM: (_same, _so_already, _still_to_trim, _same_owner),
    Action.RESTAMP: (_same, _so_already, _still_without_stamp, _same_owner),
}


def _unlisted(step: ReapStep, sight: Sight) -> str:
    listing = sight.inventory.listings.get(step.ref.kind)
    why = listing.why if listing is not None else "not looked at"
    return f"the {step.ref.kind}s were not listed: {why}"
