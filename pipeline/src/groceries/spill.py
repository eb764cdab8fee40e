"""Rows put aside on disk by a key, to look at all of one key together without all rows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from groceries.hashing import mixed

PARTS = 64
"""Files that the rows are spread over. One at a time is read back: 10^8 rows of 16 bytes need 25 MB."""


def firsts(keys: NDArray[Any]) -> NDArray[np.int64]:
    """Where each key of sorted `keys` stands first."""
    if not len(keys):
        return np.array([], dtype=np.int64)
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))


class Spill:
    """Records of one NumPy type, with a whole-number field `key`; those of a key come back together."""

    def __init__(self, kind: np.dtype[Any]) -> None:
        self._kind = kind
        self._open = ExitStack()

    def __enter__(self) -> Self:
        folder = Path(self._open.enter_context(TemporaryDirectory(prefix="groceries-")))
        self._paths = [folder / str(number) for number in range(PARTS)]
        self._files = [self._open.enter_context(path.open("wb")) for path in self._paths]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def put(self, records: NDArray[Any]) -> None:
        """Put records aside. They come back in the order in which they came."""
        part = mixed(records["key"]) % np.uint64(PARTS)
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(PARTS + 1))
        for number, file in enumerate(self._files):
            file.write(records[order[bounds[number] : bounds[number + 1]]].tobytes())

    def parts(self) -> Iterator[NDArray[Any]]:
        """All records, a part at a time: every key is in one part only, its records next to each other."""
        for file, path in zip(self._files, self._paths, strict=True):
            file.flush()
            records = np.fromfile(path, dtype=self._kind)
            yield records[np.argsort(records["key"], kind="stable")]
