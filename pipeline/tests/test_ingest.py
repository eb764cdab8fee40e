"""Files of a batch are read as they are; what is no batch is refused as wrong use."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from groceries import ingest
from groceries.errors import WrongFileError
from groceries.schema import INGESTED
from tests.support import orders, put


def read(folder, *paths, chunk=300):
    ingest.ingest(list(paths), folder / "orders.parquet", folder / "ingest.json", chunk)
    return pq.read_table(folder / "orders.parquet"), json.loads((folder / "ingest.json").read_text())


def test_every_row_knows_where_it_is_from(tmp_path):
    a, b = put(orders(1000), tmp_path / "a.csv"), put(orders(500), tmp_path / "b.parquet")
    table, report = read(tmp_path, a, b)
    assert table.schema.equals(INGESTED)
    frame = table.to_pandas()
    assert frame.groupby("source")["row"].agg(list).to_dict() == {
        str(a): list(range(1, 1001)),
        str(b): list(range(1, 501)),
    }
    assert [(source["file"], source["rows"]) for source in report] == [(str(a), 1000), (str(b), 500)]


def test_a_folder_is_all_that_is_in_it_by_name(tmp_path):
    inside = tmp_path / "batch"
    inside.mkdir()
    put(orders(10), inside / "b.csv")
    put(orders(10), inside / "a.parquet")
    (inside / "notes.txt").write_text("not a batch")
    assert [source["file"] for source in read(tmp_path, inside)[1]] == [
        f"{inside}/a.parquet",
        f"{inside}/b.csv",
    ]


def test_columns_may_come_in_any_order_and_others_are_noted(tmp_path):
    frame = orders(50)
    mixed = frame[frame.columns[::-1]].assign(weather="rain")
    table, report = read(tmp_path, put(mixed, tmp_path / "a.csv"))
    assert table.select(frame.columns).to_pandas().equals(frame)
    assert report[0]["ignored"] == ["weather"]


def test_unreadable_cells_are_counted_and_shown_up_to_a_number(tmp_path):
    frame = orders(1000).astype({"crates": str})
    frame.loc[100:599, "crates"] = "many"
    table, report = read(tmp_path, put(frame, tmp_path / "a.csv"))
    assert report[0]["unreadable"] == {"crates": 500}
    assert report[0]["examples"] == {"crates": [[row, "many"] for row in range(101, 121)]}
    assert table["crates"].null_count == 500


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("a.txt", "x", "neither .csv nor .parquet", id="another kind of file"),
        pytest.param("a.parquet", "x", "not a sound Parquet file", id="damaged Parquet"),
        pytest.param("a.csv", "", "not a sound CSV", id="an empty file"),
        pytest.param("a.csv", "order_id,floor\n", "has no rows", id="a header only"),
        pytest.param("a.csv", "1,2\n3,4\n", "none of the columns", id="no header"),
        pytest.param("a.csv", "floor,floor\n1,2\n", "has column floor twice", id="a column twice"),
        pytest.param("a.csv", "order_id,floor\n1,2\n1,2,3\n", "not a sound CSV", id="a line too long"),
        pytest.param("a.csv", None, "cannot be read", id="no file"),
        pytest.param("a.parquet", None, "cannot be read", id="no Parquet file"),
    ],
)
def test_what_is_no_batch_is_wrong_use(tmp_path, name, content, says):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(WrongFileError, match=says) as wrong:
        read(tmp_path, path)
    assert str(path) in str(wrong.value)
    assert not (tmp_path / "orders.parquet").exists()


def test_an_empty_folder_and_a_file_named_twice_are_wrong_use(tmp_path):
    with pytest.raises(WrongFileError, match="holds neither"):
        read(tmp_path, tmp_path)
    path = put(orders(5), tmp_path / "a.csv")
    with pytest.raises(WrongFileError, match="named twice"):
        read(tmp_path, path, path)
