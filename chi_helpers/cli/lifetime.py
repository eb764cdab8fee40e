"""A length of time as an option's value, written as in reservation.yaml."""

from __future__ import annotations

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


LIFETIME = Lifetime()
