"""A number's fixed place among all: the same in every run and batch, unlike a draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mixed(keys: NDArray[Any], salt: int = 0) -> NDArray[np.uint64]:
    """Whole numbers to well-mixed ones (the finaliser of SplitMix64, by Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(salt + 1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        result: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return result


def chosen(keys: NDArray[Any], share: float, salt: int) -> NDArray[np.bool_]:
    """Which of the keys belong to a `share` (0 to 1) of all. Another `salt` gives an independent choice."""
    result: NDArray[np.bool_] = mixed(keys, salt) < share * 2.0**64
    return result
