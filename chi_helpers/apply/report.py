"""What a run came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chi_helpers.model.outcome import Outcome
    from chi_helpers.plan.steps import Plan


@dataclass(frozen=True, slots=True)
class Report:
    """A plan and what became of its steps. `left` is what a second look found that should be gone."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    left: tuple[str, ...] = ()
    proved: bool = False
    """The second look was made: with `left` empty it is the proof that nothing is left."""
    waits: bool = False
    """The rest has to wait: the lease starts later."""

    @property
    def ok(self) -> bool:
        """Whether all was done."""
        return all(outcome.ok for outcome in self.outcomes) and not self.left and not self.waits

    def document(self) -> dict[str, Any]:
        """As JSON's own types, for `--json` and the journal."""
        return {
            "plan": self.plan.document(),
            "outcomes": [
                {
                    "step": o.step,
                    "result": str(o.result),
                    "detail": o.detail,
                    "resource_id": o.resource_id,
                    "request_id": o.request_id,
                }
                for o in self.outcomes
            ],
            "left": list(self.left),
            "proved": self.proved,
            "waits": self.waits,
        }
