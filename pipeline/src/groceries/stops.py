"""A stop that is to be predicted, as it is asked for, and what the model sees of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from groceries.features import FEATURES, frame
from groceries.params import Features


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be text, like 2025-03-01T17:05:00Z")  # noqa: TRY004 - pydantic wants it so
    return value


Whole = Annotated[int, Field(strict=True, ge=0, le=2**15 - 1)]


class Stop(BaseModel):
    """The columns of an order that are known before the van leaves. Nothing is guessed: types are strict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    city: Annotated[str, Field(strict=True, max_length=100)]
    stopped_at: Annotated[AwareDatetime, BeforeValidator(_text)]
    floor: Whole
    lift: Annotated[bool, Field(strict=True)]
    stairs: Whole
    crates: Whole
    parking_m: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
    driver_weeks: Whole

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        if self.stairs > self.floor or (not self.lift and self.stairs != self.floor):
            raise ValueError(
                "stairs contradict floor: all floors without a lift, at most the floors with one"
            )
        return self


def matrix(stops: Sequence[Stop], params: Features, cities: tuple[str, ...]) -> NDArray[np.float32]:
    """What the model sees of some stops: made by the very code that made what it was trained on."""
    orders = pd.DataFrame([stop.model_dump() for stop in stops])
    orders["stopped_at"] = pd.to_datetime(orders["stopped_at"], utc=True)
    orders["route_id"] = 0  # who is held out does not matter here
    seen: NDArray[np.float32] = frame(orders, params, cities)[list(FEATURES)].to_numpy(dtype=np.float32)
    return seen


def unknown(
    stops: Sequence[Stop], cities: tuple[str, ...], ranges: dict[str, tuple[float, float]]
) -> Iterator[tuple[int, str, str]]:
    """What the model knows nothing of: the stop's place in the list, its field, and what was expected."""
    for number, stop in enumerate(stops):
        if stop.city not in cities:
            yield number, "city", f"must be one of {', '.join(cities)}"
        for name, (low, high) in ranges.items():
            if name in Stop.model_fields and not low <= getattr(stop, name) <= high:
                yield number, name, f"must be from {low:g} to {high:g}"
