"""The last look: what of the plan is still there, and what is overdue in the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.apply.reaper.kinds import together
from chi_helpers.model.reaping import Action, Decision, Rule
from chi_helpers.model.truth import Truth

if TYPE_CHECKING:
    from chi_helpers.apply.reaper.sight import Sight
    from chi_helpers.model.inventory import Kind, Ref
    from chi_helpers.model.reaping import ReapPlan, Verdict


def proving_kinds(plan: ReapPlan) -> frozenset[Kind]:
    """The kinds of all that the plan changes, what goes along, and what may refer to any of it."""
    return together(changed_kinds(plan))


def changed_kinds(plan: ReapPlan) -> frozenset[Kind]:
    changed = {step.ref.kind for step in plan.steps if step.action is not Action.WARN}
    return frozenset(changed | {ref.kind for step in plan.steps for ref in step.takes})


def left(plan: ReapPlan, sight: Sight) -> tuple[Verdict, ...]:
    """What the plan wanted gone, and the judge still does, and is there."""
    wanted = {step.ref for step in plan.deletions} | {ref for step in plan.deletions for ref in step.takes}
    return tuple(
        verdict
        for ref, verdict in sight.verdicts.items()
        if ref in wanted and verdict.decision is Decision.DELETE and sight.shows(ref) is not None
    )


def overdue(plan: ReapPlan, sight: Sight | None) -> tuple[Verdict, ...]:
    """What is past its deadline and grace, and not known to be gone.

    By the last look where it looked, else by the plan's own: a look at some kinds says nothing of others.
    """
    newest: dict[Ref, Verdict] = {verdict.ref: verdict for verdict in plan.verdicts}
    if sight is not None:
        newest = {ref: verdict for ref, verdict in newest.items() if not sight.gone(ref)}
        newest |= {ref: v for ref, v in sight.verdicts.items() if ref not in newest or sight.covers(ref.kind)}
    return tuple(verdict for verdict in newest.values() if _expired(verdict))


def _expired(verdict: Verdict) -> bool:
    """Past it, and owned and ours: nobody is told to run after what is not the lab's."""
    truths = {finding.rule: finding.truth for finding in verdict.findings}
    return truths.get(Rule.EXPIRED) is Truth.YES and truths.get(Rule.OURS) is not Truth.NO
