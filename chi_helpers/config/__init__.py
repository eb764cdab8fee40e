"""reservation.yaml, the owner, the environment: what people wrote, checked and turned into model values.

`load(path)` and `load_roster(path)` are the ways in. They are imported late: pydantic is not cheap, and
`chi-lab --help` must not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from chi_helpers.config.labfile import load
    from chi_helpers.config.roster import load_roster

__all__ = ["ConfigError", "Problem", "load", "load_roster"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from chi_helpers.config.labfile import load

        return load
    if name == "load_roster":
        from chi_helpers.config.roster import load_roster

        return load_roster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
