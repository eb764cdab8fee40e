"""How far a feature has moved from what the model was trained on: the population stability index (PSI).

    PSI = sum over bins of (p - q) ln(p / q)

`p` is a bin's share in training, `q` now. Under 0.1 nothing happened, over 0.25 it is another world. Of n
rows that moved nowhere, in k bins, about (k - 1) / n is to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groceries import tables
from groceries.features import FEATURES, column
from groceries.hashing import chosen

WATCHED = tuple(name for name in FEATURES if name != "day")
"""The features that are watched: the day never stays."""

NOTABLE, DRIFTED = 0.1, 0.25

SAMPLE, SAMPLE_SALT = 100_000, 3
"""So many rows of training at most say what it looked like, chosen by their order id."""

BINS, FEW, LEAST = 10, 20, 1e-4
"""Bins of equal share; a feature of few values has a bin for each. An empty bin counts as LEAST."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a feature looked like in training: `edges` between the bins, and the bins' `shares`."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


def references(features: Path, chunk: int = tables.CHUNK) -> dict[str, Reference]:
    """What the features that models are trained on look like, by name, from the table of `features`."""
    share = min(1.0, SAMPLE / max(1, tables.count(features)))
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in WATCHED}
    for piece in tables.pieces(features, ["order_id", "held_out", *WATCHED], chunk):
        taken = ~column(piece, "held_out") & chosen(column(piece, "order_id"), share, SAMPLE_SALT)
        for name in WATCHED:
            found[name].append(column(piece, name)[taken])
    return {name: reference(np.concatenate(parts)) for name, parts in found.items()}


def reference(values: NDArray[Any]) -> Reference:
    """What some values look like."""
    distinct = np.unique(values)
    if len(distinct) <= FEW:
        edges = (distinct[1:] + distinct[:-1]) / 2
    else:
        edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS))
    return Reference(tuple(edges.tolist()), tuple(_shares(edges, values).tolist()))


def psi(before: Reference, values: NDArray[Any]) -> float:
    """How far `values` (at least one) are from what was before."""
    now = np.maximum(_shares(np.array(before.edges), values), LEAST)
    then = np.maximum(np.array(before.shares), LEAST)
    return float(np.sum((then - now) * np.log(then / now)))


def _shares(edges: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    shares: NDArray[np.float64] = counts / max(1, len(values))
    return shares
