"""The parts of the business that a model must not do worse for, however good it is on the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FLOORS = {"ground floor": (0, 0), "floors 1 to 3": (1, 3), "floor 4 and up": (4, 10_000)}
WEEKS = {"under 8 weeks": (0, 7), "8 to 51 weeks": (8, 51), "52 weeks and more": (52, 100_000)}


def slices(
    rows: pd.DataFrame, cities: tuple[str, ...], drift: datetime
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each slice's name and which of the rows (columns as in `features.SCHEMA`) it has."""
    for number, name in enumerate(cities):
        yield f"city: {name}", _where(rows["city"] == number)
    for name, (low, high) in FLOORS.items():
        yield f"floor: {name}", _where(rows["floor"].between(low, high))
    for name, (low, high) in WEEKS.items():
        yield f"driver: {name}", _where(rows["driver_weeks"].between(low, high))
    yield f"time: before {drift:%Y-%m-%d}", _where(rows["stopped_at"] < drift)
    yield f"time: from {drift:%Y-%m-%d} on", _where(rows["stopped_at"] >= drift)


def _where(found: pd.Series[Any]) -> NDArray[np.bool_]:
    return found.to_numpy(dtype=bool)
