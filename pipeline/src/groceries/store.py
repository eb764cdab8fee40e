"""Models on disk: a folder with `model.skops` and, beside it, what it was made from (`model.json`).

skops rather than joblib: a joblib file is a pickle, and reading one runs whatever its writer put in. Models
pass between students and nodes here, and reading one should run nothing.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException
from xgboost import XGBRegressor

from groceries import tables, trees
from groceries.device import Device
from groceries.errors import WrongFileError

MODEL, CARD = "model.skops", "model.json"

TREES = "xgboost"
"""What stands for boosted trees in the file: they are not taken apart, but written as XGBoost does it."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a model was made from. The same card, the same model.

    `data_version` is the features' content as `dvc.lock` records it, `rows` how many of them were used,
    `libraries` the versions that trained it, and `device` what it was trained on.
    """

    name: str
    data_version: str
    rows: int
    seed: int
    params: dict[str, float]
    features: list[str]
    libraries: dict[str, str]
    device: Device

    @property
    def version(self) -> str:
        """The model's name among all: a digest of the card."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def save(folder: Path, model: Any, card: Card) -> None:
    """Write a trained model and its card to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {TREES: trees.write(model)} if isinstance(model, XGBRegressor) else model
    skops.io.dump(whole, folder / MODEL, compression=zipfile.ZIP_DEFLATED)
    tables.write_json(folder / CARD, {"version": card.version, **asdict(card)})


def card(folder: Path) -> Card:
    """Read a model's card. Raises WrongFileError where it is missing or was changed by hand."""
    found = tables.read_json(folder / CARD)
    try:
        version = found.pop("version")
        read = Card(**found)
    except (AttributeError, KeyError, TypeError) as error:
        raise WrongFileError(f"{folder / CARD}: is not a model's card: {error}") from error
    if read.version != version:
        raise WrongFileError(
            f"{folder / CARD}: says version {version}, its content is {read.version}",
            do="Train the model again.",
        )
    return read


def load(folder: Path) -> Any:
    """Read a trained model. Raises WrongFileError where it is missing, damaged, or holds other types."""
    path = folder / MODEL
    try:
        model = skops.io.load(path, trusted=[])
        if isinstance(model, dict):
            model = trees.read(str(model[TREES]), len(card(folder).features))
    except OSError as error:
        raise WrongFileError(f"{path}: cannot be read: {error.strerror}", do="Train the model.") from error
    except UntrustedTypesFoundException as error:
        raise WrongFileError(
            f"{path}: not read: {error}", do="Take models only from this pipeline."
        ) from error
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise WrongFileError(
            f"{path}: is not a sound skops file: {error}", do="Train the model again."
        ) from error
    return model
