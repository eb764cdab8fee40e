"""The rules for a row, as pandera schemas. What needs more than a row is in `duplicates` and `shift`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pandera.pandas as pa

from groceries.params import Validate, Window, midnight
from groceries.problems import Kind
from groceries.schema import FIELDS

NULL = "not_nullable"
"""pandera's own name for its check."""

DOOR = ["floor", "lift", "stairs"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What to check `row` and `door` against, and for each kind of fault and field what was expected."""

    row: pa.DataFrameSchema
    door: pa.DataFrameSchema
    expected: dict[tuple[Kind, str], str]


def rules(params: Validate, cities: tuple[str, ...], window: Window, now: datetime) -> Rules:
    """The rules of a batch for `window`, that came in at `now` (aware)."""
    start, end = midnight(window.start), midnight(window.end)
    checks: dict[str, list[pa.Check]] = {name: [] for name in FIELDS}
    expected = {(Kind.NULL, name): "every order has it" for name in FIELDS}

    def check(kind: Kind, field: str, holds: Callable[..., Any], says: str) -> None:
        checks[field].append(pa.Check(holds, error=kind.value))
        expected[kind, field] = says

    for name, (low, high) in params.ranges.items():
        says = f"from {low:g} to {high:g}"
        if name == "crates":  # below zero it is told as negative
            check(Kind.OUT_OF_RANGE, name, lambda s, a=low, b=high: s.between(a, b) | (s < 0), says)
        else:
            check(Kind.OUT_OF_RANGE, name, lambda s, a=low, b=high: s.between(a, b), says)
    check(Kind.NEGATIVE, "crates", lambda s: s >= 0, "0 or more")
    known = ", ".join(cities)
    check(
        Kind.UNKNOWN_CITY,
        "city",
        lambda s: s.isin(cities),
        f"one of {known}; a new one goes into params.yaml",
    )
    check(Kind.FUTURE, "stopped_at", lambda s: s <= now, f"until now, {now:%Y-%m-%d %H:%M} UTC")
    check(
        Kind.OUTSIDE_WINDOW,
        "stopped_at",
        lambda s: ((s >= start) & (s < end)) | (s > now),  # what is in the future is told as that
        f"from {window.start} up to {window.end}, which is left out",
    )
    expected[Kind.STAIRS, "stairs"] = "all floors without a lift, at most the floors with one"
    row = pa.DataFrameSchema({name: pa.Column(None, checks[name], nullable=False) for name in FIELDS})
    return Rules(row, pa.DataFrameSchema(checks=pa.Check(_climbs, error=Kind.STAIRS.value)), expected)


def _climbs(door: pd.DataFrame) -> pd.Series[bool]:
    fits = (door["stairs"] <= door["floor"]) & (door["lift"].eq(True) | door["stairs"].eq(door["floor"]))
    return fits | door.isna().any(axis=1)
