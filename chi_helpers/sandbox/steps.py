"""Telling the observer of a step of the sandbox's life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chi_helpers.model.outcome import Outcome, Progress, Result


@contextmanager
def step(progress: Progress, title: str) -> Iterator[Callable[[str], None]]:
    """Tell the observer of one step: its start, and its end or its failure."""
    progress.started(title)
    try:
        yield lambda detail: progress.note(title, detail)
    except Exception as error:
        progress.finished(Outcome(title, Result.FAILED, str(error).split("\n", 1)[0]))
        raise
    progress.finished(Outcome(title, Result.DONE))
