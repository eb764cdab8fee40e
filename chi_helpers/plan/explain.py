"""Why is it kept, or not? Everything that the judge knew of one resource, for `--explain`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chi_helpers.model.errors import UsageError
from chi_helpers.model.reaping import Verdict
from chi_helpers.policy.judge import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chi_helpers.model.inventory import Inventory, Resource
    from chi_helpers.model.reaping import Policy


@dataclass(frozen=True, slots=True)
class Tie:
    """A neighbour, in which way it is tied, and what becomes of it."""

    how: str
    """`takes along`, `goes along with`, `needs`, `is needed by`."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Explanation:
    """One resource: the verdict with all seven rules, and what they were answered from."""

    resource: Resource
    verdict: Verdict
    bounds: tuple[tuple[datetime | None, str], ...]
    """All limits of its life and where each comes from; None: that one is not known."""
    clues: tuple[tuple[str, str], ...]
    """(owner, evidence): whose it might be. The owner is empty where it is somebody else, or not known."""
    ties: tuple[Tie, ...]
    first_seen: datetime | None
    told: datetime | None
    """The deadline that a delivered warning named."""


def explain(text: str, inventory: Inventory, policy: Policy, now: datetime) -> tuple[Explanation, ...]:
    """Explain the resources of this id, of `<kind> <id>`, or, where there is none, of this name.

    Raises `UsageError` where the project shows nothing of the kind.
    """
    judged = Judgement(inventory, policy, now)
    resources = judged.ties.resources
    ways = (
        lambda resource: text in (resource.id, str(resource.ref)),
        lambda resource: text == resource.name,
    )
    for fits in ways:
        if found := [number for number, resource in enumerate(resources) if fits(resource)]:
            return tuple(_explained(judged, number) for number in found)
    missing = sorted(str(kind) for kind in inventory.listings if not inventory.complete(kind))
    raise UsageError(
        f"Nothing in project {inventory.project} at {inventory.site} has the id or name {text}.",
        do=f"Not all of these were listed: {', '.join(missing)}." if missing else "It may be gone already.",
    )


def _explained(judged: Judgement, number: int) -> Explanation:
    ties, memory = judged.ties, judged.policy.memory
    resource, ref = ties.resources[number], ties.refs[number]
    ways = (
        ("takes along", ties.takes.get(number, ())),
        ("goes along with", ties.takers.get(number, ())),
        ("needs", [n for n in ties.needs.get(number, ()) if ties.refs[n] in resource.needs]),
        ("is needed by", [n for n in ties.holders.get(number, ()) if ref in ties.resources[n].needs]),
    )
    return Explanation(
        resource=resource,
        verdict=judged.verdicts[number],
        bounds=tuple(judged.bounds(number)),
        clues=tuple((clue.owner, clue.why) for clue in judged.owners.clues(number)),
        ties=tuple(tie for how, others in ways for tie in _ties(judged, how, others)),
        first_seen=memory.first_seen.get(ref),
        told=memory.warned.get(ref),
    )


def _ties(judged: Judgement, how: str, others: Iterable[int]) -> list[Tie]:
    return [Tie(how, judged.verdicts[other]) for other in sorted(others)]
