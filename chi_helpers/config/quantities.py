"""Durations, times and time zones as people write them.

Each parser raises `ValueError` with a message that says what to write instead.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from chi_helpers.config.problems import did_you_mean

DURATION = r"^\s*(?=\d)(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*$"
MOMENT = r"^(\d{4}-\d{2}-\d{2})[ T](\d{1,2}):(\d{2})(?::00)?\s*(Z|[+-]\d{2}:?\d{2})?$"
HOURS = r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})(?:\s+(\S+))?\s*$"
LONGEST = timedelta(days=366)
SHORT = r"^\s*(?=\d)(?:(\d+)\s*m)?\s*(?:(\d+)\s*s)?\s*$"
LONGEST_SHORT = timedelta(minutes=10)
SHARE = r"^\s*\d{1,3}(\.\d+)?\s*%\s*$|^none$"


def duration(value: Any) -> timedelta:
    """Read `6h`, `90m`, `2h30m` or `1d`. Whole minutes, at most a year."""
    if isinstance(value, timedelta):
        return value
    _given(value, "6h")
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit: write {value}h for hours or {value}m for minutes")  # noqa: TRY004
    text = str(value).strip()
    if clock := re.fullmatch(r"(\d+):(\d{2})(?::\d{2})?", text):
        hours, minutes = int(clock[1]), int(clock[2])
        spelled = f"{hours}h{minutes}m" if minutes else f"{hours}h"
        raise ValueError(f"{text} is a time of day, not a duration: write {spelled}")
    found = re.match(DURATION, text.lower())
    if isinstance(value, bool | list | dict) or not found:
        raise ValueError(f"{_shown(value)} is not a duration: write for example 6h, 90m, 2h30m or 1d")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    if len(text) > len("365d23h59m") * 2 or (days * 24 + hours) * 60 + minutes > LONGEST.days * 24 * 60:
        raise ValueError(f"{text} is longer than a year")
    return timedelta(days=days, hours=hours, minutes=minutes)


def short(value: Any) -> timedelta:
    """Read `30s`, `1m` or `1m30s`: whole seconds, at most ten minutes."""
    if isinstance(value, timedelta):
        return value
    _given(value, "30s")
    found = re.match(SHORT, value.lower()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"{_shown(value)} is not a short time: write for example 30s or 1m")
    minutes, seconds = (int(part[:9]) if part else 0 for part in found.groups())
    if minutes * 60 + seconds > LONGEST_SHORT.total_seconds():
        raise ValueError(f"{value} is above ten minutes")
    return timedelta(minutes=minutes, seconds=seconds)


def count(value: Any) -> int | None:
    """Read a whole number, or `none` for no limit; 0 is a number like any other."""
    _given(value, "20, or none for no limit")
    if value == "none":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{_shown(value)} is not a number of things: write for example 20, or none")  # noqa: TRY004
    if value < 0:
        raise ValueError(f"{value} is below 0: write 0 for none at all, or none for no limit")
    return value


def share(value: Any) -> float | None:
    """Read `50%` or `0.5` as a part of the whole, 0 to 1, or `none` for no limit.

    A bare 1 is refused: it may mean all, or one in a hundred.
    """
    _given(value, "50%, or none for no limit")
    text = str(value).strip()
    if text == "none":
        return None
    if text == "1":
        raise ValueError("1 may mean all or one in a hundred: write 100% or 1%")
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(%?)", text)
    if not found or isinstance(value, bool | list | dict):
        raise ValueError(f"{_shown(value)} is not a part of a whole: write for example 50% or 0.5")
    part = float(found[1]) / (100 if found[2] else 1)
    if part > 1:
        hint = f"write {text}%" if not found[2] and part <= 100 else "write at most 100%"  # noqa: PLR2004
        raise ValueError(f"{text} is more than all of it: {hint}")
    return part


def positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing: write for example 6h")
    return value


def moment(value: Any) -> datetime:
    """Read `2026-01-29 14:00`, naive, or the same with `Z` or an offset from UTC, aware. Whole minutes."""
    if isinstance(value, datetime):
        return value
    _given(value, "2026-01-29 14:00")
    text = str(value).strip()
    found = re.match(MOMENT, text)
    if not found:
        raise ValueError(_not_a_moment(value, text))
    day, hour, minute, offset = found[1], int(found[2]), int(found[3]), found[4]
    if hour == 24 and minute == 0:  # noqa: PLR2004
        raise ValueError(f"{text}: a day ends at 00:00 of the next one; write that")
    try:
        return datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}{offset or ''}")
    except ValueError as error:
        raise ValueError(f"{text} does not exist: {error}") from error


def _not_a_moment(value: Any, text: str) -> str:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return f"{text} has no time of day: write for example {text} 14:00"
    if re.match(MOMENT.replace("(?::00)?", r":\d{2}(?:\.\d+)?"), text):
        return f"{text} has seconds: leases start and end on whole minutes"
    return f"{_shown(value)} is not a time: write for example 2026-01-29 14:00, or 2026-01-29T14:00-05:00"


def zone(value: Any) -> ZoneInfo:
    """Read a time zone's name, for example America/New_York."""
    if isinstance(value, ZoneInfo):
        return value
    _given(value, "America/Chicago")
    text = str(value).strip()
    if isinstance(value, str) and text in _zones():
        return ZoneInfo(text)
    near = _zone_like(text) if isinstance(value, str) else ""
    hint = f"did you mean {near}?" if near else "write for example America/Chicago, or UTC"
    raise ValueError(f"{_shown(value)} is not a time zone: {hint}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone_like(text: str) -> str:
    word = text.replace(" ", "_").lower()
    full = sorted(
        name for name in _zones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/"))
    )
    for name in full:
        if name.lower() == word or name.lower().rsplit("/", 1)[-1] == word:
            return name
    return did_you_mean(word, full)


def hours(value: Any) -> tuple[time, time, ZoneInfo | None]:
    """Read `08:00-24:00 America/New_York`: opens, closes (`time(0)` is midnight at the day's end), zone."""
    if isinstance(value, tuple):
        return value
    found = re.match(HOURS, value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"{_shown(value)} is not a window: write for example 08:00-24:00 America/New_York")
    opens, closes = _clock(found[1], found[2]), _clock(found[3], found[4])
    if opens == closes and (opens, found[3]) != (time(0), "24"):
        raise ValueError(f"{value} opens and closes at the same time: write 00:00-24:00 for the whole day")
    return opens, closes, zone(found[5]) if found[5] else None


def _clock(hour: str, minute: str) -> time:
    if (int(hour), int(minute)) == (24, 0):
        return time(0)
    try:
        return time(int(hour), int(minute))
    except ValueError as error:
        raise ValueError(
            f"{hour}:{minute} is not a time of day: hours are 00 to 24, minutes 00 to 59"
        ) from error


def localised(local: datetime, where: ZoneInfo) -> datetime:
    """`local`, read in `where` where it is naive, as an aware time in UTC.

    A local time that daylight saving skips or repeats is refused with both readings: guessing would be
    wrong by an hour for somebody.
    """
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    early, late = (local.replace(tzinfo=where, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early.astimezone(UTC)
    written = f"{local:%Y-%m-%d %H:%M}"
    if early.astimezone(UTC) < late.astimezone(UTC):
        raise ValueError(
            f"{written} comes twice in {where.key}, where clocks go back: write {_spelled(early)} for the "
            f"first ({early:%Z}) or {_spelled(late)} for the second ({late:%Z})"
        )
    after, before = (reading.astimezone(UTC).astimezone(where) for reading in (early, late))
    raise ValueError(
        f"{written} does not exist in {where.key}, where clocks go forward: write {_spelled(after)} "
        f"({after:%Z}) or {_spelled(before)} ({before:%Z})"
    )


def _spelled(instant: datetime) -> str:
    return instant.isoformat(sep=" ", timespec="minutes")


def _given(value: Any, example: str) -> None:
    if value is None:
        raise ValueError(f"is empty: write for example {example}")


def _shown(value: Any) -> str:
    if isinstance(value, date | bool | int):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return f'"{value}"'
