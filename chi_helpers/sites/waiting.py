"""Ask again: after a refusal that will pass, and until something has happened."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

from chi_helpers.sites.errors import BusyError, NoAnswerError, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

TRIES = 5
"""How often a reading call is made before its error stands."""
LONGEST_PAUSE = 20.0
"""Seconds; a longer Retry-After is not waited for."""


def read(doing: str, call: Callable[[], T]) -> T:
    """Make a call that changes nothing; ask again when the site is busy or did not answer.

    Pauses are 0.5, 1, 2, 4 s, or what Retry-After asks. Never for calls that create: after a lost
    answer to one of those, look first.
    """
    for pause in (*(0.5 * 2**n for n in range(TRIES - 1)), None):
        try:
            with told(doing):
                return call()
        except (BusyError, NoAnswerError) as error:
            asked = getattr(error, "wait", 0.0)
            if pause is None or asked > LONGEST_PAUSE or _refused_outright(error):
                raise
            time.sleep(max(pause, asked))
    raise AssertionError("unreachable")


def _refused_outright(error: Exception) -> bool:
    # Nothing listens there: it will not do so in seven seconds either.
    return isinstance(error, NoAnswerError) and "Connection refused" in str(error)


def ticks(timeout: float, *, first: float = 0.5, longest: float = 5.0) -> Iterator[float]:
    """Yield seconds gone by, at once and then at growing intervals, until `timeout` seconds are over."""
    began = time.monotonic()
    pause = first
    while (gone := time.monotonic() - began) < timeout:
        yield gone
        time.sleep(min(pause, max(0.0, timeout - (time.monotonic() - began))))
        pause = min(longest, pause * 1.3)


def step_aside() -> None:
    """Pause for a time of chance, so that those whose requests collided do not collide again."""
    time.sleep(random.uniform(0.2, 2.0))  # noqa: S311 - no secret
