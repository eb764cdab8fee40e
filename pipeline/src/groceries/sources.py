"""The files of a batch, CSV or Parquet, read in pieces with the columns and cells that they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from groceries import tables
from groceries.errors import WrongFileError

CSV_PIECE = 128 << 10
"""Bytes of a CSV that are read at a time. A line must be shorter.

Arrow reads up to 32 such pieces ahead of a slow reader: this, and not the chunk, is what bounds its memory.
"""

NULLS = ["", "NULL", "null", "NA", "NaN", "nan"]
"""What stands for an empty cell in a CSV."""


def listed(paths: list[Path]) -> list[Path]:
    """The batch's files: those named, and of a folder all .csv and .parquet in it, by name."""
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted(p for p in path.iterdir() if p.suffix in (".csv", ".parquet")) if path.is_dir() else [path]
        )
        found += inside
    if not found:
        named = ", ".join(map(str, paths))
        raise WrongFileError(f"{named}: holds neither .csv nor .parquet", do="Name the batch's files.")
    for path in found:
        if path.suffix not in (".csv", ".parquet"):
            raise WrongFileError(f"{path}: is neither .csv nor .parquet", do="Name it after what it is.")
    if twice := sorted({str(path) for path in found if found.count(path) > 1}):
        raise WrongFileError(f"{', '.join(twice)}: named twice", do="Name each file once.")
    return found


def columns(path: Path) -> list[str]:
    """The names of a file's columns. Raises WrongFileError where it cannot be read or has one twice."""
    if path.suffix == ".csv":
        with _csv(path, None) as reader:
            names = list(reader.schema.names)
    else:
        with tables.parquet(path) as found:
            names = list(found.schema_arrow.names)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise WrongFileError(f"{path}: has column {', '.join(twice)} twice", do="Keep one of each.")
    return names


def pieces(path: Path, wanted: list[str], chunk: int) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a file. A CSV's are all text: what they mean is decided in one place."""
    if not wanted:
        raise WrongFileError(f"{path}: has none of the columns of an order", do="Is its header missing?")
    if path.suffix == ".parquet":
        yield from tables.pieces(path, wanted, chunk)
        return
    with _csv(path, wanted) as reader:
        yield from _regrouped(_batches(path, reader), chunk)


def _batches(path: Path, reader: pa.csv.CSVStreamingReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except pa.ArrowInvalid as error:
        raise WrongFileError(f"{path}: is not a sound CSV: {error}") from error


def _regrouped(batches: Iterable[pa.RecordBatch], chunk: int) -> Iterator[pa.RecordBatch]:
    """The same rows, `chunk` at a time: what is written has row groups of that size."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rest = batch
        while rest.num_rows:
            part = rest.slice(0, chunk - rows)
            rest = rest.slice(part.num_rows)
            held.append(part)
            rows += part.num_rows
            if rows == chunk:
                yield pa.concat_batches(held)
                held, rows = [], 0
    if held:
        yield pa.concat_batches(held)


def _csv(path: Path, wanted: list[str] | None) -> pa.csv.CSVStreamingReader:
    read = pa.csv.ReadOptions(block_size=CSV_PIECE, use_threads=False)
    convert = pa.csv.ConvertOptions(
        include_columns=wanted,
        column_types=dict.fromkeys(wanted or (), pa.string()),
        null_values=NULLS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    try:
        return pa.csv.open_csv(path, read_options=read, convert_options=convert)
    except OSError as error:
        raise WrongFileError(f"{path}: cannot be read: {error}", do="Is the name right?") from error
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise WrongFileError(
            f"{path}: is not a sound CSV: {error}", do="Its first line names the columns."
        ) from error
