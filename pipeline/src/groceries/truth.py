"""How long a stop really takes in the generated world. Tests and students check models against it.

    minutes = (2.0 + 0.35 crates + trips (2 parking_m / 70 + 0.45 s stairs + lift (0.8 + 0.08 floor)))
              * (1 + 0.35 exp(-driver_weeks / 8))
              + city + rush + drift

`trips` is crates / 6, rounded up: so many crates fit on a hand truck, and 70 m/min is its pace. `lift` is
1 above the ground floor of a house with a lift, else 0. `rush` is 0.7 on working days from 16 to 19 h (UTC),
else 0. `s` is 1 and `drift` 0 before the drift's date; from then on they are its `stairs` and `minutes`.

What is observed is this times exp(SIGMA z - SIGMA² / 2), z standard normal: noise with mean 1, so that the
formula is the expected value. Nothing can predict better than it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from groceries.params import Drift

SIGMA = 0.18
"""Of the noise: the standard deviation of its logarithm."""


@dataclass(frozen=True, slots=True)
class City:
    """`share` of all routes; mean `parking_m` from van to door; `minutes` that each stop takes longer."""

    name: str
    share: float
    parking_m: float
    minutes: float


CITIES = (
    City("northport", 0.35, 30.0, 0.4),
    City("riverton", 0.25, 20.0, 0.0),
    City("oldbridge", 0.20, 45.0, 0.9),  # narrow lanes
    City("hillcrest", 0.12, 15.0, 0.2),
    City("lakeside", 0.08, 12.0, -0.2),
)


def expected_minutes(orders: pd.DataFrame, drift: Drift) -> NDArray[np.float64]:
    """The expected minutes of each order (columns as in `schema.ORDERS`, without the last)."""
    trips = np.ceil(orders["crates"].to_numpy() / 6)
    floor, lift = orders["floor"].to_numpy(), orders["lift"].to_numpy(dtype=bool)
    drifted = (orders["stopped_at"] >= drift.begins).to_numpy(dtype=bool)
    per_flight = 0.45 * np.where(drifted, drift.stairs, 1.0)
    ride = np.where(lift & (floor > 0), 0.8 + 0.08 * floor, 0.0)
    per_trip = 2 * orders["parking_m"].to_numpy() / 70 + per_flight * orders["stairs"].to_numpy() + ride
    work = 2.0 + 0.35 * orders["crates"].to_numpy() + trips * per_trip
    skill = 1 + 0.35 * np.exp(-orders["driver_weeks"].to_numpy() / 8)
    place = orders["city"].map({city.name: city.minutes for city in CITIES}).to_numpy(dtype=float)
    found: NDArray[np.float64] = work * skill + place + _rush(orders) + np.where(drifted, drift.minutes, 0.0)
    return found


def _rush(orders: pd.DataFrame) -> NDArray[np.float64]:
    at = orders["stopped_at"].dt
    busy = (at.day_of_week < 5) & (at.hour >= 16) & (at.hour < 19)  # noqa: PLR2004 - Saturday is day 5
    return np.where(busy.to_numpy(dtype=bool), 0.7, 0.0)
