"""A length of time as an option's value, written as in reservation.yaml."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click


class Lifetime(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic from click 8.4 on
    """`3m`, `2h30m`, `1d`."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        from chi_helpers.config.quantities import duration

        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Span(Lifetime):
    """The same, and seconds: `90s`. Longer than nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        seconds = re.fullmatch(r"(\d{1,6})s", value) if isinstance(value, str) else None
        found = timedelta(seconds=int(seconds[1])) if seconds else super().convert(value, param, ctx)
        if found <= timedelta(0):
            self.fail(f"{value} is no time at all: write for example 10m or 90s", param, ctx)
        return found


LIFETIME = Lifetime()
SPAN = Span()
