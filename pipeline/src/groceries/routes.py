"""Late routes: those whose stops together take longer than planned, by more than a given slack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groceries.spill import Spill, firsts


class Routes(Spill):
    """Told every stop with the plans of several models, it knows how many routes each makes late.

    Stops of a route may be anywhere in the data: the lateness of each is kept on disk.
    """

    def __init__(self, models: int) -> None:
        super().__init__(np.dtype([("key", np.int64), ("late", np.float64, (models,))]))

    def take(self, route: NDArray[Any], actual: NDArray[Any], planned: Sequence[NDArray[Any]]) -> None:
        records = np.empty(len(route), dtype=self._kind)
        records["key"] = route
        for number, plan in enumerate(planned):
            records["late"][:, number] = actual - plan
        self.put(records)

    def late(self, slack: float) -> tuple[int, NDArray[np.int64]]:
        """The number of routes, and for each model how many took over `slack` minutes longer than planned."""
        total, late = 0, np.zeros(self._kind["late"].shape, dtype=np.int64)
        for records in self.parts():
            if not len(records):
                continue
            starts = firsts(records["key"])
            total += len(starts)
            late += (np.add.reduceat(records["late"], starts) > slack).sum(axis=0)
        return total, late
