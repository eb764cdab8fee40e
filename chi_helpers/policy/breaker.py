"""The breaker: more deletions than one run may make stop it before it acts.

A wrong file, a wrong clock or a wrong listing shows as many deletions at once. What goes along with a
deletion counts as one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chi_helpers.model.reaping import Action, Tripped
from chi_helpers.policy.owners import HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chi_helpers.model.inventory import Inventory, Ref
    from chi_helpers.model.lab import Limits
    from chi_helpers.model.reaping import ReapStep


def tripped(
    steps: Iterable[ReapStep], inventory: Inventory, limits: Limits, before: int = 0
) -> tuple[Tripped, ...]:
    """Which limits the deletions among `steps` (of one project) are above; empty: it may act.

    `before`: how many deletions the same run has planned in other projects. None as a limit is no limit, and
    0 allows no deletion at all.
    """
    owners = going(steps)
    project = f"project {inventory.project}"
    total = len([r for r in inventory.resources if r.status != HISTORY])
    found = [
        _above("run", before + len(owners), limits.run, before + total),
        _above(project, len(owners), limits.project, total),
        _above(f"share of {project}", len(owners), _share(limits, total), total),
    ]
    for owner, count in sorted(Counter(owners.values()).items()):
        found.append(_above(f"owner {owner}", count, limits.owner, total))
    return tuple(trip for trip in found if trip is not None)


def going(steps: Iterable[ReapStep]) -> dict[Ref, str]:
    """All that the deletions among `steps` remove, each once, with the owner that it counts for."""
    deletions = [step for step in steps if step.action is Action.DELETE]
    found = {ref: step.owner for step in deletions for ref in step.takes}
    return {**found, **{step.ref: step.owner for step in deletions}}


def _above(scope: str, planned: int, allowed: int | None, of: int) -> Tripped | None:
    if allowed is None or planned <= allowed:
        return None
    return Tripped(scope, planned, allowed, of)


def _share(limits: Limits, total: int) -> int | None:
    """How many the share allows. 0 is 0, of a small project too."""
    if limits.share is None:
        return None
    return max(limits.share_from, int(limits.share * total)) if limits.share > 0 else 0
