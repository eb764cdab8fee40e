"""Instants and spans in words: the reader's time zone first, UTC behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def to_the_minute(instant: datetime) -> datetime:
    """`instant` (aware) in UTC, rounded down: Blazar knows minutes only (`%Y-%m-%d %H:%M`)."""
    if instant.tzinfo is None:
        raise ValueError(f"a time without a time zone: {instant}")
    return instant.astimezone(UTC).replace(second=0, microsecond=0)


def describe(instant: datetime, zone: ZoneInfo, *, now: datetime | None = None) -> str:
    """`instant` for a reader in `zone`: `today 14:55 CST (20:55 UTC)`.

    Without `now`, and on days that are neither today nor tomorrow in `zone`, the date stands in place of
    the word. UTC carries its date where that is another day.
    """
    here, there = instant.astimezone(zone), instant.astimezone(UTC)
    day = f"{here:%Y-%m-%d}"
    if now is not None:
        days = (here.date() - now.astimezone(zone).date()).days
        day = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(days, day)
    if here.utcoffset() == timedelta(0):
        return f"{day} {here:%H:%M} UTC"
    other = f"{there:%H:%M}" if there.date() == here.date() else f"{there:%Y-%m-%d %H:%M}"
    return f"{day} {here:%H:%M} {_zone_name(here)} ({other} UTC)"


def _zone_name(here: datetime) -> str:
    name = f"{here:%Z}"
    return name if name.isalpha() else f"UTC{here:%z}"
