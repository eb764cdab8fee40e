"""From verdicts to a plan: what to warn of, restore, shorten, mark and delete, and in which order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chi_helpers.model.inventory import Inventory, Kind, Seen
from chi_helpers.model.reaping import Action, Decision, Policy, ReapPlan, ReapStep
from chi_helpers.plan.reaporder import components
from chi_helpers.policy.breaker import tripped
from chi_helpers.policy.judge import Judgement, without_collecting
from chi_helpers.policy.ties import edges

if TYPE_CHECKING:
    from chi_helpers.model.lab import LabSpec

LIFE = timedelta(minutes=15)
"""How long a plan may be carried out: what it was made from grows old."""


def plan_reap(inventory: Inventory, policy: Policy, now: datetime) -> ReapPlan:
    """Plan what to do in one project; nothing is done yet.

    `now` is the site's clock when it was looked at. What goes along with something else gets no step of its
    own. Where a limit of the file is passed, `tripped` says so, and the steps are there to be read.
    """
    with without_collecting():
        planner = _Planner(Judgement(inventory, policy, now))
        steps = planner.steps()
    return ReapPlan(
        site=inventory.site,
        project_id=inventory.project_id,
        project=inventory.project,
        lab=policy.spec.lab,
        made=now,
        expires=now + LIFE,
        steps=steps,
        verdicts=planner.judged.verdicts,
        unseen=tuple((kind, _why(inventory, kind)) for kind in Kind if not inventory.complete(kind)),
        absent=tuple(kind for kind in Kind if _absent(inventory, kind)),
        tripped=tripped(steps, inventory, policy.spec.reap.limits),
    )


class _Planner:
    def __init__(self, judged: Judgement) -> None:
        self.judged, self.ties = judged, judged.ties
        goes = judged.closure.sure
        self.root: dict[int, int] = {}
        """What goes along -> with what it goes; the first, where several take it."""
        self.roots = [
            number
            for number, flag in enumerate(goes)
            if flag and not any(goes[taker] for taker in edges(self.ties.takers, number))
        ]
        self.roots += self._circles(goes)
        self.along = {number: self.ties.along(number) for number in self.roots}
        for number, taken in self.along.items():
            for other in taken:
                self.root.setdefault(other, number)

    def steps(self) -> tuple[ReapStep, ...]:
        """Warnings, stamps, leases to shorten, marks, then the deletions, each after what it waits for."""
        found: list[ReapStep] = []
        by_decision: dict[Decision, list[int]] = {decision: [] for decision in Decision}
        restamps = []
        for number, verdict in enumerate(self.judged.verdicts):
            by_decision[verdict.decision].append(number)
            if verdict.restamp:
                restamps.append(number)
        found += [self._step(Action.WARN, number) for number in by_decision[Decision.WARN]]
        found += [self._restamp(number) for number in restamps]
        found += [self._trim(number) for number in by_decision[Decision.TRIM]]
        found += self._marks()
        found += self._deletions()
        return tuple(found)

    def _circles(self, goes: bytearray) -> list[int]:
        """One of each circle of things that take each other along: no site has them, but a listing may."""
        reached = {number for root in self.roots for number in (root, *self.ties.along(root))}
        found = []
        for number, flag in enumerate(goes):
            if flag and number not in reached:
                found.append(number)
                reached.update((number, *self.ties.along(number)))
        return found

    def _step(self, action: Action, number: int, why: str = "", **facts: object) -> ReapStep:
        verdict, resource = self.judged.verdicts[number], self.ties.resources[number]
        return ReapStep(
            action,
            verdict.ref,
            verdict.name,
            verdict.owner,
            why or self.judged.cases[number].term.expired.why,
            resource.created,
            verdict.deadline,
            **facts,  # type: ignore[arg-type] # each caller names fields of ReapStep
        )

    def _restamp(self, number: int) -> ReapStep:
        verdict = self.judged.verdicts[number]
        node = node_of(self.judged.policy.spec, verdict.owner, verdict.name)
        why = "it has no stamp, and runs in the lease of its owner"
        return self._step(Action.RESTAMP, number, why, node=node)

    def _trim(self, number: int) -> ReapStep:
        verdict, lease = self.judged.verdicts[number], self.ties.resources[number]
        why = f"it ends at {lease.end:%Y-%m-%d %H:%M} UTC, after the lab's lifetime"
        return self._step(Action.TRIM, number, why, until=verdict.until)

    def _marks(self) -> list[ReapStep]:
        """Mark what only its ties say is to go, before that to which it is tied goes and the ties with it."""
        found = []
        for number in self.roots:
            if not self.judged.cases[number].claim.tied:
                continue
            root = self._tied_to(number)
            if root is not None:
                why = f"nothing but its tie to {self.ties.refs[root]}, which goes, says whose it is"
                found.append(self._step(Action.MARK, number, why, root=self.ties.refs[root]))
        return found

    def _tied_to(self, number: int) -> int | None:
        """The deletion that takes away what a thing is tied to; None where it does not depend on one."""
        if self.ties.resources[number].mark is not None:
            return None
        near = (*edges(self.ties.holders, number), *edges(self.ties.needs, number))
        roots = {self.root.get(other, other) for other in near if self.judged.closure.sure[other]}
        return min(roots - {number}, default=None)

    def _deletions(self) -> list[ReapStep]:
        waits: dict[int, dict[int, list[int]]] = {}
        for number in self.roots:
            found: dict[int, list[int]] = {}
            for part in (number, *self.along[number]):
                for holder in edges(self.ties.holders, part):
                    root = self.root.get(holder, holder)
                    if root != number:
                        found.setdefault(root, []).append(holder)
            waits[number] = found
        steps = []
        before = {number: sorted(found) for number, found in waits.items()}
        for group in components(sorted(self.roots), before):
            for number in group:
                after = sorted(
                    {
                        holder
                        for root, holders in waits[number].items()
                        if root not in group
                        for holder in holders
                    }
                )
                refs = self.ties.refs
                steps.append(
                    self._step(
                        Action.DELETE,
                        number,
                        takes=tuple(refs[other] for other in self.along[number]),
                        after=tuple(refs[other] for other in after),
                    )
                )
        return steps


def node_of(spec: LabSpec, owner: str, name: str) -> str:
    """Key of the node that an owner's instance of this name is; empty where it is none of the kit's names."""
    return next((node.key for node in spec.nodes if spec.instance_name(node, owner) == name), "")


def _why(inventory: Inventory, kind: Kind) -> str:
    listing = inventory.listings.get(kind)
    return listing.why if listing is not None else "nobody looked"


def _absent(inventory: Inventory, kind: Kind) -> bool:
    listing = inventory.listings.get(kind)
    return listing is not None and listing.seen is Seen.ABSENT
