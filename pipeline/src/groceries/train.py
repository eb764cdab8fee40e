"""Train one model on the routes that are not held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import sklearn
import skops
import xgboost
from numpy.typing import NDArray
from xgboost.core import XGBoostError

from groceries import device, models, store, tables
from groceries.errors import PipelineError
from groceries.features import FEATURES, column, matrix
from groceries.hashing import chosen
from groceries.params import ModelName, Models, Train

SAMPLE_SALT = 2

LIBRARIES = {"numpy": np, "scikit-learn": sklearn, "skops": skops, "xgboost": xgboost}
"""Modules, not distributions: XGBoost comes in two, with CUDA and without."""


def train(
    features: Path, out: Path, name: ModelName, params: Models, plan: Train, chunk: int = tables.CHUNK
) -> store.Card:
    """Train model `name`, write it with its card to folder `out`, and give the card.

    Training is the one stage that needs its rows in memory. Of a file with more than `plan.max_rows` so many
    are taken, give or take what chance does, chosen by their order id: that bounds it.

    Raises PipelineError where `plan.device` asks for a GPU and there is none, or where it fails.
    """
    where = device.choose(plan.device) if name == "boosting" else "cpu"
    seen, minutes = _rows(features, plan.max_rows, chunk)
    model = models.build(name, params, plan.seed, where)
    try:
        model.fit(seen, minutes)
    except XGBoostError as error:
        if where == "cpu":
            raise
        raise PipelineError(
            f"training on the GPU failed: {device.first_line(error)}",
            do="Take fewer rows (train.max_rows), or the processor (train.device=cpu).",
        ) from error
    card = store.Card(
        name=name,
        data_version=tables.version(features),
        rows=len(minutes),
        seed=plan.seed,
        params=getattr(params, name).model_dump(),
        features=list(FEATURES),
        libraries={library: module.__version__ for library, module in LIBRARIES.items()},
        device=device.used(model) if name == "boosting" else "cpu",
    )
    store.save(out, model, card)
    return card


def _rows(features: Path, most: int, chunk: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    share = min(1.0, most / max(1, tables.count(features)))
    seen, minutes = [], []
    for piece in tables.pieces(features, ["order_id", "held_out", "service_minutes", *FEATURES], chunk):
        taken = ~column(piece, "held_out") & chosen(column(piece, "order_id"), share, SAMPLE_SALT)
        seen.append(matrix(piece)[taken])
        minutes.append(column(piece, "service_minutes")[taken])
    return np.concatenate(seen), np.concatenate(minutes)
