"""Lab kit for the Chameleon testbed: reserve, launch, provision, watch the time, give back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Lab", "__version__"]

if TYPE_CHECKING:
    from chi_helpers.lab import Lab


def __getattr__(name: str) -> Any:
    # `chi-lab --version` must not pay for openstack, pydantic or python-chi.
    if name == "Lab":
        from chi_helpers.lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
