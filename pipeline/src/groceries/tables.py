"""Tables on disk, read and written in pieces: no stage holds a whole one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from groceries.errors import WrongFileError

CHUNK = 65_536
"""Rows that are held at a time, unless the caller says otherwise."""


@contextmanager
def writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Write tables to `path` one after the other, as CSV where it ends in .csv, else as Parquet.

    The file is there only when all of it is: a stage that fails leaves what was there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    make = pa.csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
    try:
        with make(part, schema) as sink:
            yield sink.write_table
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file. Raises WrongFileError where it is none."""
    try:
        with pq.ParquetFile(path, pre_buffer=False) as found:
            yield found
    except OSError as error:
        raise WrongFileError(
            f"{path}: cannot be read: {error}", do="Run the stage that writes it."
        ) from error
    except pa.ArrowInvalid as error:
        raise WrongFileError(f"{path}: is not a sound Parquet file: {error}") from error


def pieces(path: Path, columns: list[str], chunk: int = CHUNK) -> Iterator[pa.RecordBatch]:
    """Some columns of a Parquet file, at most `chunk` rows at a time."""
    with parquet(path) as found:
        if missing := [name for name in columns if name not in found.schema_arrow.names]:
            raise WrongFileError(
                f"{path}: has no column {', '.join(missing)}", do="Run the stage that writes it again."
            )
        yield from found.iter_batches(batch_size=chunk, columns=columns, use_threads=False)


def count(path: Path) -> int:
    """How many rows a Parquet file has."""
    with parquet(path) as found:
        rows: int = found.metadata.num_rows
        return rows


def version(path: Path) -> str:
    """The name of a file's content: its MD5, which is what `dvc.lock` records for it too."""
    return "md5:" + _digest(path, lambda: hashlib.md5(usedforsecurity=False))


def sha256(path: Path) -> str:
    """A file's content by what nobody can make another one for. Raises WrongFileError where it is missing."""
    return _digest(path, hashlib.sha256)


def _digest(path: Path, kind: Callable[[], hashlib._Hash]) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, kind).hexdigest()
    except OSError as error:
        raise WrongFileError(f"{path}: cannot be read: {error.strerror}") from error


def write_json(path: Path, value: object) -> None:
    """Write a report: keys in the order given, floats as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a report. Raises WrongFileError where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongFileError(
            f"{path}: cannot be read: {error.strerror}", do="Run the stage that writes it."
        ) from error
    except ValueError as error:
        raise WrongFileError(f"{path}: is not JSON: {error}") from error
