"""What is served, in one folder: the model, how its features are made, and what its data looked like."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from groceries import drift, store, tables
from groceries.errors import RefusedError, WrongFileError
from groceries.features import FEATURES
from groceries.params import Features, Params
from groceries.stops import Stop, matrix

SERVING = "serving.json"

FILES = (store.CARD, store.MODEL, SERVING)

EXAMPLES = 20
"""Orders that go along with what the model said of them: whoever serves it must come to the same."""

CLOSE = 1e-4
"""Minutes by which that may be off: trees add up in single precision. Answers are rounded to as much."""


class Serving(BaseModel):
    """What a service has to know beside the model.

    `minutes` are what the model said of `examples`, `reference` what each feature looked like in training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cities: tuple[str, ...]
    features: Features
    ranges: dict[str, tuple[float, float]]
    reference: dict[str, drift.Reference]
    examples: list[Stop]
    minutes: list[float]


@dataclass(frozen=True, slots=True)
class Package:
    """A model that can be served."""

    model: Any
    card: store.Card
    serving: Serving

    def seen(self, stops: list[Stop]) -> NDArray[np.float32]:
        """What the model sees of some stops."""
        return matrix(stops, self.serving.features, self.serving.cities)

    def minutes(self, seen: NDArray[np.float32]) -> NDArray[np.float64]:
        """How long the stops will take."""
        found: NDArray[np.float64] = np.asarray(self.model.predict(seen), dtype=np.float64)
        return found


def package(
    model: Path,
    gate: Path,
    orders: Path,
    features: Path,
    out: Path,
    params: Params,
    chunk: int = tables.CHUNK,
) -> store.Card:
    """Put what is served of the model in folder `model` together in folder `out`. Gives its card.

    Raises RefusedError where the gate refused it, WrongFileError where the gate decided on another one.
    """
    card = store.card(model)
    _passed(gate, card, model)
    examples = _examples(orders)
    whole = Package(
        store.load(model),
        card,
        Serving(
            cities=params.cities,
            features=params.features,
            ranges={
                name: bounds for name, bounds in params.validate_.ranges.items() if name in Stop.model_fields
            },
            reference=drift.references(features, chunk),
            examples=examples,
            minutes=[],
        ),
    )
    said = whole.minutes(whole.seen(examples)).tolist()
    serving = whole.serving.model_copy(update={"minutes": said})
    out.mkdir(parents=True, exist_ok=True)
    for name in (store.CARD, store.MODEL):
        shutil.copyfile(model / name, out / name)
    tables.write_json(out / SERVING, serving.model_dump(mode="json"))
    return card


def manifest(folder: Path) -> dict[str, str]:
    """The content of a package's files, each by its SHA-256. Raises WrongFileError where one is missing."""
    return {name: tables.sha256(folder / name) for name in FILES}


def load(folder: Path) -> Package:
    """Read a package, and see that its model says here what it said where it was made.

    Raises WrongFileError where a file is missing or damaged, or where this code makes other features than the
    code that the model was trained with.
    """
    card = store.card(folder)
    try:
        serving = Serving.model_validate_json((folder / SERVING).read_bytes())
    except OSError as error:
        raise WrongFileError(f"{folder / SERVING}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise WrongFileError(f"{folder / SERVING}: is not what `package` writes: {error}") from error
    whole = Package(store.load(folder), card, serving)
    if card.features != list(FEATURES):
        raise WrongFileError(f"{folder}: the model needs other features than this code makes", do=_INSTALL)
    said = whole.minutes(whole.seen(serving.examples))
    if not (len(said) == len(serving.minutes) and np.allclose(said, serving.minutes, rtol=0, atol=CLOSE)):
        raise WrongFileError(f"{folder}: its examples come out otherwise than where it was made", do=_INSTALL)
    return whole


_INSTALL = "Install the package `groceries` of the working copy where the model is served."


def _passed(gate: Path, card: store.Card, model: Path) -> None:
    decision = tables.read_json(gate)
    try:
        accepted, about = decision["accepted"], decision["version"]
    except (KeyError, TypeError) as error:
        raise WrongFileError(f"{gate}: is not a decision of gate", do="Run gate again.") from error
    if about != card.version:
        raise WrongFileError(f"{model}: is {card.version}, but {gate} is about {about}", do="Run gate again.")
    if accepted is not True:
        raise RefusedError(f"{model}: the gate refused it, see {gate}", do="Only what passed it is served.")


def _examples(orders: Path) -> list[Stop]:
    first = next(tables.pieces(orders, list(Stop.model_fields), EXAMPLES))
    return [
        Stop.model_validate({**row, "stopped_at": row["stopped_at"].isoformat()}) for row in first.to_pylist()
    ]
