"""One guard of the reaper: `scripts/mutants.py` takes them out one by one."""

from __future__ import annotations

from typing import NamedTuple


class Guard(NamedTuple):
    file: str
    """Relative to the repository."""
    text: str
    """Must be in the file exactly once."""
    without: str
    """What stands in its place."""
    why: str
    """What it keeps, in a few words."""
    tests: tuple[str, ...]
    """Files for pytest, in order; the first failure ends the run."""


def guards_of(file: str, tests: tuple[str, ...], *guards: tuple[str, str, str]) -> tuple[Guard, ...]:
    """Guards of one file, each as (text, what stands in its place, what it keeps)."""
    return tuple(Guard(file, text, without, why, tests) for text, without, why in guards)
