"""Small worlds for the tests: parameters, sound batches, and ways to spoil them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from groceries import generate, ingest, params, validate

PROJECT = Path(__file__).resolve().parents[1]
PARAMS = params.load(PROJECT / "params.yaml")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}


def plan(rows, **changes):
    return PARAMS.generate.model_copy(update={"rows": rows, **changes})


def orders(rows=2000, **changes):
    """Sound orders, as a table to spoil."""
    made = pa.concat_tables(generate.chunks(plan(rows, **changes), PARAMS.drift, 8192))
    return made.to_pandas()


def put(frame, path):
    """Write a batch as it may come in: whatever columns and types it has."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
    return path


def taken_in(folder, *paths, chunk=700):
    """Ingest and validate: the verdict, or RefusedError."""
    table, report = folder / "orders.parquet", folder / "ingest.json"
    ingest.ingest(list(paths), table, report, chunk)
    return validate.validate(
        *(
            table,
            report,
            folder / "validation.json",
            PARAMS.validate_,
            PARAMS.cities,
            PARAMS.window,
            NOW,
            chunk,
        )
    )


def stage(*arguments, cwd=PROJECT):
    """Run `python -m groceries` as a shell would."""
    command = [sys.executable, "-m", "groceries", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def utc(text):
    return pd.Timestamp(text, tz="UTC")
