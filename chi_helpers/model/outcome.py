"""What became of one step, and how progress is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Result(StrEnum):
    DONE = "done"
    ALREADY = "already so"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step's end: `step` is its title, `detail` the reason, the value or the error."""

    step: str
    result: Result
    detail: str = ""
    resource_id: str | None = None
    request_id: str | None = None

    @property
    def ok(self) -> bool:
        return self.result in (Result.DONE, Result.ALREADY, Result.SKIPPED)


class Progress(Protocol):
    """Told as work goes on; the terminal, the notebook and the tests each have one."""

    def started(self, step: str) -> None:
        """`step` (a title) began."""

    def note(self, step: str, detail: str) -> None:
        """Something about a step that is under way, for example what it waits for."""

    def finished(self, outcome: Outcome) -> None:
        """A step ended."""


class Silent:
    """The observer that says nothing."""

    def started(self, step: str) -> None:
        pass

    def note(self, step: str, detail: str) -> None:
        pass

    def finished(self, outcome: Outcome) -> None:
        pass
