"""Instants in words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.policy.clock import describe, to_the_minute

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 1, 29, 15, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "text"),
    [
        ("2026-01-29T20:55", "America/Chicago", "today 14:55 CST (20:55 UTC)"),
        ("2026-01-30T05:30", "America/Chicago", "today 23:30 CST (2026-01-30 05:30 UTC)"),
        ("2026-01-30T20:55", "America/Chicago", "tomorrow 14:55 CST (20:55 UTC)"),
        ("2026-01-28T20:55", "America/Chicago", "yesterday 14:55 CST (20:55 UTC)"),
        ("2026-07-29T20:55", "America/Chicago", "2026-07-29 15:55 CDT (20:55 UTC)"),
        ("2026-01-29T20:55", "UTC", "today 20:55 UTC"),
        ("2026-01-29T20:55", "America/Sao_Paulo", "today 17:55 UTC-0300 (20:55 UTC)"),
        ("2026-01-29T20:55", "Asia/Kathmandu", "tomorrow 02:40 UTC+0545 (2026-01-29 20:55 UTC)"),
    ],
)
def test_describe(instant, zone, text):
    """The reader's day and clock, then UTC; a zone without a name shows its offset."""
    assert describe(datetime.fromisoformat(instant).replace(tzinfo=UTC), ZoneInfo(zone), now=NOW) == text


def test_without_now_the_date_stands():
    """Nothing can be called today then."""
    assert describe(NOW, CHICAGO) == "2026-01-29 09:07 CST (15:07 UTC)"


def test_a_naive_time_is_refused():
    """It could be off by hours."""
    with pytest.raises(ValueError, match="without a time zone"):
        to_the_minute(NOW.replace(tzinfo=None))
