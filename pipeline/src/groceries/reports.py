"""What an evaluation says of the models, on disk and as values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from groceries import tables
from groceries.errors import WrongFileError
from groceries.scores import Score

PRODUCTION = "production"
"""The name of the model in production among the others."""


@dataclass(frozen=True, slots=True)
class Report:
    """One model on the held-out routes.

    `late_routes` is the share of late ones; `overall.cost` contains their price, the slices' costs do not.
    """

    version: str
    overall: Score
    late_routes: float
    slices: dict[str, Score]


def read(path: Path) -> dict[str, Report]:
    """Read what `write` wrote to `out`."""
    found = tables.read_json(path)
    try:
        return {
            name: Report(
                report["version"],
                Score(**report["overall"]),
                report["late_routes"],
                {part: Score(**score) for part, score in report["slices"].items()},
            )
            for name, report in found.items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise WrongFileError(f"{path}: is not an evaluation: {error}", do="Run evaluate again.") from error


def write(reports: dict[str, Report], metrics: Path, out: Path) -> None:
    """Write the overall numbers to `metrics`, for `dvc metrics show`, and everything to `out`."""
    brief = {}
    for name, report in reports.items():
        score = report.overall
        numbers = {"mae": score.mae, "p90": score.p90, "late_routes": report.late_routes, "cost": score.cost}
        brief[name] = {key: None if value is None else round(value, 4) for key, value in numbers.items()}
    tables.write_json(metrics, brief)
    tables.write_json(out, {name: asdict(report) for name, report in reports.items()})
