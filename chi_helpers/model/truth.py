"""Kleene's three-valued logic: what cannot be found out is neither true nor false, and is said so."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Truth(Enum):
    """True, false, or unknown. It has no truth value of its own: `if truth:` is an error, not a guess."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("a Truth is no bool: compare it with Truth.YES, Truth.NO or Truth.UNKNOWN")


def every(truths: Iterable[Truth]) -> Truth:
    """Kleene's and: NO where one is NO, else UNKNOWN where one is, else YES (also of nothing at all)."""
    found = Truth.YES
    for truth in truths:
        if truth is Truth.NO:
            return Truth.NO
        if truth is Truth.UNKNOWN:
            found = Truth.UNKNOWN
    return found


def some(truths: Iterable[Truth]) -> Truth:
    """Kleene's or: YES where one is YES, else UNKNOWN where one is, else NO (also of nothing at all)."""
    found = Truth.NO
    for truth in truths:
        if truth is Truth.YES:
            return Truth.YES
        if truth is Truth.UNKNOWN:
            found = Truth.UNKNOWN
    return found


def known(value: bool | None) -> Truth:
    """`value` as a Truth; None is unknown."""
    if value is None:
        return Truth.UNKNOWN
    return Truth.YES if value else Truth.NO
