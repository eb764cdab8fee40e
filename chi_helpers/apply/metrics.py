"""The reaper's metrics, as a text file for the textfile collector of Prometheus's node exporter."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Decision, Fate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.apply.reaper.last import LastRun

_WHERE = ("lab", "site", "project")
_FATES = {
    "deleted": (Fate.DONE, Fate.TAKEN),
    "failed": (Fate.FAILED, Fate.WAITING),
    "refused": (Fate.REFUSED,),
}


def write_metrics(file: Path, runs: Sequence[LastRun], now: datetime) -> None:
    """Replace `file` in one go with what is known of the last run on each project. Raises `OSError`.

    It is readable by all (0644), whatever the umask: another user's exporter reads it. No name of a person or
    a thing is in it.
    """
    text = generate_latest(registry(runs, now))
    # Not write_to_textfile: its file has the umask's mode, and a reaper that keeps secrets has 077.
    with NamedTemporaryFile("wb", dir=file.parent, prefix=f".{file.name}.", delete=False) as new:
        try:
            new.write(text)
            os.fchmod(new.fileno(), 0o644)
            new.flush()
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def registry(runs: Sequence[LastRun], now: datetime) -> CollectorRegistry:
    """The metrics of these runs at `now`."""
    found = CollectorRegistry()

    def gauge(name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"chi_lab_reap_{name}", help_, (*_WHERE, *labels), registry=found)

    ended = gauge("last_run_timestamp_seconds", "When the last run ended.")
    succeeded = gauge(
        "last_success_timestamp_seconds", "When a run ended last that could do its work; 0: never."
    )
    seconds = gauge("duration_seconds", "How long the last run took.")
    requests = gauge("requests", "Requests that the last run sent for its changes and looks.")
    resources = gauge("resources", "What the last run found, by its verdict.", "decision", "kind")
    totals = {
        name: gauge(name, f"How many things of the last run were {name}.")
        for name in ("deleted", "failed", "refused")
    }
    doubtful = gauge("doubtful", "How many things the last run kept for want of knowledge.")
    unseen = gauge("unseen_kinds", "How many kinds of things the last run could not list.")
    undelivered = gauge("undelivered", "How many messages of the last run did not arrive.")
    overdue = gauge("overdue", "Things that should be gone, and are there.", "kind")
    worst = gauge(
        "overdue_worst_seconds", "How far past its deadline the worst of them is; 0: there is none."
    )
    for run in runs:
        where = (run.lab, run.site, run.project)
        ended.labels(*where).set(run.ended.timestamp())
        succeeded.labels(*where).set(run.succeeded.timestamp() if run.succeeded else 0)
        seconds.labels(*where).set(run.seconds)
        requests.labels(*where).set(run.requests)
        counts = {(decision, kind): count for decision, kind, count in run.verdicts}
        for decision in Decision:
            for kind in Kind:
                resources.labels(*where, decision, kind).set(counts.get((decision, kind), 0))
        fates = dict(run.fates)
        for name, total in totals.items():
            total.labels(*where).set(sum(fates.get(str(fate), 0) for fate in _FATES[name]))
        doubtful.labels(*where).set(run.doubtful)
        unseen.labels(*where).set(len(run.unseen))
        undelivered.labels(*where).set(run.undelivered)
        late = Counter(one.kind for one in run.overdue)
        for kind in Kind:
            overdue.labels(*where, kind).set(late[kind])
        since = [one.deadline for one in run.overdue if one.deadline]
        worst.labels(*where).set(max(0.0, (now - min(since)).total_seconds()) if since else 0)
    return found
