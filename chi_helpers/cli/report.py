"""How a run ends: what failed, in words, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.cli import render
from chi_helpers.model.errors import Exit
from chi_helpers.model.outcome import Result

if TYPE_CHECKING:
    from chi_helpers.apply.report import Report


def conclude(report: Report) -> int:
    """Say what is not done, and return the exit code: 0 all done, 1 something is left, 3 nothing could be."""
    wrong = [outcome for outcome in report.outcomes if not outcome.ok]
    for outcome in wrong:
        render.tell(f"{outcome.result}: {outcome.step}: {outcome.detail}", colour="red")
        if outcome.request_id:
            render.tell(f"(request {outcome.request_id})")
    if report.waits:
        later = next(o.detail for o in report.outcomes if o.result is Result.SKIPPED)
        render.tell(later, colour="yellow")
    if report.ok:
        return int(Exit.OK)
    changed = any(outcome.result is Result.DONE and outcome.resource_id for outcome in report.outcomes)
    refused = bool(wrong) and wrong[0].result is Result.REFUSED and not changed and not report.left
    return int(Exit.SITE if refused else Exit.PARTIAL)
