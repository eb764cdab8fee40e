"""One run of the reaper on one project: refuse or carry out the plan, and prove what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chi_helpers.apply.reaper import proof
from chi_helpers.apply.reaper.course import Course
from chi_helpers.apply.reaper.manifest import Manifest
from chi_helpers.apply.reaper.pace import Pace
from chi_helpers.apply.reaper.rounds import Rounds, StoppedError, TooOldError, UnreachedError
from chi_helpers.apply.reaper.send import Inline, Pool, Sender
from chi_helpers.apply.reaper.sight import Eyes
from chi_helpers.apply.reaper.tell import outcome, told_end
from chi_helpers.apply.reaper.timing import Bounds, Timer
from chi_helpers.model.errors import UsageError
from chi_helpers.model.inventory import Ref
from chi_helpers.model.outcome import Silent
from chi_helpers.model.reaping import Action, Fate, ReapOutcome, ReapReport, ReapStep
from chi_helpers.plan.reapdocument import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chi_helpers.apply.journal import Journal
    from chi_helpers.apply.reaper.sight import Judge, Seen, Sight
    from chi_helpers.model.outcome import Progress
    from chi_helpers.model.reaping import Policy, ReapPlan
    from chi_helpers.sites.reaping import ReapSite

Announce = Callable[[tuple[ReapStep, ...]], Collection[Ref]]
"""Sends the plan's warnings; returns of what they were delivered."""


@dataclass(slots=True)
class Reaper:
    """`folder` is where manifests go; `most` is how many calls may be under way at once (1: no threads).

    `pace` is the site's, where others work on it, too; else the run has one of its own.
    """

    site: ReapSite
    policy: Policy
    judge: Judge
    journal: Journal
    folder: Path
    progress: Progress = field(default_factory=Silent)
    announce: Announce | None = None
    most: int = 16
    pace: Pace | None = None
    timer: Timer = field(default_factory=Timer)
    bounds: Bounds = field(default_factory=Bounds)

    def run(
        self, plan: ReapPlan, *, seen: Seen | None = None, digest: str = "", override: bool = False
    ) -> ReapReport:
        """Carry out exactly `plan`, and look what came of it.

        `seen` is the inventory that the plan was made from: where it is fresh, it need not be taken twice.
        `override` lets a plan go that the breaker stopped. Raises `UsageError` for a plan of another site,
        project or lab, and for one that is too old by the site's clock; all else is told in the report.
        """
        self._ours(plan)
        digest = digest or str(write(plan)["digest"])
        self.journal.write("plan", digest=digest, site=plan.site, project=plan.project_id, lab=plan.lab)
        if plan.tripped and not override:
            limit = plan.tripped[0]
            return self._ended(
                plan,
                ReapReport(
                    plan,
                    stopped=f"The breaker: {limit.planned} deletions planned in {limit.scope}, "
                    f"{limit.allowed} allowed. Nothing was done.",
                    overdue=proof.overdue(plan, None),
                ),
            )
        warned = self._announce(plan)
        course = Course(plan, self.bounds)
        if not course.tracks:
            # The look that the plan was made from is the proof, where it was a whole one.
            report = ReapReport(plan, warned, proved=not plan.unseen, overdue=proof.overdue(plan, None))
            return self._ended(plan, report)
        eyes = Eyes(self.site, self.judge, self.policy, self.timer, self.bounds)
        with self._pool() as pool:
            sender = Sender(pool, self.pace or Pace(self.most), self.timer)
            rounds = Rounds(
                plan=plan,
                course=course,
                eyes=eyes,
                sender=sender,
                timer=self.timer,
                bounds=self.bounds,
                journal=self.journal,
                manifest=Manifest(self.folder, plan, digest),
                progress=self.progress,
            )
            sight, why = self._drive(rounds, seen)
        ends = course.end(sight)
        report = ReapReport(
            plan,
            warned + ends,
            left=proof.left(plan, sight) if sight else (),
            proved=sight is not None and all(map(sight.inventory.complete, proof.changed_kinds(plan))),
            requests=eyes.requests + rounds.asked,
            stopped=str(why[0]) if why else "",
            overdue=proof.overdue(plan, sight),
            unreached=any(isinstance(reason, UnreachedError) for reason in why),
        )
        return self._ended(plan, report)

    def _drive(self, rounds: Rounds, seen: Seen | None) -> tuple[Sight | None, list[StoppedError]]:
        """Run the rounds and the last look; return that look, and why the run ended early."""
        why: list[StoppedError] = []
        last = None
        try:
            last = rounds.run(seen)
        except TooOldError as reason:
            if not rounds.asked:
                # This machine's clock, which was asked before, may be late by `reap.skew`.
                raise UsageError(f"{reason} Nothing was done.") from reason
            why.append(reason)
        except StoppedError as reason:
            why.append(reason)
        if not rounds.asked:
            # Nothing was sent: what the look before showed is how it is.
            return last, why
        try:
            return rounds.prove(proof.proving_kinds(rounds.plan)), why
        except StoppedError as reason:
            return None, [*why, reason]

    def _ours(self, plan: ReapPlan) -> None:
        here = (self.site.name, self.site.project_id, self.policy.spec.lab)
        if (plan.site, plan.project_id, plan.lab) != here:
            raise UsageError(
                f"The plan is for lab {plan.lab} in project {plan.project_id} at {plan.site}; this is lab "
                f"{here[2]} in project {here[1]} at {here[0]}. Nothing was done.",
                do="Make a plan for this project with `chi-lab reap`.",
            )

    def _announce(self, plan: ReapPlan) -> tuple[ReapOutcome, ...]:
        warnings = tuple(step for step in plan.steps if step.action is Action.WARN)
        if self.announce is None or not warnings:
            return ()
        delivered = self.announce(warnings)
        return tuple(
            ReapOutcome(step, Fate.DONE)
            if step.ref in delivered
            else ReapOutcome(step, Fate.FAILED, "the warning was not delivered")
            for step in warnings
        )

    @contextmanager
    def _pool(self) -> Iterator[Pool]:
        if self.most <= 1:
            yield Inline()
            return
        with ThreadPoolExecutor(self.most, thread_name_prefix="reap") as pool:
            yield pool

    def _ended(self, plan: ReapPlan, report: ReapReport) -> ReapReport:
        self.journal.write_all("finished", (told_end(end) for end in report.outcomes))
        self.journal.write(
            "report",
            project=plan.project_id,
            ok=report.ok,
            proved=report.proved,
            left=[str(verdict.ref) for verdict in report.left],
            overdue=len(report.overdue),
            requests=report.requests,
            stopped=report.stopped,
        )
        for end in report.outcomes:
            self.progress.finished(outcome(end))
        return report
