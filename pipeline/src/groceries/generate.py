"""Orders of a made-up grocery service, as many as wanted, in bounded memory, the same for the same seed.

Rows are made in blocks of a fixed size, each with a random stream of its own: neither the size of the
chunks that are written nor what came before a block changes what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from groceries import tables
from groceries.params import Drift, Generate, midnight
from groceries.schema import ORDERS
from groceries.truth import CITIES, SIGMA, expected_minutes

BLOCK = 8192
"""Rows that share a random stream. Another number makes other data of the same seed."""

STOPS = (12, 20)
"""Fewest and most stops of a route. A block's last route is cut off at its end."""

DRIVERS = 60
"""Jobs for drivers in each city. After TENURE weeks somebody new has the job, and another driver_id."""

TENURE = 104

EARLY, GROUND_FLOOR, STEPS_TO_LIFT = 0.5, 0.45, 0.15
"""Shares: routes in the morning, stops on the ground floor, and houses whose lift starts a flight up."""


def generate(plan: Generate, drift: Drift, out: Path, chunk: int = tables.CHUNK) -> int:
    """Write `plan.rows` orders to `out` (.parquet or .csv), `chunk` rows at a time. Gives their number.

    Orders come by day, from `plan.start` on; the stops of a route are next to each other.
    """
    with tables.writer(out, ORDERS) as write:
        for table in chunks(plan, drift, chunk):
            write(table)
    return plan.rows


def chunks(plan: Generate, drift: Drift, chunk: int) -> Iterator[pa.Table]:
    """The orders in tables of `chunk` rows, the last one shorter."""
    made = lru_cache(maxsize=1)(lambda number: _block(plan, drift, number))  # a chunk may end within one
    for first in range(0, plan.rows, chunk):
        after = min(first + chunk, plan.rows)
        parts = []
        for number in range(first // BLOCK, -(-after // BLOCK)):
            low, high = max(first, number * BLOCK), min(after, (number + 1) * BLOCK)
            parts.append(made(number).slice(low - number * BLOCK, high - low))
        yield pa.concat_tables(parts).combine_chunks()


def _block(plan: Generate, drift: Drift, number: int) -> pa.Table:
    rng = np.random.default_rng([plan.seed, number])
    orders = _routes(rng, plan, number)
    _doors(rng, orders)
    expected = expected_minutes(orders, drift)
    noise = np.exp(SIGMA * rng.standard_normal(BLOCK) - SIGMA**2 / 2)
    orders["service_minutes"] = np.round(expected * noise, 2)
    return pa.Table.from_pandas(orders[ORDERS.names], schema=ORDERS, preserve_index=False)


def _routes(rng: np.random.Generator, plan: Generate, number: int) -> pd.DataFrame:
    """Who drives where and when: one draw for each route, spread over its stops."""
    most = BLOCK // STOPS[0] + 1
    ends = np.cumsum(rng.integers(STOPS[0], STOPS[1] + 1, size=most))
    row = np.arange(BLOCK)
    route = np.searchsorted(ends, row, side="right")
    stop = row - np.concatenate(([0], ends))[route]
    day = (number * BLOCK + row - stop) * plan.days // plan.rows  # all stops on the day of the first
    city = rng.choice(len(CITIES), size=most, p=[c.share for c in CITIES])[route]
    job = city * DRIVERS + rng.integers(DRIVERS, size=most)[route]
    weeks = (job * 37) % TENURE + day // 7
    shift = np.where(rng.random(most) < EARLY, 8.0, 15.0)[route] + rng.random(most)[route]
    hours = shift + 0.2 * stop + 0.1 * rng.random(BLOCK)
    seconds = day * 86_400 + (hours * 3600).astype(np.int64)
    return pd.DataFrame(
        {
            "order_id": number * BLOCK + row + 1,
            "route_id": number * BLOCK + route + 1,
            "city": np.array([c.name for c in CITIES], dtype=object)[city],
            "stopped_at": pd.Timestamp(midnight(plan.start)) + pd.to_timedelta(seconds, unit="s"),
            "parking_m": np.round(rng.gamma(2.0, _parking()[city] / 2), 1),
            "driver_id": job + 1 + 1000 * (weeks // TENURE),
            "driver_weeks": weeks % TENURE,
        }
    )


def _doors(rng: np.random.Generator, orders: pd.DataFrame) -> None:
    """Add what is particular to a stop: the floor, how to get there, and what is carried."""
    above = 1 + np.minimum(rng.geometric(0.35, size=BLOCK) - 1, 11)
    floor = np.where(rng.random(BLOCK) < GROUND_FLOOR, 0, above)
    lift = (floor > 0) & (rng.random(BLOCK) < np.minimum(0.10 + 0.13 * floor, 0.95))
    steps_to_lift = rng.random(BLOCK) < STEPS_TO_LIFT
    orders["floor"], orders["lift"] = floor, lift
    orders["stairs"] = np.where(lift, steps_to_lift, floor)
    orders["crates"] = np.minimum(1 + rng.poisson(4.5, size=BLOCK), 20)


def _parking() -> NDArray[np.float64]:
    return np.array([city.parking_m for city in CITIES])
