"""The clock and the pauses of a run, so that tests can have time of their own; and the run's bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timer:
    now: Callable[[], float] = time.monotonic
    """Seconds."""
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Bounds:
    """What ends a run that does not end by itself. All in seconds but `tries` and `blind`."""

    fresh: float = 20.0
    """How old a look may be when a call is sent by it, counted from when it began."""
    guarded: float = 600.0
    """The same for kinds where the site itself refuses what has changed since the look (`kinds.GUARDED`)."""
    patience: float = 45.0
    """Without any progress for so long, the rest is for the next run."""
    longest: float = 600.0
    tries: int = 5
    """How often one thing is asked for in one run, while no answer or the site's own fault comes back."""
    blind: int = 3
    """How many looks in a row may fail, or leave what is wanted unknown."""
    shortest_pause: float = 0.5
    longest_pause: float = 8.0
    """Between two looks while things vanish."""
