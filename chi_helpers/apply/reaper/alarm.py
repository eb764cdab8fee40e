"""Is the reaper doing its work? Answered from what its runs left behind; no site is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chi_helpers.model.span import span
from chi_helpers.model.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.apply.reaper.last import LastRun, Overdue

AHEAD = timedelta(minutes=1)
"""So far a clock that was set right a moment ago may have been off."""
RUNS = 2
"""What is overdue after so many runs in a row is not about to go by itself."""
MOST = 10


def alarms(runs: Sequence[LastRun], longest: timedelta, now: datetime) -> tuple[str, ...]:
    """What is wrong, in sentences: no run has succeeded for `longest`, or something stays overdue.

    A last success in the future (a clock was set back) is none: it would keep the alarm quiet for ever.
    """
    if not runs:
        return ("No run of the reaper has been recorded: is it scheduled, with --yes, and with this state?",)
    found: list[str] = []
    for run in runs:
        where = f"{run.project} at {run.site}"
        why = f" The last one: {run.error}" if run.error else ""
        if run.succeeded is None:
            found.append(f"{where}: no run has succeeded yet.{why}")
        elif run.succeeded > now + AHEAD:
            found.append(
                f"{where}: the last success is {span(run.succeeded - now)} in the future: set the clock."
            )
        elif now - run.succeeded > longest:
            found.append(f"{where}: no run has succeeded for {span(now - run.succeeded)}.{why}")
        staying = [one for one in run.overdue if one.runs >= RUNS]
        found += [f"{where}: {_late(one, now)}" for one in staying[:MOST]]
        if len(staying) > MOST:
            found.append(f"{where}: {len(staying) - MOST} more things stay overdue.")
    return tuple(found)


def _late(one: Overdue, now: datetime) -> str:
    since = f" for {span(now - one.deadline)}" if one.deadline else ""
    name = f"{one.kind} {printable(one.name or one.id)} ({one.id}) of {one.owner or 'nobody'}"
    return f"the {name} is overdue{since}, after {one.runs} runs in a row."
