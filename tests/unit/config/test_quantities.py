"""Durations, times, zones and limits at their boundaries, and what is said on the far side of each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.config import quantities as q

YEAR = timedelta(days=366)


@pytest.mark.parametrize(
    "text",
    ["366d", "365d24h", "8784h", "8783h60m", "527040m", " 366 d ", "366D", "00000000000000000366d"[-20:]],
)
def test_a_duration_may_be_a_leap_year(text):
    assert q.duration(text) == YEAR


@pytest.mark.parametrize("text", ["366d1m", "367d", "8784h1m", "8785h", "527041m", "000000000000000000001h"])
def test_a_longer_duration_is_refused_whatever_its_unit(text):
    with pytest.raises(ValueError, match=f"^{text} is longer than a year$"):
        q.duration(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [("1m", timedelta(minutes=1)), ("1h", timedelta(hours=1)), ("1d2h3m", timedelta(1, 2 * 3600 + 180))],
)
def test_a_duration_counts_days_hours_and_minutes(text, length):
    assert q.duration(text) == length
    assert q.duration(length) is length


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is empty: write for example 6h"),
        (6, "6 has no unit: write 6h for hours or 6m for minutes"),
        ("6:00", "6:00 is a time of day, not a duration: write 6h"),
        ("2:30", "2:30 is a time of day, not a duration: write 2h30m"),
        ("2:30:00", "2:30:00 is a time of day, not a duration: write 2h30m"),
        (True, "true is not a duration: write for example 6h, 90m, 2h30m or 1d"),
        (["6h"], "a list is not a duration: write for example 6h, 90m, 2h30m or 1d"),
        ({"h": 6}, "a mapping is not a duration: write for example 6h, 90m, 2h30m or 1d"),
        ("h", '"h" is not a duration: write for example 6h, 90m, 2h30m or 1d'),
        ("", '"" is not a duration: write for example 6h, 90m, 2h30m or 1d'),
        ("1m2h", '"1m2h" is not a duration: write for example 6h, 90m, 2h30m or 1d'),
    ],
)
def test_what_is_no_duration_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.duration(value)


@pytest.mark.parametrize("text", ["10m", "600s", "9m60s", " 10 M "])
def test_a_short_time_may_be_ten_minutes(text):
    assert q.short(text) == timedelta(minutes=10)


@pytest.mark.parametrize("text", ["10m1s", "11m", "601s", "99999999999999999999s"])
def test_a_longer_short_time_is_refused(text):
    with pytest.raises(ValueError, match=f"^{text} is above ten minutes$"):
        q.short(text)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is empty: write for example 30s"),
        (30, "30 is not a short time: write for example 30s or 1m"),
        ("1h", '"1h" is not a short time: write for example 30s or 1m'),
        (["30s"], "a list is not a short time: write for example 30s or 1m"),
    ],
)
def test_what_is_no_short_time_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.short(value)


def test_a_short_time_that_is_read_already_stays():
    assert q.short(timedelta(hours=1)) == timedelta(hours=1)


@pytest.mark.parametrize(("value", "limit"), [(0, 0), (1, 1), ("none", None)])
def test_a_count_is_a_number_or_none(value, limit):
    assert q.count(value) == limit


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is empty: write for example 20, or none for no limit"),
        (-1, "-1 is below 0: write 0 for none at all, or none for no limit"),
        ("20", '"20" is not a number of things: write for example 20, or none'),
        (True, "true is not a number of things: write for example 20, or none"),
        ([20], "a list is not a number of things: write for example 20, or none"),
    ],
)
def test_what_is_no_count_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.count(value)


@pytest.mark.parametrize(
    ("value", "part"), [("100%", 1), ("1.0", 1), ("0.5 %", 0.005), (" 50% ", 0.5), (0, 0), ("none", None)]
)
def test_a_share_is_at_most_all(value, part):
    assert q.share(value) == part


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is empty: write for example 50%, or none for no limit"),
        (1, "1 may mean all or one in a hundred: write 100% or 1%"),
        ("50", "50 is more than all of it: write 50%"),
        ("100", "100 is more than all of it: write 100%"),
        ("101", "101 is more than all of it: write at most 100%"),
        ("100.5%", "100.5% is more than all of it: write at most 100%"),
        ("-1%", '"-1%" is not a part of a whole: write for example 50% or 0.5'),
        ("half", '"half" is not a part of a whole: write for example 50% or 0.5'),
        (True, "true is not a part of a whole: write for example 50% or 0.5"),
        ([0.5], "a list is not a part of a whole: write for example 50% or 0.5"),
        ("0." + "1" * 10, f'"0.{"1" * 10}" is not a part of a whole: write for example 50% or 0.5'),
    ],
)
def test_what_is_no_share_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.share(value)


def test_a_minute_is_longer_than_nothing():
    assert q.positive(timedelta(minutes=1)) == timedelta(minutes=1)
    with pytest.raises(ValueError, match=r"^must be longer than nothing: write for example 6h$"):
        q.positive(timedelta(0))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-29 23:59", datetime(2026, 1, 29, 23, 59)),  # noqa: DTZ001 - as the file has it
        ("2026-01-29T9:05:00", datetime(2026, 1, 29, 9, 5)),  # noqa: DTZ001
        ("2026-01-29 14:00 Z", datetime(2026, 1, 29, 14, tzinfo=UTC)),
        ("2026-01-29 14:00-05:00", datetime(2026, 1, 29, 19, tzinfo=UTC)),
    ],
)
def test_a_moment_is_naive_unless_it_names_its_offset(text, instant):
    found = q.moment(text)
    assert (found, found.tzinfo is None) == (instant, instant.tzinfo is None)
    assert q.moment(found) is found


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is empty: write for example 2026-01-29 14:00"),
        ("2026-01-29", "2026-01-29 has no time of day: write for example 2026-01-29 14:00"),
        (
            "2026-01-29 14:00:30.5",
            "2026-01-29 14:00:30.5 has seconds: leases start and end on whole minutes",
        ),
        ("2026-01-29 24:00", "2026-01-29 24:00: a day ends at 00:00 of the next one; write that"),
        ("2026-01-29 24:01", "2026-01-29 24:01 does not exist: hour must be in 0..23"),
        ("2026-01-29 14:60", "2026-01-29 14:60 does not exist: minute must be in 0..59"),
        (5, "5 is not a time: write for example 2026-01-29 14:00, or 2026-01-29T14:00-05:00"),
    ],
)
def test_what_is_no_moment_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.moment(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is empty: write for example America/Chicago"),
        ("chicago", '"chicago" is not a time zone: did you mean America/Chicago?'),
        ("new york", '"new york" is not a time zone: did you mean America/New_York?'),
        ("CST", '"CST" is not a time zone: write for example America/Chicago, or UTC'),
        (5, "5 is not a time zone: write for example America/Chicago, or UTC"),
        (["UTC"], "a list is not a time zone: write for example America/Chicago, or UTC"),
    ],
)
def test_what_is_no_zone_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.zone(value)


def test_a_zone_is_read_by_its_name():
    assert q.zone(" UTC ") == q.zone(ZoneInfo("UTC")) == ZoneInfo("UTC")


def test_hours_that_are_read_already_stay():
    window = (time(8), time(0), None)
    assert q.hours(window) is window
    assert q.hours("08:00-24:00") == window


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5, "5 is not a window: write for example 08:00-24:00 America/New_York"),
        ("00:00-00:00", "00:00-00:00 opens and closes at the same time: write 00:00-24:00 for the whole day"),
        ("08:00-24:01", "24:01 is not a time of day: hours are 00 to 24, minutes 00 to 59"),
        ("08:60-24:00", "08:60 is not a time of day: hours are 00 to 24, minutes 00 to 59"),
    ],
)
def test_what_is_no_window_is_refused(value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        q.hours(value)
