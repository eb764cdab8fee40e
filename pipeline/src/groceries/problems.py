"""What is wrong with a batch, told with file, rows and field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of bad data that are stopped."""

    MISSING_COLUMN = "missing column"
    WRONG_TYPE = "wrong type"
    NULL = "empty"
    DUPLICATE = "duplicate"
    OUT_OF_RANGE = "out of range"
    NEGATIVE = "negative"
    UNKNOWN_CITY = "unknown city"
    FUTURE = "in the future"
    OUTSIDE_WINDOW = "outside of the window"
    STAIRS = "stairs contradict floor"
    SHIFT = "shifted"


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of fault in one field of one file.

    `count` rows have it (0: it is about the column as a whole); `examples` are the first of them, by their
    place in the file (from 1, a CSV's header not counted), with what stands there. `expected` says what was
    expected instead, and what to do where that is not plain.
    """

    kind: Kind
    file: str
    field: str
    expected: str
    count: int = 0
    examples: tuple[tuple[int, str], ...] = ()

    def __str__(self) -> str:
        if not self.count:
            return f"{self.file}: {self.field}: {self.kind}; {self.expected}"
        rows = ", ".join(f"row {row}" + (f" ({value})" if value else "") for row, value in self.examples)
        more = f" and {self.count - len(self.examples):,} more" if self.count > len(self.examples) else ""
        where = f"{self.file}: {self.field}: {self.kind} in {self.count:,} of the rows"
        return f"{where}: {rows}{more}; expected: {self.expected}"
