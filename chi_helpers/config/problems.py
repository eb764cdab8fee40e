"""What is wrong with a file, each with its place, and all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from chi_helpers.model.errors import UsageError

Place = tuple[str | int, ...]
"""Where in a document: keys and list indices from the top, for example ("nodes", "node1", "ports", 0)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `line` counts from 1 (0: the file as a whole), `field` is a dotted path."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        spot = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{spot}: {self.field}: {self.message}" if self.field else f"{spot}: {self.message}"


class ConfigError(UsageError):
    """A file cannot be used; `problems` holds everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.field)))
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines.insert(0, f"{self.problems[0].file} has {len(self.problems)} problems:")
        super().__init__("\n".join(lines))


def dotted(place: Place) -> str:
    """`place` as people write it: `nodes.node1.ports[0]`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(word: str, candidates: Sequence[str]) -> str:
    """The candidate that `word` most likely stands for; empty where none is near."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""
