"""reservation.yaml, the owner, the environment: what people wrote, checked and turned into model values.

`load(path)` is the way in. It is imported late, because pydantic is not cheap and `chi-lab --help`
must not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from chi_helpers.config.labfile import load

__all__ = ["ConfigError", "Problem", "load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from chi_helpers.config.labfile import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
