"""Ten kinds of bad data are stopped, all at once, with file, rows and field."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from groceries import validate
from groceries.duplicates import Duplicates
from groceries.errors import RefusedError, WrongFileError
from groceries.problems import Kind
from groceries.shift import Moments
from tests.support import NOW, PARAMS, orders, put, taken_in, utc


def at(frame, field, rows, value):
    """`frame` with `value` in `field` of some rows (counted from 1)."""
    spoilt = frame.copy()
    spoilt[field] = spoilt[field].astype(object)
    spoilt.loc[[row - 1 for row in rows], field] = value
    return spoilt.infer_objects()


def twice(frame, row, of):
    return at(frame, "order_id", [row], int(frame["order_id"][of - 1]))


def contradict(frame, row):
    spoilt = at(at(frame, "floor", [row], 4), "stairs", [row], 1)
    return at(spoilt, "lift", [row], value=False)


BAD = [
    pytest.param(lambda o: o.drop(columns="crates"), "crates: missing column", id="missing column"),
    pytest.param(
        lambda o: o.assign(floor=at(o, "floor", [3, 1999], "third")["floor"].astype(str)),
        r"floor: wrong type in 2 of the rows: row 3 \('third'\), row 1999 \('third'\); expected: a whole number",
        id="wrong type",
    ),
    pytest.param(
        lambda o: at(o, "city", [7, 701], None), "city: empty in 2 of the rows: row 7, row 701;", id="empty"
    ),
    pytest.param(
        lambda o: twice(o, 1500, of=2),
        r"order_id: duplicate in 1 of the rows: row 1500 \(2, first in row 2\)",
        id="duplicate order",
    ),
    pytest.param(
        lambda o: at(o, "service_minutes", [1200], 241.5),
        r"service_minutes: out of range in 1 of the rows: row 1200 \(241.5\); expected: from 0.2 to 240",
        id="duration out of range",
    ),
    pytest.param(
        lambda o: at(o, "crates", [20], -2),
        r"crates: negative in 1 of the rows: row 20 \(-2\); expected: 0 or more",
        id="negative crates",
    ),
    pytest.param(
        lambda o: at(o, "city", [2000], "atlantis"),
        r"city: unknown city in 1 of the rows: row 2000 \(atlantis\); expected: one of northport",
        id="unknown city",
    ),
    pytest.param(
        lambda o: at(o, "stopped_at", [5], utc("2026-06-02 10:00")),
        r"stopped_at: in the future in 1 of the rows: row 5 \(2026-06-02 10:00:00\+00:00\)",
        id="in the future",
    ),
    pytest.param(
        lambda o: at(o, "stopped_at", [5], utc("2026-01-01")),
        r"stopped_at: outside of the window in 1 of the rows: row 5 \(2026-01-01 00:00:00\+00:00\); expected: from 2025-01-01",
        id="outside of the window",
    ),
    pytest.param(
        lambda o: contradict(o, 900),
        r"stairs: stairs contradict floor in 1 of the rows: row 900 \(1 flights, floor 4, no lift\)",
        id="stairs",
    ),
    pytest.param(
        lambda o: o.assign(parking_m=o["parking_m"] * 3.2808),
        r"parking_m: shifted; the mean is \d+\.\d+, expected 10 to 60 and the standard deviation",
        id="feet for metres",
    ),
]


@pytest.mark.parametrize("name", ["batch.csv", "batch.parquet"])
@pytest.mark.parametrize(("spoil", "says"), BAD)
def test_each_kind_is_told_alone_with_file_row_and_field(tmp_path, name, spoil, says):
    path = put(spoil(orders()), tmp_path / name)
    with pytest.raises(RefusedError) as refused:
        taken_in(tmp_path, path)
    [line] = refused.value.what.splitlines()
    assert re.match(re.escape(f"{path}: ") + says, line), line


def test_seconds_for_minutes_are_told_as_a_shift_too(tmp_path):
    """Single values may be in range: the column as a whole is not."""
    frame = orders()
    frame["service_minutes"] = (frame["service_minutes"] * 60).clip(upper=239)
    with pytest.raises(RefusedError, match="service_minutes: shifted; the mean is 23"):
        taken_in(tmp_path, put(frame, tmp_path / "seconds.parquet"))


def test_a_shift_in_one_of_many_files_is_found_in_that_file(tmp_path):
    sound, feet = orders(4000), orders(600, seed=9)
    feet["parking_m"] *= 3.2808
    feet["order_id"] += 10**6
    with pytest.raises(RefusedError) as refused:
        taken_in(tmp_path, put(sound, tmp_path / "a.csv"), put(feet, tmp_path / "b.parquet"))
    assert f"{tmp_path}/b.parquet: parking_m: shifted" in str(refused.value)
    assert "a.csv" not in str(refused.value)


def test_of_few_rows_no_shift_is_told(tmp_path):
    feet = orders(499)
    feet["parking_m"] *= 3.2808
    assert taken_in(tmp_path, put(feet, tmp_path / "b.parquet")).accepted


def test_everything_is_told_at_once(tmp_path):
    """In one file every kind; each is told once, also where a row has several faults."""
    spoilt = orders().drop(columns="driver_id")
    for field, row, value in [
        ("floor", 11, "x"),
        ("crates", 12, -1),
        ("city", 12, "atlantis"),
        ("city", 13, None),
        ("stopped_at", 14, utc("2027-01-01")),
        ("stopped_at", 15, utc("2024-12-31")),
        ("service_minutes", 16, 0.0),
    ]:
        spoilt = at(spoilt, field, [row], value)
    spoilt["floor"] = spoilt["floor"].astype(str)
    spoilt["parking_m"] *= 3.2808
    spoilt = contradict(twice(spoilt, 18, of=1).astype({"floor": object}), 17)
    spoilt["floor"] = spoilt["floor"].astype(str)
    with pytest.raises(RefusedError):
        taken_in(tmp_path, put(spoilt, tmp_path / "bad.csv"))
    report = json.loads((tmp_path / "validation.json").read_text())
    assert not report["accepted"]
    assert sorted(problem["kind"] for problem in report["problems"]) == sorted(Kind)


def test_the_first_rows_are_named_and_the_others_counted(tmp_path):
    path = put(at(orders(), "crates", range(101, 1901), -1), tmp_path / "bad.parquet")
    with pytest.raises(RefusedError) as refused:
        taken_in(tmp_path, path)
    says = "crates: negative in 1,800 of the rows: " + ", ".join(f"row {n} (-1)" for n in range(101, 106))
    assert f"{says} and 1,795 more; expected" in str(refused.value)


def test_duplicates_are_found_across_files_and_pieces(tmp_path):
    first, second = orders(3000), orders(1500, seed=5)
    second["order_id"] += 10**6
    second = at(second, "order_id", [1400], 2999)
    paths = put(first, tmp_path / "a.csv"), put(second, tmp_path / "b.csv")
    with pytest.raises(RefusedError, match=rf"row 1400 \(2999, first in row 2999 of {paths[0]}\)"):
        taken_in(tmp_path, *paths)


def test_the_first_duplicates_are_named_in_their_order(tmp_path):
    frame = orders()
    for row in range(1901, 1909):
        frame = twice(frame, row, of=row - 1000)
    with pytest.raises(RefusedError) as refused:
        taken_in(tmp_path, put(frame, tmp_path / "a.csv"))
    named = ", ".join(f"row {row} ({row - 1000}, first in row {row - 1000})" for row in range(1901, 1906))
    assert f"order_id: duplicate in 8 of the rows: {named} and 3 more; expected" in str(refused.value)


def test_the_first_of_many_duplicates_are_named():
    """Also where many of them are looked at together."""
    with Duplicates() as duplicates:
        for _ in range(2):
            duplicates.look(pa.array(np.arange(5000)))
        [problem] = duplicates.problems([("a", 5000), ("b", 5000)], show=20)
    assert (problem.file, problem.count) == ("b", 5000)
    assert problem.examples == tuple((row, f"{row - 1}, first in row {row} of a") for row in range(1, 21))


def test_a_report_of_another_table_is_wrong_use(tmp_path):
    taken_in(tmp_path, put(orders(500), tmp_path / "a.csv"))
    report = tmp_path / "ingest.json"
    for content, says in (
        (report.read_text().replace("500", "501"), "of another number"),
        ("[{}]", "not a report"),
    ):
        report.write_text(content)
        with pytest.raises(WrongFileError, match=says):
            validate.validate(
                tmp_path / "orders.parquet",
                report,
                tmp_path / "v.json",
                PARAMS.validate_,
                PARAMS.cities,
                PARAMS.window,
                NOW,
            )


def test_moments_in_pieces_are_those_of_the_whole():
    """Also where the pieces are not alike, as in a file that is sorted."""
    values = np.linspace(-3.0, 500.0, 1000) ** 2
    moments = Moments()
    for first, last in ((0, 10), (10, 10), (10, 700), (700, 1000)):
        moments.take(values[first:last])
    assert moments.rows == 1000
    assert moments.mean == pytest.approx(values.mean())
    assert moments.sd == pytest.approx(values.std())


def test_the_same_file_sent_again_is_all_duplicates(tmp_path):
    paths = [put(orders(1000), tmp_path / f"{name}.csv") for name in "ab"]
    with pytest.raises(RefusedError, match=r"b\.csv: order_id: duplicate in 1,000 of the rows: row 1 "):
        taken_in(tmp_path, *paths)


def test_large_ids_that_a_float_would_confuse_are_different(tmp_path):
    frame = orders(1000)
    frame["order_id"] += 2**62
    spoilt = at(frame, "city", [1], None)
    with pytest.raises(RefusedError) as refused:
        taken_in(tmp_path, put(spoilt, tmp_path / "a.parquet"))
    assert "duplicate" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("stopped_at", 1_740_000_000, id="a number is no time: of which unit?"),
        pytest.param("stopped_at", pd.Timestamp("2025-03-01"), id="a time without its zone"),
        pytest.param("floor", 1.5, id="half a floor"),
        pytest.param("crates", 70_000, id="too large for the type"),
        pytest.param("lift", 2, id="a number is not true or false"),
        pytest.param("city", 3, id="a number is no city"),
    ],
)
def test_parquet_columns_of_another_type_are_not_guessed(tmp_path, field, value):
    frame = orders().assign(**{field: value})
    with pytest.raises(RefusedError, match=f"{field}: wrong type in 2,000 of the rows: row 1 "):
        taken_in(tmp_path, put(frame, tmp_path / "a.parquet"))


def test_parquet_columns_of_a_kin_type_are_taken(tmp_path):
    frame = orders().astype({"floor": "int64", "crates": "float64", "driver_weeks": "int8"})
    frame["city"] = frame["city"].astype("category")
    assert taken_in(tmp_path, put(frame, tmp_path / "a.parquet")).accepted
