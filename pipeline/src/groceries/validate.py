"""Whether a batch may be used: all that is wrong with it at once, or a report that it is sound."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.errors

from groceries import ingest, tables
from groceries.duplicates import Duplicates
from groceries.errors import RefusedError, WrongFileError
from groceries.ingest import Source
from groceries.params import Validate, Window
from groceries.problems import Kind, Problem
from groceries.rules import DOOR, NULL, Rules, rules
from groceries.schema import FIELDS, INGESTED, KINDS, ORDERS
from groceries.shift import Shifts


@dataclass(frozen=True, slots=True)
class Verdict:
    """`data_version` names the table that was looked at."""

    data_version: str
    rows: int
    problems: tuple[Problem, ...]

    @property
    def accepted(self) -> bool:
        return not self.problems


def validate(
    orders: Path,
    ingested: Path,
    report: Path,
    params: Validate,
    cities: tuple[str, ...],
    window: Window,
    now: datetime,
    chunk: int = tables.CHUNK,
) -> Verdict:
    """Look at the table of `ingest` and at its report; write the verdict to `report`.

    `now` (aware) is the instant that no stop can be after. Raises RefusedError with every problem.
    """
    sources = ingest.read(ingested)
    found = _Found(rules(params, cities, window, now), params.show)
    shifts = Shifts(params.shift)
    rows = 0
    with Duplicates() as duplicates:
        for piece in tables.pieces(orders, INGESTED.names, chunk):
            table = piece.to_pandas()
            found.look(table)
            shifts.look(table)
            duplicates.look(piece.column("order_id"))
            rows += piece.num_rows
        files = [(source.file, source.rows) for source in sources]
        if sum(number for _, number in files) != rows:
            raise WrongFileError(
                f"{orders}: has {rows:,} rows, {ingested} is of another number", do="Ingest again."
            )
        repeated = duplicates.problems(files, params.show)
    problems = [*unread(sources, params.show), *found.problems(), *repeated, *shifts.problems()]
    verdict = Verdict(tables.version(orders), rows, tuple(problems))
    tables.write_json(report, {"accepted": verdict.accepted, **asdict(verdict)})
    if problems:
        raise RefusedError(
            "\n".join(map(str, problems)),
            do=f"{len(problems)} problem(s) in {rows:,} rows: nothing of this batch is used. "
            "Correct the files, or have them sent again.",
        )
    return verdict


def unread(sources: list[Source], show: int) -> list[Problem]:
    """What `ingest` could not read: missing columns, and cells of a wrong type."""
    found = []
    for source in sources:
        file = source.file
        found += [
            Problem(Kind.MISSING_COLUMN, file, name, f"the columns of an order are {', '.join(FIELDS)}")
            for name in source.missing
        ]
        for name, count in source.unreadable.items():
            wanted = KINDS[ORDERS.field(name).type]
            examples = tuple((row, repr(value)) for row, value in source.examples[name][:show])
            found.append(Problem(Kind.WRONG_TYPE, file, name, f"{wanted}", count, examples))
    return found


class _Found:
    """The faults of single rows, gathered by file, kind and field."""

    def __init__(self, what: Rules, show: int) -> None:
        self._rules, self._show = what, show
        self._counts: dict[tuple[str, Kind, str], int] = defaultdict(int)
        self._examples: dict[tuple[str, Kind, str], list[tuple[int, str]]] = defaultdict(list)

    def look(self, orders: pd.DataFrame) -> None:
        for schema, part in ((self._rules.row, orders), (self._rules.door, orders[DOOR])):
            try:
                schema.validate(part, lazy=True)
            except pandera.errors.SchemaErrors as error:
                self._take(error.failure_cases, orders)

    def problems(self) -> list[Problem]:
        return [
            Problem(
                kind,
                file,
                name,
                self._rules.expected[kind, name],
                count,
                tuple(self._examples[file, kind, name]),
            )
            for (file, kind, name), count in self._counts.items()
        ]

    def _take(self, cases: pd.DataFrame, orders: pd.DataFrame) -> None:
        for (check, column), some in cases.groupby(["check", "column"], sort=False):
            kind = Kind.NULL if check == NULL else Kind(str(check))
            if kind is Kind.STAIRS and column != "stairs":
                continue  # pandera tells a fault of a whole row once for each of its columns
            at = np.sort(some["index"].to_numpy(dtype=np.int64))
            if kind is Kind.NULL:
                unreadable = orders["unreadable"].to_numpy()[at] >> FIELDS.index(str(column)) & 1
                at = at[unreadable == 0]  # these are told as missing or of a wrong type
            for file, bad in orders.iloc[at].groupby("source", sort=False):
                self._note((str(file), kind, str(column)), bad)

    def _note(self, key: tuple[str, Kind, str], bad: pd.DataFrame) -> None:
        _, kind, name = key
        self._counts[key] += len(bad)
        known = self._examples[key]
        for _, row in bad.head(self._show - len(known)).iterrows():
            known.append((int(row["row"]), _shown(kind, name, row)))


def _shown(kind: Kind, name: str, row: pd.Series[Any]) -> str:
    if kind is Kind.NULL:
        return ""
    if kind is Kind.STAIRS:
        return f"{row['stairs']:g} flights, floor {row['floor']:g}, {'a' if row['lift'] else 'no'} lift"
    value = row[name]
    return f"{value:g}" if isinstance(value, float) else str(value)
