"""One small run of all stages, for the tests that look at its results."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from groceries import evaluate, features, ingest, models, train, validate
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
