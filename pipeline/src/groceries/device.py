"""Where boosted trees are grown: on a GPU that CUDA can use, or on the processor."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from groceries.errors import PipelineError
from groceries.params import DeviceName

if TYPE_CHECKING:
    from xgboost import XGBRegressor

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Found:
    """The best device that there is, and why it is no GPU where it is none."""

    device: Device
    reason: str


def find() -> Found:
    """Grow a tree on two rows, and see where it grew."""
    from xgboost import XGBRegressor, build_info
    from xgboost.core import XGBoostError

    if not build_info()["USE_CUDA"]:
        return Found(
            "cpu", "the XGBoost that is installed knows no CUDA (requirements-cuda.txt has one that does)"
        )
    smallest = XGBRegressor(n_estimators=1, max_depth=1, device="cuda", verbosity=0)
    try:
        smallest.fit(np.zeros((2, 1), np.float32), np.zeros(2))
    except XGBoostError as error:
        return Found("cpu", f"XGBoost cannot use the GPU: {first_line(error)}")
    if used(smallest) != "cuda":
        return Found("cpu", "XGBoost finds no GPU of NVIDIA with a driver that works (nvidia-smi says more)")
    return Found("cuda", "")


def choose(wanted: DeviceName) -> Device:
    """What to train on. Raises PipelineError where a GPU is asked for and there is none."""
    if wanted == "cpu":
        return "cpu"
    found = find()
    if wanted == "cuda" and found.device != "cuda":
        raise PipelineError(
            f"train.device: cuda is asked for, and {found.reason}",
            do="Or take what there is: train.device=auto.",
        )
    return found.device


def used(model: XGBRegressor) -> Device:
    """Where a model was trained. XGBoost's own word, for it goes on without the GPU if it finds none."""
    settings = json.loads(model.get_booster().save_config())
    return "cuda" if settings["learner"]["generic_param"]["device"].startswith("cuda") else "cpu"


def first_line(error: Exception) -> str:
    """XGBoost's errors carry a stack trace of its own."""
    return str(error).partition("\n")[0]
