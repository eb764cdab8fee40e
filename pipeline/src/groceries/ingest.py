"""From a batch's files to one typed table, in which every row knows where it is from.

Nothing is refused here: what cannot be read is noted, and validation tells it with all else that is wrong.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from groceries import cells, sources, tables
from groceries.errors import WrongFileError
from groceries.schema import FIELDS, INGESTED, ORDERS

EXAMPLES = 20
"""Unreadable cells that are kept, as they were, of each file and field."""


@dataclass(slots=True)
class Source:
    """What was found in one file: its rows, columns that it lacks or has beyond an order's, unreadable cells.

    `examples` are, by field, the first rows (from 1) with an unreadable cell, and what stood there.
    """

    file: str
    rows: int = 0
    missing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    unreadable: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)


def ingest(paths: list[Path], out: Path, report: Path, chunk: int = tables.CHUNK) -> list[Source]:
    """Write the rows of all files to `out` (Parquet, `schema.INGESTED`) and what was found to `report`.

    Raises WrongFileError where a file is neither CSV nor Parquet, is damaged, or has no rows.
    """
    found = []
    with tables.writer(out, INGESTED) as write:
        for path in sources.listed(paths):
            names = sources.columns(path)
            source = Source(
                str(path),
                missing=[name for name in FIELDS if name not in names],
                ignored=[name for name in names if name not in FIELDS],
            )
            present = [name for name in FIELDS if name in names]
            for piece in sources.pieces(path, present, chunk):
                write(_typed(piece, source))
            if not source.rows:
                raise WrongFileError(f"{path}: has no rows", do="Was it sent completely?")
            found.append(source)
    tables.write_json(report, [asdict(source) for source in found])
    return found


def _typed(piece: pa.RecordBatch, source: Source) -> pa.Table:
    """The piece's rows in the types of an order; `source` is told what could not be read."""
    first, number = source.rows + 1, piece.num_rows
    unreadable = np.zeros(number, dtype=np.int32)
    arrays: list[Any] = []
    for bit, wanted in enumerate(ORDERS):
        if wanted.name in source.missing:
            arrays.append(pa.nulls(number, wanted.type))
            unreadable |= 1 << bit
            continue
        before = piece.column(wanted.name)
        after = cells.typed(before, wanted.type)
        arrays.append(after)
        if after.null_count > before.null_count:
            lost = pc.and_(pc.is_null(after), pc.is_valid(before)).to_numpy(zero_copy_only=False)
            unreadable[lost] |= 1 << bit
            _note(source, wanted.name, before, np.flatnonzero(lost), first)
    source.rows += number
    place = pa.array(np.arange(first, first + number))
    arrays += [pa.repeat(pa.scalar(source.file), number), place, pa.array(unreadable)]
    return pa.Table.from_arrays(arrays, schema=INGESTED)


def _note(source: Source, name: str, column: pa.Array, lost: np.ndarray[Any, Any], first: int) -> None:
    source.unreadable[name] = source.unreadable.get(name, 0) + len(lost)
    known = source.examples.setdefault(name, [])
    for index in lost[: EXAMPLES - len(known)].tolist():
        known.append((first + index, str(column[index].as_py())))


def read(report: Path) -> list[Source]:
    """Read what `ingest` wrote to `report`."""
    try:
        return [Source(**source) for source in tables.read_json(report)]
    except TypeError as error:
        raise WrongFileError(f"{report}: is not a report of ingest: {error}", do="Ingest again.") from error
