"""Late routes: those whose stops together take longer than planned, by more than a given slack."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from groceries.spill import Spill


class Routes:
    """Told every stop with the plans of several models, it knows how many routes each makes late.

    Stops of a route may be anywhere in the data: the lateness of each is kept on disk.
    """

    def __init__(self, models: int) -> None:
        self._kind = np.dtype([("key", np.int64), ("late", np.float64, (models,))])
        self._spill = Spill(self._kind)

    def __enter__(self) -> Self:
        self._spill.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spill.__exit__(kind, error, trace)

    def take(self, route: NDArray[Any], actual: NDArray[Any], planned: Sequence[NDArray[Any]]) -> None:
        records = np.empty(len(route), dtype=self._kind)
        records["key"] = route
        for number, plan in enumerate(planned):
            records["late"][:, number] = actual - plan
        self._spill.put(records)

    def late(self, slack: float) -> tuple[int, NDArray[np.int64]]:
        """The number of routes, and for each model how many took over `slack` minutes longer than planned."""
        total, late = 0, np.zeros(self._kind["late"].shape, dtype=np.int64)
        for records in self._spill.parts():
            if not len(records):
                continue
            key = records["key"]
            starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
            total += len(starts)
            late += (np.add.reduceat(records["late"], starts) > slack).sum(axis=0)
        return total, late
