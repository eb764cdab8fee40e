"""Features are made of sound orders only; the held-out routes stay the same."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from groceries import features, tables
from groceries.errors import RefusedError, WrongFileError
from groceries.features import FEATURES
from groceries.hashing import chosen
from tests.support import PARAMS, orders, utc


def made(frame):
    return features.frame(frame, PARAMS.features, PARAMS.cities)


def test_a_row_of_features_by_hand():
    one = orders(1).assign(
        city="riverton",
        stopped_at=utc("2025-01-09 10:30"),  # a Thursday
        floor=2,
        lift=False,
        stairs=2,
        crates=5,
        parking_m=12.5,
        driver_weeks=9,
    )
    assert made(one)[list(FEATURES)].to_numpy().tolist() == [[1, 2, 0, 2, 5, 12.5, 9, 10.5, 3, 8, 10, 62.5]]


def test_the_size_of_chunks_changes_nothing(run, tmp_path):
    features.features(
        *(run.orders, run.validation, tmp_path / "f.parquet", PARAMS.features, PARAMS.cities), chunk=777
    )
    assert pq.read_table(tmp_path / "f.parquet").equals(pq.read_table(run.features))


def test_whole_routes_are_held_out_in_their_share():
    frame = made(orders(80_000))
    routes = frame.groupby("route_id")["held_out"]
    assert (routes.min() == routes.max()).all()
    share, count = PARAMS.features.holdout, routes.ngroups
    assert abs(routes.first().mean() - share) < 4 * np.sqrt(share * (1 - share) / count)


def test_a_route_once_held_out_stays_so():
    """In whatever batch, and also of a larger share."""
    frame = orders(5000)
    whole, half = made(frame), made(frame[2500:])
    assert whole["held_out"][2500:].tolist() == half["held_out"].tolist()
    keys = np.arange(10_000)
    assert (chosen(keys, 0.3, 1) >= chosen(keys, 0.2, 1)).all()


def test_one_choice_says_nothing_of_another():
    keys = np.arange(100_000)
    both = (chosen(keys, 0.5, 1) & chosen(keys, 0.5, 2)).mean()
    assert both == pytest.approx(0.25, abs=0.006)
    assert chosen(keys, 1.0, 1).all()
    assert not chosen(keys, 0.0, 1).any()


def test_orders_that_were_refused_make_no_features(run, tmp_path):
    tables.write_json(tmp_path / "v.json", {"accepted": False, "data_version": tables.version(run.orders)})
    with pytest.raises(RefusedError, match="validation refused it"):
        features.features(run.orders, tmp_path / "v.json", tmp_path / "f", PARAMS.features, PARAMS.cities)


def test_a_verdict_that_is_none_is_wrong_use(run, tmp_path):
    tables.write_json(tmp_path / "v.json", {})
    with pytest.raises(WrongFileError, match="not a verdict"):
        features.features(run.orders, tmp_path / "v.json", tmp_path / "f", PARAMS.features, PARAMS.cities)


def test_orders_that_were_changed_after_validation_make_no_features(run, tmp_path):
    other = shutil.copy(run.orders, tmp_path / "o.parquet")
    pq.write_table(pq.read_table(other).slice(1), other)
    with pytest.raises(WrongFileError, match=r"but .* is about md5:"):
        features.features(other, run.validation, tmp_path / "f", PARAMS.features, PARAMS.cities)


def test_features_do_not_need_the_answer():
    """Who plans a stop does not know yet how long it takes."""
    frame = orders(100)
    without = made(frame.drop(columns="service_minutes"))
    pd.testing.assert_frame_equal(without, made(frame).drop(columns="service_minutes"))
