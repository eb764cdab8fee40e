"""A length of time in words."""

from __future__ import annotations

from datetime import timedelta


def span(length: timedelta) -> str:
    """`length` as reservation.yaml would say it, rounded down to minutes: `6h`, `2h30m`, `1d`.

    Under a minute it counts seconds: `45s`; nothing and less is `0m`.
    """
    seconds = max(0, int(length.total_seconds()))
    if 0 < seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds}s"
    minutes = seconds // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "m"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0m"
