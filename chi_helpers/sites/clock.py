"""The site's own clock: the Date header of its answers. Deadlines are the site's, so its time counts."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_date(header: str | None) -> datetime | None:
    """Read an HTTP Date header as an aware instant; None where there is none, or it is not a date."""
    try:
        found = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
