"""How wrong predictions are, in minutes and in money, gathered piece by piece in fixed memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groceries.params import Costs

STEP, MOST = 0.01, 240.0
"""Minutes: errors are counted in steps of so much, up to so much, to know their 90th percentile."""


@dataclass(frozen=True, slots=True)
class Score:
    """The errors of `rows` stops; all are None of no rows.

    `mae` is the mean absolute error and `p90` its 90th percentile, both in minutes (p90 rounded up to STEP,
    and MOST at most); `cost` is in euros per 1,000 stops.
    """

    rows: int
    mae: float | None
    p90: float | None
    cost: float | None


class Tally:
    """Takes in stops, and knows the score so far."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._rows, self._error, self._cost = 0, 0.0, 0.0
        self._counts = np.zeros(round(MOST / STEP) + 1, dtype=np.int64)

    def take(self, actual: NDArray[Any], planned: NDArray[Any]) -> None:
        late = actual - planned
        error = np.abs(late)
        self._rows += len(late)
        self._error += float(error.sum())
        price = np.where(late > 0, self._costs.late_minute, self._costs.idle_minute)
        self._cost += float((error * price).sum())
        steps = np.ceil(np.minimum(error, MOST) / STEP - 1e-9).astype(np.int64)
        self._counts += np.bincount(steps, minlength=len(self._counts))

    def score(self, extra: float = 0.0) -> Score:
        """`extra` euros, for late routes, come on top of what the single stops cost."""
        if not self._rows:
            return Score(0, None, None, None)
        p90 = int(np.searchsorted(np.cumsum(self._counts), 0.9 * self._rows)) * STEP
        cost = 1000 * (self._cost + extra) / self._rows
        return Score(self._rows, self._error / self._rows, round(p90, 2), cost)
