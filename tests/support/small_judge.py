"""A judge and a planner of a few lines, for tests of what carries plans out: names say what is to become of things.

`old...` goes, `odd...` is not known, `long...` is trimmed, `bare...` lost its stamp, all else stays. A thing
without a name shares the fate of what takes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chi_helpers.model.inventory import Inventory, Kind, Ref, Resource
from chi_helpers.model.reaping import (
    Action,
    Decision,
    Finding,
    Policy,
    ReapPlan,
    ReapStep,
    Rule,
    Tripped,
    Verdict,
)
from chi_helpers.model.truth import Truth
from tests.support.fake_project import START

DEADLINE = START - timedelta(hours=1)
UNTIL = START + timedelta(hours=1)
OWNER = "sam"


def judge(inventory: Inventory, policy: Policy, now: datetime) -> tuple[Verdict, ...]:
    return tuple(_verdict(resource, inventory) for resource in inventory.resources)


def plan_of(inventory: Inventory, *, tripped: tuple[Tripped, ...] = (), lab: str = "demo") -> ReapPlan:
    """Marks, then trims and stamps, then deletions: what needs a thing goes before it."""
    verdicts = judge(inventory, None, inventory.at)  # type: ignore[arg-type]  # this judge reads names only
    by_ref = inventory.by_ref
    going = {v.ref for v in verdicts if v.decision is Decision.DELETE}
    taken = {ref for root in going for ref in by_ref[root].takes}
    steps: list[ReapStep] = []
    for verdict in verdicts:
        resource = by_ref[verdict.ref]
        common: dict[str, Any] = {
            "ref": verdict.ref,
            "name": verdict.name,
            "owner": verdict.owner,
            "why": verdict.why,
            "created": resource.created,
            "deadline": verdict.deadline,
        }
        if verdict.decision is Decision.TRIM:
            steps.append(ReapStep(Action.TRIM, until=verdict.until, **common))
        if verdict.restamp:
            steps.append(ReapStep(Action.RESTAMP, **common))
        if verdict.decision is Decision.WARN:
            steps.append(ReapStep(Action.WARN, **common))
        if verdict.ref in going - taken:
            users = tuple(r.ref for r in inventory.resources if verdict.ref in r.needs and r.ref in going)
            steps.append(ReapStep(Action.DELETE, takes=_along(resource, by_ref), after=users, **common))
            steps += _marks(resource, inventory, going - taken)
    order = {Action.MARK: 0, Action.TRIM: 1, Action.RESTAMP: 1, Action.WARN: 1, Action.DELETE: 2}
    steps.sort(key=lambda step: order[step.action])
    return ReapPlan(
        site=inventory.site,
        project_id=inventory.project_id,
        project=inventory.project,
        lab=lab,
        made=inventory.at,
        expires=inventory.at + timedelta(minutes=15),
        steps=tuple(steps),
        verdicts=verdicts,
        tripped=tripped,
    )


def _along(root: Resource, by_ref: dict[Ref, Resource]) -> tuple[Ref, ...]:
    """All that goes along with it, and along with that."""
    found: list[Ref] = []
    todo = list(root.takes)
    while todo:
        ref = todo.pop()
        if ref not in found:
            found.append(ref)
            todo += by_ref[ref].takes
    return tuple(found)


def _marks(root: Resource, inventory: Inventory, going: set[Ref]) -> list[ReapStep]:
    """What an instance was given and leaves behind."""
    if root.kind is not Kind.INSTANCE:
        return []
    left = [
        inventory.by_ref[ref] for ref in root.needs if ref in going and ref.kind in (Kind.PORT, Kind.VOLUME)
    ]
    return [
        ReapStep(
            Action.MARK,
            r.ref,
            r.name,
            OWNER,
            "left behind",
            created=r.created,
            deadline=DEADLINE,
            root=root.ref,
        )
        for r in left
    ]


def _verdict(resource: Resource, inventory: Inventory) -> Verdict:
    name = resource.name
    if not name:
        takers = [r.name for r in inventory.resources if resource.ref in r.takes]
        name = takers[0] if takers else ""
    truth = Truth.YES if name.startswith("old") else Truth.UNKNOWN if name.startswith("odd") else Truth.NO
    users = [
        r for r in inventory.resources if resource.ref in r.needs and not r.name.startswith("old") and r.name
    ]
    free = Truth.NO if users else Truth.YES
    decision = Decision.DELETE if truth is Truth.YES and not users else Decision.KEEP
    if name.startswith("long") and resource.end and resource.end > UNTIL:
        decision = Decision.TRIM
    if name.startswith("soon"):
        decision = Decision.WARN
    return Verdict(
        resource.ref,
        resource.name,
        decision,
        (
            Finding(Rule.EXPIRED, truth, f"it is called {name}"),
            Finding(Rule.UNREFERENCED, free, f"{users[0].ref} needs it" if users else ""),
        ),
        owner=OWNER,
        deadline=DEADLINE,
        until=UNTIL if decision is Decision.TRIM else None,
        restamp=name.startswith("bare") and resource.stamp is None,
    )
