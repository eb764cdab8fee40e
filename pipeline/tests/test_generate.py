"""Orders are realistic, and the same for the same seed, however they are written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from groceries import generate
from groceries.generate import BLOCK, STOPS
from groceries.schema import ORDERS
from tests.support import PARAMS, orders, plan, taken_in

ROWS = 2 * BLOCK + 1234


@pytest.mark.parametrize("chunk", [999, BLOCK, BLOCK + 1, 10**6])
def test_the_size_of_chunks_changes_nothing(chunk):
    made = list(generate.chunks(plan(ROWS), PARAMS.drift, chunk))
    assert [table.num_rows for table in made[:-1]] == [chunk] * (len(made) - 1)
    whole = pa.concat_tables(generate.chunks(plan(ROWS), PARAMS.drift, 5000))
    assert pa.concat_tables(made).combine_chunks().equals(whole.combine_chunks())


def test_a_seed_is_a_world():
    assert orders(3000).equals(orders(3000))
    assert not orders(3000)["service_minutes"].equals(orders(3000, seed=8)["service_minutes"])


def test_blocks_are_not_alike():
    made = orders(2 * BLOCK)
    assert set(made["crates"][:BLOCK] == made["crates"][BLOCK:].reset_index(drop=True)) == {True, False}


def test_one_row_is_a_world_too(tmp_path):
    assert taken_in(tmp_path, written(tmp_path / "one.parquet", 1)).rows == 1


def written(path, rows, chunk=5000):
    generate.generate(plan(rows), PARAMS.drift, path, chunk)
    return path


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet"])
def test_what_is_written_is_sound(tmp_path, name):
    """Nothing that validation knows of is wrong with it, and it comes back as it was made."""
    out = tmp_path / "in"
    out.mkdir()
    verdict = taken_in(tmp_path, written(out / name, ROWS), chunk=4000)
    assert verdict.rows == ROWS
    back = pq.read_table(tmp_path / "orders.parquet", columns=ORDERS.names).to_pandas()
    assert back.equals(orders(ROWS))


def test_row_groups_are_the_chunks(tmp_path):
    found = pq.ParquetFile(written(tmp_path / "o.parquet", ROWS, chunk=5000)).metadata
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [
        5000,
        5000,
        5000,
        ROWS - 15000,
    ]


def test_a_route_is_one_driver_in_one_city_on_one_day():
    made = orders(BLOCK)
    made["date"] = made["stopped_at"].dt.date
    routes = made.groupby("route_id")
    assert (routes[["city", "driver_id", "date"]].nunique() == 1).all(axis=None)
    assert routes.size()[:-1].between(*STOPS).all()
    assert routes["stopped_at"].is_monotonic_increasing.all()


def test_a_driver_stays_in_a_city_and_grows_experienced():
    made = orders(60_000, days=900).sort_values("stopped_at")
    drivers = made.groupby("driver_id")
    assert (drivers["city"].nunique() == 1).all()
    assert drivers["driver_weeks"].is_monotonic_increasing.all()


def test_a_failure_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    path = written(tmp_path / "o.parquet", 10)
    before = path.read_bytes()
    monkeypatch.setattr(generate, "chunks", lambda *_: iter([pa.table({"another": [1]})]))
    with pytest.raises(ValueError, match="schema"):
        written(path, 20)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["o.parquet"]
