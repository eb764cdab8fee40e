"""`params.yaml` as values. A stage is given only the sections that `dvc.yaml` names for it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from groceries.errors import WrongFileError

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
ModelName = Literal["fixed", "linear", "boosting"]
DeviceName = Literal["auto", "cpu", "cuda"]


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] <= bounds[1]:
        raise ValueError(f"{bounds[0]:g} is above {bounds[1]:g}")
    return bounds


class _Section(BaseModel):
    """Unknown keys are refused: a misspelt one would leave its default in force unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Drift(_Section):
    """A change in the world from `date` on: `minutes` more for each stop, flights `stairs` times as long."""

    date: date
    minutes: NotNegative
    stairs: Positive

    @property
    def begins(self) -> datetime:
        return midnight(self.date)


class Generate(_Section):
    seed: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(gt=0)]
    start: date
    days: Annotated[int, Field(gt=0)]


class Window(_Section):
    """Which stops belong into a batch: from `start` up to, and without, `end`."""

    start: date
    end: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"start ({self.start}) must be before end ({self.end})")
        return self


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
Measured = Literal["floor", "stairs", "crates", "parking_m", "driver_weeks", "service_minutes"]
"""The fields of an order that are measured, so that a range means something."""


class Bounds(_Section):
    """Smallest and largest mean and standard deviation that a file's column may have."""

    mean: Range
    sd: Range


class Shift(_Section):
    min_rows: Annotated[int, Field(gt=1)]
    bounds: dict[Measured, Bounds]


class Validate(_Section):
    show: Annotated[int, Field(ge=1, le=20)]
    ranges: dict[Measured, Range]
    shift: Shift


class Features(_Section):
    holdout: Annotated[float, Field(gt=0, lt=1)]
    origin: date


class Train(_Section):
    seed: Annotated[int, Field(ge=0)]
    max_rows: Annotated[int, Field(gt=0)]
    device: DeviceName


class Fixed(_Section):
    minutes: Positive


class Linear(_Section):
    alpha: NotNegative


class Boosting(_Section):
    """Of XGBoost, by its own names."""

    n_estimators: Annotated[int, Field(gt=0)]
    learning_rate: Positive
    max_depth: Annotated[int, Field(gt=0, le=16)]
    reg_lambda: NotNegative


class Models(_Section):
    fixed: Fixed
    linear: Linear
    boosting: Boosting


class Evaluate(_Section):
    late_after: NotNegative


class Costs(_Section):
    """Euros for a minute longer than planned, a minute shorter, and a late route."""

    late_minute: NotNegative
    idle_minute: NotNegative
    late_route: NotNegative


class Gate(_Section):
    candidate: ModelName
    tolerance: NotNegative
    min_rows: Annotated[int, Field(gt=0)]


class Params(_Section):
    cities: Annotated[tuple[str, ...], Field(min_length=1)]
    drift: Drift
    generate: Generate
    window: Window
    validate_: Annotated[Validate, Field(alias="validate")]
    features: Features
    train: Train
    models: Models
    evaluate: Evaluate
    costs: Costs
    gate: Gate


def load(path: Path) -> Params:
    """Read `params.yaml`. Raises WrongFileError with every key that is wrong, at once."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongFileError(
            f"{path}: cannot be read: {error.strerror}", do="Name it with --params."
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongFileError(f"{path}: is not YAML: {error}") from error
    try:
        return Params.model_validate(found)
    except ValidationError as error:
        wrong = [f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise WrongFileError("\n".join(wrong)) from error


def midnight(day: date) -> datetime:
    """The first instant of `day`, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
