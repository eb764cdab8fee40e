"""What a search tries, and what it looks at."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq

from groceries import tune


def test_the_same_seed_tries_the_same(run):
    assert list(tune.drawn(5, 7)) == list(tune.drawn(5, 7))
    assert list(tune.drawn(5, 7)) != list(tune.drawn(5, 8))


def test_nothing_held_out_is_looked_at(run, tmp_path):
    """The answers of the held-out routes are replaced with nonsense: a search sees the same."""
    table = pq.read_table(run.features)
    held, minutes = table["held_out"].to_numpy(), table["service_minutes"].to_numpy()
    place = table.schema.get_field_index("service_minutes")
    spoilt = table.set_column(place, "service_minutes", [np.where(held, 1e6, minutes)])
    pq.write_table(spoilt, tmp_path / "f.parquet")
    before, after = tune.read(run.features, 10**6), tune.read(tmp_path / "f.parquet", 10**6)
    assert len(before.minutes) == (~held).sum()
    assert (before.minutes == after.minutes).all()


def test_rows_are_bounded_and_a_fourth_of_the_routes_judges(run):
    data = tune.read(run.features, 8000)
    assert len(data.minutes) == len(data.seen) < 8000
    assert 0.2 < data.judged.mean() < 0.3
