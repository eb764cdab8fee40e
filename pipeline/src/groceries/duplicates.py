"""Order ids that come more than once in a batch, in whichever of its files."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from groceries.problems import Kind, Problem
from groceries.spill import Spill, firsts

RECORD = np.dtype([("key", np.int64), ("place", np.int64)])
"""An order id and the place of its row in the whole batch, from 0."""


class Duplicates(Spill):
    """Told every piece of the batch, it knows which ids came before. The ids are kept on disk."""

    def __init__(self) -> None:
        super().__init__(RECORD)
        self._rows = 0

    def look(self, ids: pa.Array) -> None:
        """Take in the next rows' ids. Empty ones are another rule's business."""
        present = ids.is_valid().to_numpy(zero_copy_only=False)
        records = np.empty(int(present.sum()), dtype=RECORD)
        records["key"] = ids.drop_null().to_numpy()
        records["place"] = self._rows + np.flatnonzero(present)
        self.put(records)
        self._rows += len(ids)

    def problems(self, files: list[tuple[str, int]], show: int) -> list[Problem]:
        """The duplicates by file, the first `show` named. `files`: names and rows, in the batch's order."""
        names = [name for name, _ in files]
        starts = np.cumsum([0, *(rows for _, rows in files)])
        counts: dict[int, int] = defaultdict(int)
        first: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for records in self.parts():
            again, before = _repeated(records)
            file = np.searchsorted(starts, again["place"], side="right") - 1
            for number in np.unique(file).tolist():
                here = np.flatnonzero(file == number)
                counts[number] += len(here)
                here = here[np.argsort(again["place"][here])[:show]]
                some = zip(
                    again["place"][here].tolist(),
                    again["key"][here].tolist(),
                    before[here].tolist(),
                    strict=True,
                )
                first[number] = sorted([*first[number], *some])[:show]

        def where(place: int, number: int) -> str:
            file = int(np.searchsorted(starts, place, side="right")) - 1
            return f"row {place - starts[file] + 1}" + ("" if file == number else f" of {names[file]}")

        return [
            Problem(
                Kind.DUPLICATE,
                names[number],
                "order_id",
                "every order once",
                counts[number],
                tuple(
                    (int(place - starts[number]) + 1, f"{key}, first in {where(before_it, number)}")
                    for place, key, before_it in first[number]
                ),
            )
            for number in sorted(counts)
        ]


def _repeated(records: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Of records in the order of keys and places: those whose key came before, and the first place of it."""
    key = records["key"]
    starts = firsts(key)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(key))))
    repeated = np.ones(len(key), dtype=bool)
    repeated[starts] = False
    first: NDArray[np.int64] = records["place"][starts[group[repeated]]]
    return records[repeated], first
