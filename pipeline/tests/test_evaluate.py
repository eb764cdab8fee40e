"""Errors, late routes and money are what a plain calculation of all rows at once gives."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from groceries import evaluate, reports, slices, store, tables
from groceries.errors import WrongFileError
from groceries.features import FEATURES
from groceries.params import Costs
from groceries.scores import Score, Tally
from tests.support import PARAMS


def again(run, tmp_path, production=None, **changes):
    names = changes.pop("names", ("fixed", "linear", "boosting"))
    return evaluate.evaluate(
        run.features,
        [run.models / name for name in names],
        production,
        tmp_path / "metrics.json",
        tmp_path / "evaluation.json",
        PARAMS.evaluate,
        PARAMS.costs,
        PARAMS.cities,
        PARAMS.drift.begins,
        **changes,
    )


@pytest.fixture(scope="module")
def held(run):
    frame = pq.read_table(run.features).to_pandas()
    frame = frame[frame["held_out"]]
    model = store.load(run.models / "linear")
    return frame.assign(late=frame["service_minutes"] - model.predict(frame[list(FEATURES)].to_numpy()))


def test_overall(run, held):
    found, error = run.reports["linear"].overall, held["late"].abs()
    assert found.rows == len(held)
    assert found.mae == pytest.approx(error.mean())
    assert found.p90 == pytest.approx(np.quantile(error, 0.9, method="inverted_cdf"), abs=0.01)


def test_late_routes_and_what_they_cost(run, held):
    routes = held.groupby("route_id")["late"].sum()
    late = routes > PARAMS.evaluate.late_after
    found = run.reports["linear"]
    assert 0 < late.sum() < len(routes)
    assert found.late_routes == pytest.approx(late.mean())
    stops = held["late"].clip(lower=0) * 0.9 - held["late"].clip(upper=0) * 0.45
    assert found.overall.cost == pytest.approx(1000 * (stops.sum() + 25 * late.sum()) / len(held))


def test_slices(run, held):
    found = run.reports["linear"].slices
    parts = {
        "city: riverton": held["city"] == 1,
        "floor: ground floor": held["floor"] == 0,
        "floor: floor 4 and up": held["floor"] >= 4,
        "driver: under 8 weeks": held["driver_weeks"] < 8,
        "time: before 2025-10-01": held["stopped_at"] < PARAMS.drift.begins,
    }
    for name, inside in parts.items():
        assert found[name].rows == inside.sum()
        assert found[name].mae == pytest.approx(held["late"][inside].abs().mean())
    for of in ("city", "floor", "driver", "time"):
        assert sum(score.rows for name, score in found.items() if name.startswith(of)) == len(held)


def test_the_edges_of_slices():
    """The drift begins with its first instant; bands have no gap between them."""
    drift = PARAMS.drift.begins
    rows = pd.DataFrame(
        {
            "city": [0, 1, 4, 4],
            "floor": [0, 1, 3, 4],
            "driver_weeks": [7, 8, 51, 52],
            "stopped_at": [drift - timedelta(seconds=1), drift, drift, drift],
        }
    )
    found = {
        name: np.flatnonzero(inside).tolist() for name, inside in slices.slices(rows, PARAMS.cities, drift)
    }
    assert [found[name] for name in found if name.startswith("floor")] == [[0], [1, 2], [3]]
    assert [found[name] for name in found if name.startswith("driver")] == [[0], [1, 2], [3]]
    assert [found[name] for name in found if name.startswith("time")] == [[0], [1, 2, 3]]
    assert [found[name] for name in found if name.startswith("city")] == [[0], [1], [], [], [2, 3]]


def test_the_size_of_chunks_changes_nothing(run, tmp_path):
    for name, report in again(run, tmp_path, chunk=997).items():
        known = run.reports[name]
        assert report.overall.mae == pytest.approx(known.overall.mae, rel=1e-9)
        assert report.overall.p90 == known.overall.p90
        assert report.late_routes == known.late_routes


def test_the_model_in_production_is_one_of_them(run, tmp_path):
    found = again(run, tmp_path, production=run.models / "linear")
    assert found["production"] == found["linear"]
    assert "production" not in again(run, tmp_path, production=tmp_path)


def test_what_was_written_can_be_read(run):
    assert reports.read(run.evaluation) == run.reports
    metrics = json.loads(run.metrics.read_text())
    assert metrics["boosting"].keys() == {"mae", "p90", "late_routes", "cost"}


def test_models_of_other_features_are_refused(run, tmp_path):
    card = store.card(run.models / "fixed")
    model = store.load(run.models / "fixed")
    other = store.Card(**{**{n: getattr(card, n) for n in card.__slots__}, "features": ["floor"]})
    store.save(tmp_path / "production", model, other)
    with pytest.raises(WrongFileError, match="other features"):
        again(run, tmp_path, production=tmp_path / "production")


def test_without_a_held_out_route_there_is_nothing_to_say(run, tmp_path):
    table = pq.read_table(run.features)
    path = tmp_path / "f.parquet"
    pq.write_table(table.filter(~table["held_out"].to_numpy()), path)
    with pytest.raises(WrongFileError, match="no held-out route"):
        evaluate.evaluate(
            *(path, [run.models / "fixed"], None, tmp_path / "m", tmp_path / "e"),
            *(PARAMS.evaluate, PARAMS.costs, PARAMS.cities, PARAMS.drift.begins),
        )


def test_a_score_by_hand():
    tally = Tally(Costs(late_minute=1.0, idle_minute=0.5, late_route=10.0))
    tally.take(np.array([10.0, 4.0]), np.array([8.0, 5.0]))
    tally.take(np.array([6.0]), np.array([6.0]))
    # late 2, idle 1, exact: 3 / 3 minutes; (2 * 1 + 1 * 0.5 + 20) / 3 stops
    assert tally.score(extra=20.0) == Score(3, 1.0, 2.0, 7500.0)


def test_of_no_stops_nothing_is_known():
    assert Tally(PARAMS.costs).score() == Score(0, None, None, None)


def test_reports_that_are_none_are_told(tmp_path):
    tables.write_json(tmp_path / "e.json", {"fixed": {}})
    with pytest.raises(WrongFileError, match="not an evaluation"):
        reports.read(tmp_path / "e.json")
