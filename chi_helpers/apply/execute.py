"""Carry a plan out: step by step, each told to the observer and the journal before and after.

A step that fails does not stop the others; those that need what it should have made are skipped, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chi_helpers.apply.report import Report
from chi_helpers.apply.work import LaterError, Missing, Work
from chi_helpers.model.errors import LabKitError, RefusedError, UsageError
from chi_helpers.model.outcome import Outcome, Result

if TYPE_CHECKING:
    from pathlib import Path

    from chi_helpers.apply.journal import Journal
    from chi_helpers.model.outcome import Progress
    from chi_helpers.plan.steps import Plan, Step
    from chi_helpers.sites.protocol import Site


@dataclass(slots=True)
class Executor:
    """Everything that carrying out a plan needs. `folder` is the lab's own."""

    site: Site
    folder: Path
    journal: Journal
    progress: Progress

    def run(self, plan: Plan, steps: tuple[Step, ...] | None = None) -> Report:
        """Carry out `steps` of the plan (all by default). Never raises for a step that fails.

        KeyboardInterrupt and the like pass through: what was done is in the journal, and a second run
        takes up from what the site shows.
        """
        chosen = plan.steps if steps is None else steps
        self.journal.write("plan", **plan.document())
        work = Work(self.site, self.folder, plan, self.progress.note)
        outcomes = tuple(self._one(work, step) for step in chosen)
        return Report(plan, outcomes, waits=work.waits is not None)

    def _one(self, work: Work, step: Step) -> Outcome:
        self.journal.write("started", step=step.title)
        self.progress.started(step.title)
        outcome = self._attempt(work, step)
        self.journal.write(
            "finished",
            step=step.title,
            result=str(outcome.result),
            detail=outcome.detail,
            resource_id=outcome.resource_id,
            request_id=outcome.request_id,
        )
        self.progress.finished(outcome)
        return outcome

    def _attempt(self, work: Work, step: Step) -> Outcome:
        title = step.title
        try:
            return work.do(step)
        except (Missing, LaterError) as reason:
            return Outcome(title, Result.SKIPPED, str(reason))
        except (RefusedError, UsageError) as error:
            return Outcome(title, Result.REFUSED, _say(error), request_id=error.request_id)
        except LabKitError as error:
            return Outcome(title, Result.FAILED, _say(error), request_id=error.request_id)
        except OSError as error:
            return Outcome(title, Result.FAILED, str(error))


def _say(error: LabKitError) -> str:
    return f"{error.what} {error.do}".strip()
