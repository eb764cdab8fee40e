"""What becomes of steps: printed as they end, and as a table afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from chi_helpers.model.outcome import Outcome, Result

_SIGNS = {
    Result.DONE: "✓",
    Result.ALREADY: "=",
    Result.SKIPPED: "-",
    Result.REFUSED: "✗",
    Result.FAILED: "✗",
}


@dataclass(slots=True)
class Printed:
    """An observer that prints a line for each step that has ended and did, or said, something."""

    _begun: dict[str, float] = field(default_factory=dict)

    def started(self, step: str) -> None:
        self._begun[step] = time.monotonic()

    def note(self, step: str, detail: str) -> None:
        """Notes are for a live display; a cell's output stays."""

    def finished(self, outcome: Outcome) -> None:
        begun = self._begun.pop(outcome.step, None)
        if outcome.result is Result.ALREADY and not outcome.detail:
            return
        took = "" if begun is None else f"  ({time.monotonic() - begun:.1f} s)"
        print(f"{line(outcome)}{took}", flush=True)


class Steps:
    """Steps and what became of them; a notebook shows a table."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self.outcomes = tuple(outcomes)

    @property
    def ok(self) -> bool:
        return all(outcome.ok for outcome in self.outcomes)

    def __repr__(self) -> str:
        return "\n".join(line(outcome) for outcome in self.outcomes)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_SIGNS[outcome.result]}</td><td style='text-align:left'>{escape(outcome.step)}</td>"
            f"<td style='text-align:left'>{escape(outcome.detail or str(outcome.result))}</td></tr>"
            for outcome in self.outcomes
        )
        return f"<table>{rows}</table>"


def line(outcome: Outcome) -> str:
    """One outcome as a line of text."""
    return f"{_SIGNS[outcome.result]} {outcome.step}{f': {outcome.detail}' if outcome.detail else ''}"
