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

import numpy as np
import skops.io
from sklearn.ensemble import HistGradientBoostingRegressor
from skops.io.exceptions import UntrustedTypesFoundException

from groceries import tables
from groceries.errors import WrongFileError

MODEL, CARD = "model.skops", "model.json"

TRUSTED = [
    "functools.partial",  # of any other function it is still refused: skops looks at what is inside too
    "sklearn.utils.validation.check_array",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",  # see _sound
]
"""What boosted trees with categories need and skops does not trust by itself."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a model was made from. The same card, the same model.

    `data_version` is the features' content as `dvc.lock` records it, `rows` how many of them were used,
    `libraries` the versions that trained it.
    """

    name: str
    data_version: str
    rows: int
    seed: int
    params: dict[str, float]
    features: list[str]
    libraries: dict[str, str]

    @property
    def version(self) -> str:
        """The model's name among all: a digest of the card."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def save(folder: Path, model: Any, card: Card) -> None:
    """Write a trained model and its card to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / MODEL)
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
        model = skops.io.load(path, trusted=TRUSTED)
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
    if isinstance(model, HistGradientBoostingRegressor) and not _sound(model):
        raise WrongFileError(f"{path}: its trees point outside of themselves", do="Train the model again.")
    return model


def _sound(model: HistGradientBoostingRegressor) -> bool:
    """Whether all nodes point to later ones of their tree and to features that there are.

    scikit-learn follows them without looking: of a file that was tampered with they would read any memory, or
    go in circles. skops leaves this check to whoever trusts the type.
    """
    for tree in (tree for trees in model._predictors for tree in trees):  # noqa: SLF001 - no public way
        nodes, number = tree.nodes, np.arange(len(tree.nodes))
        inner = nodes["is_leaf"] == 0
        for side in ("left", "right"):
            if not np.all((number < nodes[side])[inner] & (nodes[side] < len(nodes))[inner]):
                return False
        feature, named = nodes["feature_idx"][inner], inner & (nodes["is_categorical"] != 0)
        if not np.all((feature >= 0) & (feature < model.n_features_in_)):
            return False
        sets = min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets))
        if not np.all(nodes["bitset_idx"][named] < sets):
            return False
    return True
