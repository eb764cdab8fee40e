"""One small run of all stages, and one of `groceries run`, for the tests that look at their results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from groceries import evaluate, features, ingest, models, train, validate
from tests.lab import SMALL, Lab
from tests.servers import mlflow
from tests.support import NOW, PARAMS, orders, put


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """40,000 orders of a year, with all that the stages make of them."""
    root: Path = tmp_path_factory.mktemp("run")
    raw = put(orders(40_000), root / "raw.parquet")
    made = SimpleNamespace(
        **{name: root / f"{name}.parquet" for name in ("orders", "features")},
        **{name: root / f"{name}.json" for name in ("ingested", "validation", "metrics", "evaluation")},
        models=root / "models",
    )
    ingest.ingest([raw], made.orders, made.ingested)
    validate.validate(
        made.orders, made.ingested, made.validation, PARAMS.validate_, PARAMS.cities, PARAMS.window, NOW
    )
    features.features(made.orders, made.validation, made.features, PARAMS.features, PARAMS.cities)
    for name in models.NAMES:
        train.train(made.features, made.models / name, name, PARAMS.models, PARAMS.train)
    made.reports = evaluate.evaluate(
        made.features,
        [made.models / name for name in models.NAMES],
        None,
        made.metrics,
        made.evaluation,
        PARAMS.evaluate,
        PARAMS.costs,
        PARAMS.cities,
        PARAMS.drift.begins,
    )
    return made


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A working copy and its MLflow. Its first run is done: v1. `untouched` is how it was then."""
    root: Path = tmp_path_factory.mktemp("lab")
    url, server = mlflow(root)
    with server:
        made = Lab(root, url)
        sets = [part for each in SMALL for part in ("--set", each)]
        code, out, err = made.groceries("run", "--json", "--message", "a small one", *sets)
        assert code == 0, err
        made.first = json.loads(out)
        made.untouched = shutil.copytree(made.copy, root / "untouched", symlinks=True)
        yield made
