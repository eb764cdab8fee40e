"""The site's clock is the Date header of its answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chi_helpers.sites.clock import read_date

AT = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("Mon, 02 Mar 2026 22:00:00 GMT", AT),
        ("Mon, 02 Mar 2026 16:00:00 -0600", AT),
        ("Mon, 02 Mar 2026 22:00:00 -0000", AT),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_as_an_instant_in_utc_and_anything_else_is_none(header, read):
    found = read_date(header)
    assert found == read
    assert found is None or found.tzinfo is UTC
