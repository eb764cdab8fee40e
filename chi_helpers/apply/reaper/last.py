"""How the last run on one project went, in a file: what the metrics and the alarm are made from.

{"format": 1, "lab": ..., "site": ..., "project": ..., "project_id": ..., "ended": <UTC>,
 "succeeded": <UTC of the last run that did, or null>, "error": ..., "seconds": ..., "requests": ...,
 "verdicts": [[decision, kind, count], ...], "fates": [[fate, count], ...], "doubtful": ...,
 "unseen": [kind, ...], "undelivered": ...,
 "overdue": [{"kind": ..., "id": ..., "name": ..., "owner": ..., "deadline": <UTC>, "runs": ...}, ...]}
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chi_helpers.apply.reaper.files import replace_file
from chi_helpers.model.reaping import Action, Decision, ReapReport, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORMAT = 1
NAME = "last.json"


@dataclass(frozen=True, slots=True)
class Overdue:
    """A thing that should be gone by all that is known of it, and is there."""

    kind: str
    id: str
    name: str
    owner: str
    deadline: datetime | None
    runs: int = 1
    """In how many runs in a row it was so."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """Times are this machine's own, in UTC, but for deadlines."""

    lab: str
    site: str
    project: str
    project_id: str
    ended: datetime
    succeeded: datetime | None = None
    """When a run ended last that could do its work: all looked at, nothing stopped it, the end seen."""
    error: str = ""
    """Why the last run did not."""
    seconds: float = 0.0
    requests: int = 0
    verdicts: tuple[tuple[str, str, int], ...] = ()
    """(decision, kind, how many)."""
    fates: tuple[tuple[str, int], ...] = ()
    """What became of the deletions and trims: (fate, how many)."""
    doubtful: int = 0
    unseen: tuple[str, ...] = ()
    undelivered: int = 0
    """Messages that did not arrive."""
    overdue: tuple[Overdue, ...] = ()


def overdue(report: ReapReport) -> tuple[Verdict, ...]:
    """What is late for no reason that anybody gave: the reaper could not, or did not know enough.

    What is spared, locked, not yet warned or still needed by something young is late, too, but rightly so.
    """
    late = {verdict.ref: verdict for verdict in (*report.overdue, *report.left)}
    return tuple(v for v in late.values() if v.decision is Decision.DELETE or v.doubtful)


def after(
    before: LastRun | None,
    report: ReapReport,
    ended: datetime,
    seconds: float,
    *,
    undelivered: int = 0,
    looked: int = 0,
) -> LastRun:
    """How it stands after a run; `before` is how it stood. `looked`: requests of the look that planned it."""
    plan = report.plan
    error = report.stopped or ("" if report.proved else "What became of it could not be looked at.")
    known = {(o.kind, o.id): o.runs for o in before.overdue} if before else {}
    fates = Counter(
        str(outcome.fate)
        for outcome in report.outcomes
        if outcome.step.action in (Action.DELETE, Action.TRIM)
    )
    return LastRun(
        lab=plan.lab,
        site=plan.site,
        project=plan.project,
        project_id=plan.project_id,
        ended=ended,
        succeeded=(before.succeeded if before else None) if error else ended,
        error=error,
        seconds=round(seconds, 3),
        requests=report.requests + looked,
        verdicts=_counted(plan.verdicts),
        fates=tuple(sorted(fates.items())),
        doubtful=len(plan.doubtful),
        unseen=tuple(str(kind) for kind, _ in plan.unseen),
        undelivered=undelivered,
        overdue=tuple(
            Overdue(
                str(v.ref.kind),
                v.ref.id,
                v.name,
                v.owner,
                v.deadline,
                known.get((str(v.ref.kind), v.ref.id), 0) + 1,
            )
            for v in overdue(report)
        ),
    )


def failed(before: LastRun, error: str, ended: datetime, seconds: float) -> LastRun:
    """How it stands after a run that could not be made: what was known stays known."""
    return replace(before, ended=ended, error=error, seconds=round(seconds, 3), fates=(), requests=0)


def _counted(verdicts: Iterable[Verdict]) -> tuple[tuple[str, str, int], ...]:
    counts = Counter((str(verdict.decision), str(verdict.ref.kind)) for verdict in verdicts)
    return tuple((decision, kind, count) for (decision, kind), count in sorted(counts.items()))


def save(file: Path, run: LastRun) -> None:
    """Replace the file (0600) in one go. Raises `OSError`."""
    replace_file(file, json.dumps({"format": FORMAT, **asdict(run)}, default=_plain, indent=1))


def load(file: Path) -> LastRun | None:
    """Read the file; None where there is none, or it cannot be read: no run is known then. Never raises."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found.pop("format") != FORMAT:
            return None
        return LastRun(
            **{
                **found,
                "ended": _instant(found["ended"]),
                "succeeded": _instant(found["succeeded"]) if found["succeeded"] else None,
                "verdicts": tuple((str(d), str(k), int(n)) for d, k, n in found["verdicts"]),
                "fates": tuple((str(fate), int(n)) for fate, n in found["fates"]),
                "unseen": tuple(found["unseen"]),
                "overdue": tuple(
                    Overdue(**{**o, "deadline": _instant(o["deadline"]) if o["deadline"] else None})
                    for o in found["overdue"]
                ),
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"an instant without a time zone: {text}")
    return instant.astimezone(UTC)


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
