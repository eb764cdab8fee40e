"""Whether the candidate may replace what is there: better on the whole, and on no slice worse."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from groceries import reports, tables
from groceries.errors import RefusedError, WrongFileError
from groceries.params import Gate
from groceries.reports import PRODUCTION, Report

STATUS_QUO = "fixed"
"""The model that is today's plan."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`reasons` against the candidate, all of them; `notes` say what was not judged."""

    candidate: str
    version: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return not self.reasons


def gate(evaluation: Path, out: Path, params: Gate) -> Decision:
    """Decide by the report of `evaluate`, and write the decision to `out`.

    Raises RefusedError with all reasons against the candidate.
    """
    decision = decide(reports.read(evaluation), params)
    tables.write_json(out, {"accepted": decision.accepted, **asdict(decision)})
    if not decision.accepted:
        raise RefusedError(
            f"{decision.candidate} ({decision.version}) is refused:\n" + "\n".join(decision.reasons),
            do="What is in production stays. Train another candidate, or change the gate in params.yaml.",
        )
    return decision


def decide(evaluation: dict[str, Report], params: Gate) -> Decision:
    """Compare the candidate with today's plan and with the model in production, if there is one.

    Overall its error and its cost must be below the other's: an equal model is no reason for a change, and
    is refused. On each slice its error may be above the other's by `tolerance` at most (reached is accepted).
    The very model that is in production already passes against itself.
    """
    for name in (params.candidate, STATUS_QUO):
        if name not in evaluation:
            raise WrongFileError(f"the evaluation has no model {name!r}", do="Evaluate it with the others.")
    candidate = evaluation[params.candidate]
    reasons, notes = [], []
    for name in (STATUS_QUO, PRODUCTION):
        other = evaluation.get(name)
        if other is None:
            notes.append("no model is in production: compared with today's plan only")
            continue
        if other.version == candidate.version:
            notes.append(f"{params.candidate} is the same model as {name}")
            if name == PRODUCTION:
                continue
        reasons += _overall(candidate, other, name)
        against, unjudged = _slices(candidate, other, name, params)
        reasons += against
        notes += unjudged
    return Decision(params.candidate, candidate.version, tuple(reasons), tuple(dict.fromkeys(notes)))


def _overall(candidate: Report, other: Report, name: str) -> list[str]:
    found = []
    for what, unit in (("mae", "minutes"), ("cost", "euros per 1,000 stops")):
        ours, theirs = getattr(candidate.overall, what), getattr(other.overall, what)
        if ours is None or theirs is None or not ours < theirs:
            found.append(f"overall: {what} {_said(ours)} is not below {_said(theirs)} {unit} of {name}")
    return found


def _slices(candidate: Report, other: Report, name: str, params: Gate) -> tuple[list[str], list[str]]:
    reasons, notes = [], []
    for part, ours in candidate.slices.items():
        theirs = other.slices[part]
        if ours.rows < params.min_rows or ours.mae is None or theirs.mae is None:
            notes.append(f"{part}: not judged, {ours.rows} rows are fewer than {params.min_rows}")
        elif ours.mae > theirs.mae * (1 + params.tolerance):
            above = f"{ours.mae / theirs.mae - 1:.1%}" if theirs.mae else "any share"
            reasons.append(
                f"{part}: mae {ours.mae:.3f} minutes is {ours.mae - theirs.mae:.3f} ({above}) above "
                f"{theirs.mae:.3f} of {name}; {params.tolerance:.1%} is allowed ({ours.rows:,} rows)"
            )
    return reasons, notes


def _said(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
