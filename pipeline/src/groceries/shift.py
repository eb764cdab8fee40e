"""Columns that are not what they used to be as a whole, though each value could be: seconds for minutes."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from groceries.params import Measured, Shift
from groceries.problems import Kind, Problem


class Moments:
    """Mean and standard deviation of values that come in pieces (Chan, Golub and LeVeque's update)."""

    def __init__(self) -> None:
        self.rows, self.mean, self._squares = 0, 0.0, 0.0

    def take(self, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        if not len(values):
            return
        mean, total = float(values.mean()), self.rows + len(values)
        apart = mean - self.mean
        self._squares += float(((values - mean) ** 2).sum()) + apart**2 * self.rows * len(values) / total
        self.mean += apart * len(values) / total
        self.rows = total

    @property
    def sd(self) -> float:
        return float(np.sqrt(self._squares / self.rows)) if self.rows else 0.0


class Shifts:
    """Told every piece of the batch, it knows each file's moments of the columns that have bounds."""

    def __init__(self, params: Shift) -> None:
        self._params = params
        self._found: dict[tuple[str, Measured], Moments] = defaultdict(Moments)

    def look(self, orders: pd.DataFrame) -> None:
        """Take in the next rows, whatever is wrong with single ones."""
        for file, rows in orders.groupby("source", sort=False):
            for name in self._params.bounds:
                self._found[str(file), name].take(rows[name].dropna().to_numpy(dtype=np.float64))

    def problems(self) -> list[Problem]:
        """One for each file and column outside of its bounds, if it has rows enough to tell."""
        found = []
        for (file, name), moments in self._found.items():
            if moments.rows < self._params.min_rows:
                continue
            bounds = self._params.bounds[name]
            wrong = [
                f"the {what} is {value:.4g}, expected {low:g} to {high:g}"
                for what, value, (low, high) in (
                    ("mean", moments.mean, bounds.mean),
                    ("standard deviation", moments.sd, bounds.sd),
                )
                if not low <= value <= high
            ]
            if wrong:
                says = " and ".join(wrong) + f" (all {moments.rows:,} rows). Another unit, or another world?"
                found.append(Problem(Kind.SHIFT, file, name, says))
        return found
