"""Several projects in one run: one goes first, as the canary; the others if it met nothing that is theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chi_helpers.model.errors import LabKitError
from chi_helpers.model.reaping import Action, Fate

if TYPE_CHECKING:
    from chi_helpers.model.reaping import ReapPlan, ReapReport


@dataclass(frozen=True, slots=True)
class Job:
    """One project's plan, and what carries it out. `run` may raise a `LabKitError`."""

    plan: ReapPlan
    run: Callable[[], ReapReport]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one project: exactly one of the three is there."""

    plan: ReapPlan
    report: ReapReport | None = None
    error: LabKitError | None = None
    not_begun: str = ""

    @property
    def ok(self) -> bool:
        """What was kept for want of knowledge does not count: it is the judge's caution, no failure."""
        return self.report is not None and self.report.ok


def reap_all(jobs: Sequence[Job], *, side_by_side: int = 4) -> tuple[Ended, ...]:
    """Run the first job alone, then the others, `side_by_side` at once. In the order of `jobs`.

    Where the first shows that something is wrong with the plan or the site (`alarming`), the others are not
    begun. One of them that fails stops none of the others. KeyboardInterrupt and the like pass through.
    """
    if not jobs:
        return ()
    canary, *others = jobs
    first = _run(canary)
    if fault := alarming(first):
        why = f"{canary.plan.project} at {canary.plan.site} went first, and did not end well: {fault}"
        return (first, *(Ended(job.plan, not_begun=why) for job in others))
    with ThreadPoolExecutor(max(1, side_by_side), thread_name_prefix="project") as pool:
        return (first, *pool.map(_run, others))


def _run(job: Job) -> Ended:
    try:
        return Ended(job.plan, job.run())
    except LabKitError as error:
        return Ended(job.plan, error=error)
    except Exception as error:  # noqa: BLE001 - one project's fault, even ours, must not stop the others
        return Ended(job.plan, error=LabKitError(f"{type(error).__name__}: {error}"))


def alarming(ended: Ended) -> str:
    """Why no other project is to be begun after this one; empty where nothing speaks against it.

    What the site said no to, and what waits, is this project's own: nothing was done by it, it is reported,
    and it may stay so for as long as nobody looks, which must not hold up the others.
    """
    report = ended.report
    if report is None:
        return ended.error.what if ended.error is not None else "it was not run."
    if report.stopped:
        return report.stopped
    if report.unproved:
        return "what came of it could not be looked at."
    # A warning that was not delivered says nothing of the site.
    failed = [o for o in report.outcomes if o.fate is Fate.FAILED and o.step.action is not Action.WARN]
    if failed:
        first = failed[0]
        which = f"{len(failed)} of {len(report.outcomes)} steps"
        return f"the site failed at {which}; {first.step.action} {first.step.ref}: {first.detail}"
    return ""
