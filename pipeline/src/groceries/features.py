"""From sound orders to what a model sees, and which routes no model is trained on."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from groceries import tables
from groceries.errors import RefusedError, WrongFileError
from groceries.hashing import chosen
from groceries.params import Features, midnight
from groceries.schema import FIELDS

FEATURES = (
    "city",  # its number in params.yaml's list
    "floor",
    "lift",
    "stairs",
    "crates",
    "parking_m",
    "driver_weeks",
    "hour",  # of the day, 0 to 24, UTC
    "weekday",  # Monday is 0
    "day",  # days since the origin: lets a model follow a world that changes
    "crates_stairs",  # what is carried times how far: the work of a stop
    "crates_parking",
)
"""What a model sees, in this order."""

CATEGORIES = ("city", "weekday")
"""Those of them whose numbers are only names."""

KEYS = ("order_id", "route_id", "stopped_at", "service_minutes", "held_out")

SCHEMA = pa.schema(
    [
        ("order_id", pa.int64()),
        ("route_id", pa.int64()),
        ("stopped_at", pa.timestamp("us", tz="UTC")),
        ("service_minutes", pa.float64()),
        ("held_out", pa.bool_()),
        *((name, pa.float32()) for name in FEATURES),
    ]
)

HOLDOUT_SALT = 1


def features(
    orders: Path,
    validation: Path,
    out: Path,
    params: Features,
    cities: tuple[str, ...],
    chunk: int = tables.CHUNK,
) -> int:
    """Write the features of the orders that `validation` accepted to `out`. Gives the number of rows.

    Raises RefusedError where validation refused them, WrongFileError where it looked at another table.
    """
    _permitted(orders, validation)
    rows = 0
    with tables.writer(out, SCHEMA) as write:
        for piece in tables.pieces(orders, list(FIELDS), chunk):
            made = frame(piece.to_pandas(), params, cities)
            write(pa.Table.from_pandas(made, schema=SCHEMA, preserve_index=False))
            rows += len(made)
    return rows


def frame(orders: pd.DataFrame, params: Features, cities: tuple[str, ...]) -> pd.DataFrame:
    """The features of some orders, a row for each.

    Whole routes are held out, by their id: late routes can be counted, and a route once held out stays so in
    every later batch. A model of last month has not been trained on it either, and can be compared fairly.
    """
    at = orders["stopped_at"]
    seconds = at.dt.hour * 3600 + at.dt.minute * 60 + at.dt.second
    origin = pd.Timestamp(midnight(params.origin).astimezone(UTC))
    return pd.DataFrame(
        {
            **{name: orders[name] for name in KEYS if name in orders},
            "held_out": chosen(orders["route_id"].to_numpy(), params.holdout, HOLDOUT_SALT),
            "city": pd.Categorical(orders["city"], categories=list(cities)).codes,
            **{
                name: orders[name]
                for name in ("floor", "lift", "stairs", "crates", "parking_m", "driver_weeks")
            },
            "hour": seconds / 3600,
            "weekday": at.dt.day_of_week,
            "day": (at - origin).dt.days,
            "crates_stairs": orders["crates"] * orders["stairs"].astype(np.int32),
            "crates_parking": orders["crates"] * orders["parking_m"],
        }
    ).astype(dict.fromkeys(FEATURES, np.float32))


def matrix(piece: pa.RecordBatch) -> NDArray[np.float32]:
    """The columns of FEATURES of a piece of the features' table, as models take them."""
    return np.column_stack([column(piece, name) for name in FEATURES])


def column(piece: pa.RecordBatch, name: str) -> NDArray[Any]:
    """One column of a piece, as an array."""
    found: NDArray[Any] = piece.column(name).to_numpy(zero_copy_only=False)
    return found


def _permitted(orders: Path, validation: Path) -> None:
    report = tables.read_json(validation)
    try:
        accepted, about = report["accepted"], report["data_version"]
    except (KeyError, TypeError) as error:
        raise WrongFileError(f"{validation}: is not a verdict of validate", do="Validate again.") from error
    if about != (found := tables.version(orders)):
        raise WrongFileError(f"{orders}: is {found}, but {validation} is about {about}", do="Validate it.")
    if accepted is not True:
        raise RefusedError(
            f"{orders}: validation refused it, see {validation}", do="Correct the batch first."
        )
