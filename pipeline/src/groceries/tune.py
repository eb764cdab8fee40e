"""A search for better parameters of the boosted trees, spread over Ray.

What is held out is not looked at: the gate judges by it. The routes that models are trained on are divided
once more, and a set of parameters is judged by the part that it was not trained on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groceries import models, settings, tables
from groceries.errors import PipelineError, UnreachableError
from groceries.features import FEATURES, column, matrix
from groceries.hashing import chosen
from groceries.params import Boosting, Params
from groceries.record import Record
from groceries.registry import Registry
from groceries.workcopy import Tell, WorkingCopy

JUDGED, JUDGED_SALT, ROWS_SALT = 0.25, 4, 5
"""Share of the routes that parameters are judged by."""


@dataclass(frozen=True, slots=True)
class Data:
    """What trials are trained on, and what they are judged by."""

    seen: NDArray[np.float32]
    minutes: NDArray[np.float64]
    judged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """A set of parameters, its mean absolute error in minutes, and the node that it was tried on."""

    params: Boosting
    mae: float
    node: str


Try = Callable[[list[Any], Data], Iterator[tuple[int, float, str]]]
"""Tries estimators; gives the number of each, its error and the node, in the order in which they are done."""


def tune(
    copy: WorkingCopy,
    registry: Registry,
    params: Params,
    number: int,
    seed: int,
    most: int,
    tell: Tell,
    spread: Try,
) -> list[Trial]:
    """Try what is in `params.yaml`, and `number` others. Gives all, the best first; notes them in MLflow.

    `most` rows are used at most.
    """
    plans = [params.models.boosting, *drawn(number, seed)]
    data = read(copy.root / "data" / "features.parquet", most)
    built = [
        models.build(
            "boosting", params.models.model_copy(update={"boosting": plan}), params.train.seed, "cpu"
        )
        for plan in plans
    ]
    record = Record.start(registry, copy.where, f"Tune: {number} trials", None)
    found: list[Trial] = []
    try:
        for which, mae, node in spread(built, data):
            trial = Trial(plans[which], mae, node)
            record.below(f"trial {which}", trial.params.model_dump(), {"mae": mae}, {"node": node})
            tell(f"{len(found) + 1}/{len(plans)}: mae {mae:.4f} min, {_said(trial.params)}, on {node}")
            found.append(trial)
    except BaseException:
        record.end("FAILED")
        raise
    found.sort(key=lambda trial: trial.mae)
    record.tag(best=_said(found[0].params))
    record.end("FINISHED")
    return found


def apply(copy: WorkingCopy, best: Boosting) -> bool:
    """Write the best parameters to `params.yaml`. Whether they are others than before."""
    with copy.lock():
        before = settings.read(copy.root / "params.yaml")["models"]["boosting"]
        changes = [
            f"models.boosting.{name}={value}"
            for name, value in best.model_dump().items()
            if before[name] != value
        ]
        copy.set(changes)
        return bool(changes)


def drawn(number: int, seed: int) -> Iterable[Boosting]:
    """Sets of parameters, the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        yield Boosting(
            n_estimators=int(rng.integers(50, 401)),
            learning_rate=round(float(np.exp(rng.uniform(np.log(0.03), np.log(0.3)))), 4),
            max_depth=int(rng.integers(3, 9)),
            reg_lambda=round(float(np.exp(rng.uniform(np.log(0.1), np.log(10.0)))), 3),
        )


def read(features: Path, most: int) -> Data:
    """Of the features' table at most about `most` rows that are not held out."""
    share = min(1.0, most / max(1, tables.count(features)))
    seen, minutes, judged = [], [], []
    for piece in tables.pieces(features, ["order_id", "route_id", "held_out", "service_minutes", *FEATURES]):
        taken = ~column(piece, "held_out") & chosen(column(piece, "order_id"), share, ROWS_SALT)
        seen.append(matrix(piece)[taken])
        minutes.append(column(piece, "service_minutes")[taken])
        judged.append(chosen(column(piece, "route_id"), JUDGED, JUDGED_SALT)[taken])
    return Data(np.concatenate(seen), np.concatenate(minutes), np.concatenate(judged))


def over_ray(estimators: list[Any], data: Data) -> Iterator[tuple[int, float, str]]:
    """Try each estimator somewhere on the Ray that RAY_ADDRESS names, or on one of this machine alone.

    The workers need Ray, NumPy, scikit-learn and XGBoost, and not this package. A trial takes one processor.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "180")  # 60 were too few on a busy machine
    try:
        import ray
    except ImportError as error:
        raise PipelineError(
            "Ray is not installed here", do="Install what requirements-tune.txt names."
        ) from error
    address = os.environ.get("RAY_ADDRESS") or "local"
    try:
        ray.init(
            address=address, log_to_driver=False, include_dashboard=False if address == "local" else None
        )
    except Exception as error:
        raise UnreachableError(
            f"Ray at {address}: {error}", do="Does it run, and is RAY_ADDRESS right?"
        ) from error

    def attempt(number: int, estimator: Any, seen: Any, minutes: Any, judged: Any) -> tuple[int, float, str]:
        import platform  # all that is named here is looked up where it runs

        estimator.fit(seen[~judged], minutes[~judged])
        off = abs(estimator.predict(seen[judged]) - minutes[judged]).mean()
        return number, float(off), platform.node()

    try:
        remote = ray.remote(num_cpus=1, max_retries=2)(attempt)
        shared = [ray.put(each) for each in (data.seen, data.minutes, data.judged)]
        ahead = [remote.remote(number, estimator, *shared) for number, estimator in enumerate(estimators)]
        while ahead:
            done, ahead = ray.wait(ahead, num_returns=1)
            yield ray.get(done[0])
    finally:
        ray.shutdown()


def _said(params: Boosting) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in params.model_dump().items())
