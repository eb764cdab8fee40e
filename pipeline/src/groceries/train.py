"""Train one model on the routes that are not held out."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from groceries import models, store, tables
from groceries.features import FEATURES, column, matrix
from groceries.hashing import chosen
from groceries.params import ModelName, Models, Train

SAMPLE_SALT = 2

LIBRARIES = ("numpy", "scikit-learn", "skops")


def train(
    features: Path, out: Path, name: ModelName, params: Models, plan: Train, chunk: int = tables.CHUNK
) -> store.Card:
    """Train model `name`, write it with its card to folder `out`, and give the card.

    Training is the one stage that needs its rows in memory. Of a file with more than `plan.max_rows` so many
    are taken, give or take what chance does, chosen by their order id: that bounds it.
    """
    seen, minutes = _rows(features, plan.max_rows, chunk)
    model = models.build(name, params, plan.seed)
    model.fit(seen, minutes)
    card = store.Card(
        name=name,
        data_version=tables.version(features),
        rows=len(minutes),
        seed=plan.seed,
        params=getattr(params, name).model_dump(),
        features=list(FEATURES),
        libraries={library: version(library) for library in LIBRARIES},
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
