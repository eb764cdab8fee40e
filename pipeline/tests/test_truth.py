"""The generated orders follow the documented truth, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from groceries import slices
from groceries.truth import CITIES, SIGMA, expected_minutes
from tests.support import PARAMS, orders, utc

ONE = {
    "city": "oldbridge",
    "stopped_at": utc("2025-03-04 17:30"),
    "floor": 3,
    "lift": False,
    "stairs": 3,
    "crates": 7,
    "parking_m": 70.0,
    "driver_weeks": 8,
}


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        # 2 + 0.35 * 7 + 2 * (2 + 0.45 * 3) = 11.15; * (1 + 0.35 / e) = 12.5856; + 0.9 + 0.7
        pytest.param({}, 14.1856, id="stairs in the rush hour"),
        pytest.param({"stopped_at": utc("2025-03-04 19:00")}, 13.4856, id="after the rush hour"),
        pytest.param({"stopped_at": utc("2025-03-08 17:30")}, 13.4856, id="Saturday"),
        # 2 + 0.35 * 6 + 1 * (2 + 0.45 * 3) = 7.45
        pytest.param({"crates": 6}, 10.0092, id="one trip less"),
        pytest.param({"city": "lakeside"}, 13.0856, id="another city"),
        # 2 + 2.45 + 2 * (2 + 0.8 + 0.24) = 10.53
        pytest.param({"lift": True, "stairs": 0}, 13.4858, id="lift"),
        pytest.param({"driver_weeks": 100}, 12.7500, id="experience"),
        # 2 + 2.45 + 2 * (2 + 0.45 * 1.5 * 3) = 12.5; one minute on top
        pytest.param({"stopped_at": utc("2025-10-07 17:30")}, 16.7095, id="after the drift"),
    ],
)
def test_the_formula_is_the_documented_one(changes, minutes):
    found = expected_minutes(pd.DataFrame([{**ONE, **changes}]), PARAMS.drift)
    assert found[0] == pytest.approx(minutes, abs=2e-4)


@pytest.fixture(scope="module")
def many():
    return orders(120_000, seed=11)


def test_the_noise_has_mean_one_and_the_documented_width(many):
    """Fixed seed; bounds of 4 standard errors, so that another seed would do as well."""
    ratio = many["service_minutes"].to_numpy() / expected_minutes(many, PARAMS.drift)
    assert abs(ratio.mean() - 1) < 4 * ratio.std() / np.sqrt(len(ratio))
    assert (
        abs(np.log(ratio).std() - SIGMA) < 4 * SIGMA / np.sqrt(2 * len(ratio)) + 1e-4
    )  # minutes have 2 decimals


def test_the_noise_knows_nothing_of_the_features(many):
    """The mean of the noise is 1 in each slice that models are judged on."""
    ratio = many["service_minutes"].to_numpy() / expected_minutes(many, PARAMS.drift)
    coded = many.assign(city=pd.Categorical(many["city"], categories=list(PARAMS.cities)).codes)
    judged = 0
    for name, inside in slices.slices(coded, PARAMS.cities, PARAMS.drift.begins):
        some = ratio[inside]
        assert abs(some.mean() - 1) < 4 * some.std() / np.sqrt(len(some)), name
        judged += 1
    assert judged == 13


def test_cities_come_in_their_shares_with_their_walks(many):
    routes = many.groupby("route_id").first()
    for city in CITIES:
        share = (routes["city"] == city.name).mean()
        assert abs(share - city.share) < 4 * np.sqrt(city.share * (1 - city.share) / len(routes)), city.name
        walk = many.loc[many["city"] == city.name, "parking_m"]
        assert abs(walk.mean() - city.parking_m) < 4 * walk.std() / np.sqrt(len(walk)), city.name


def test_the_shares_are_a_whole():
    assert sum(city.share for city in CITIES) == pytest.approx(1)
    assert tuple(city.name for city in CITIES) == PARAMS.cities
