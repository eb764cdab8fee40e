"""How steps and their ends are told: to people, and to the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.reaping import Fate

if TYPE_CHECKING:
    from chi_helpers.apply.reaper.send import Answer
    from chi_helpers.model.reaping import ReapOutcome, ReapStep

_RESULTS = {
    Fate.DONE: Result.DONE,
    Fate.GONE: Result.ALREADY,
    Fate.TAKEN: Result.ALREADY,
    Fate.CHANGED: Result.SKIPPED,
    Fate.WAITING: Result.SKIPPED,
    Fate.REFUSED: Result.REFUSED,
    Fate.FAILED: Result.FAILED,
}


def title(step: ReapStep) -> str:
    return f"{step.action} {step.ref.kind} {step.name or step.ref.id}"


def outcome(end: ReapOutcome) -> Outcome:
    """As the observers of every other command know it."""
    words = f"{end.fate}: {end.detail}" if end.detail else str(end.fate)
    return Outcome(title(end.step), _RESULTS[end.fate], words, end.step.ref.id, end.request_id or None)


def told_step(step: ReapStep) -> dict[str, Any]:
    return {
        "action": str(step.action),
        "kind": str(step.ref.kind),
        "id": step.ref.id,
        "name": step.name,
        "owner": step.owner,
    }


def told_asked(step: ReapStep) -> dict[str, Any]:
    return {
        **told_step(step),
        "created": step.created,
        "deadline": step.deadline,
        "until": step.until,
        "why": step.why,
    }


def told_answer(answer: Answer) -> dict[str, Any]:
    error = answer.error
    return {
        **told_step(answer.step),
        "request_id": answer.request_id,
        "error": "" if error is None else f"{type(error).__name__}: {error.what}",
    }


def told_end(end: ReapOutcome) -> dict[str, Any]:
    return {
        **told_step(end.step),
        "fate": str(end.fate),
        "detail": end.detail,
        "request_id": end.request_id,
    }
