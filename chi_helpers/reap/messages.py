"""Who is told of a run: owners before and after it, staff when something happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chi_helpers.apply.reaper.state import told_already
from chi_helpers.apply.reaper.tell import told_step
from chi_helpers.model.reaping import Action, Fate, Memory, ReapOutcome
from chi_helpers.plan.digest import after, before, for_staff

if TYPE_CHECKING:
    from chi_helpers.apply.notify.notifier import Delivery, Notifier
    from chi_helpers.apply.reaper.fleet import Ended
    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.reaping import ReapPlan
    from chi_helpers.model.roster import Roster
    from chi_helpers.reap.values import Look


def warn(notifier: Notifier, looks: Sequence[Look], spec: LabSpec, roster: Roster | None) -> Delivery:
    """Warn the owners of what goes soon; each look's policy then knows of what they were warned."""
    delivery = notifier.owners(before([look.plan for look in looks if look.plan], spec, roster))
    for look in looks:
        if look.site is None or look.policy is None:
            continue
        here = {ref: at for (project, ref), at in delivery.warned.items() if project == look.site.project_id}
        known = look.policy.memory
        look.policy = replace(look.policy, memory=Memory(known.first_seen, {**known.warned, **here}))
    return delivery


def warned(plan: ReapPlan, warnings: Delivery) -> tuple[ReapOutcome, ...]:
    """What became of the plan's warnings."""
    return tuple(
        ReapOutcome(step, Fate.DONE)
        if warnings.warned.get((plan.project_id, step.ref)) == step.deadline
        else ReapOutcome(step, Fate.FAILED, "the warning was not delivered")
        for step in plan.steps
        if step.action is Action.WARN
    )


def told_warnings(plan: ReapPlan, warnings: Delivery) -> list[dict[str, Any]]:
    """The same for the journal; nothing where the breaker stopped the plan before anybody was told."""
    if plan.tripped and not warnings.warned:
        return []
    return [
        {**told_step(one.step), "deadline": one.step.deadline, "delivered": one.fate is Fate.DONE}
        for one in warned(plan, warnings)
    ]


def with_warnings(ended: Ended, warnings: Delivery) -> Ended:
    """Put what became of the plan's warnings into its report."""
    if ended.report is None or ended.report.stopped:
        return ended
    outcomes = (*warned(ended.plan, warnings), *ended.report.outcomes)
    return replace(ended, report=replace(ended.report, outcomes=outcomes))


def tell(
    notifier: Notifier, ended: Sequence[Ended], warnings: Delivery, spec: LabSpec, roster: Roster | None
) -> tuple[str, ...]:
    """Tell owners what was done, and staff what happened; return which of these messages did not arrive."""
    reports = [one.report for one in ended if one.report is not None]
    delivery = notifier.owners(after(reports, spec, roster))
    faults = [f"{one.plan.project} at {one.plan.site}: {one.error.what}" for one in ended if one.error]
    told = for_staff(reports, spec, (*warnings.undelivered, *delivery.undelivered, *faults))
    if told is None or told_already(spec, "\n".join(told)):
        return delivery.undelivered
    return (*delivery.undelivered, *notifier.staff(*told).undelivered)
