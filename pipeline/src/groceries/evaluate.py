"""How good each model is on the held-out routes, on the whole and by slice."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from groceries import store, tables
from groceries.errors import WrongFileError
from groceries.features import FEATURES, SCHEMA, matrix
from groceries.params import Costs, Evaluate
from groceries.reports import PRODUCTION, Report, write
from groceries.routes import Routes
from groceries.scores import Tally
from groceries.slices import slices


def evaluate(
    features: Path,
    folders: list[Path],
    production: Path | None,
    metrics: Path,
    out: Path,
    params: Evaluate,
    costs: Costs,
    cities: tuple[str, ...],
    drift: datetime,
    chunk: int = tables.CHUNK,
) -> dict[str, Report]:
    """Judge the models in `folders`, and the one in `production` if that folder has one.

    Writes the overall numbers to `metrics` and everything to `out`, both JSON; gives the reports by model.
    """
    where = {store.card(folder).name: folder for folder in folders}
    if production is not None and (production / store.CARD).exists():
        where[PRODUCTION] = production
    cards = {name: store.card(folder) for name, folder in where.items()}
    for name, card in cards.items():
        if card.features != list(FEATURES):
            raise WrongFileError(
                f"{where[name]}: was trained on other features than there are now", do="Train it again."
            )
    models = {name: store.load(folder) for name, folder in where.items()}
    tallies = {name: _Tallies(costs) for name in models}
    with Routes(len(models)) as routes:
        for piece in tables.pieces(features, SCHEMA.names, chunk):
            held = piece.filter(piece.column("held_out"))
            if not held.num_rows:
                continue
            rows, seen = held.to_pandas(), matrix(held)
            actual = rows["service_minutes"].to_numpy()
            planned = {name: model.predict(seen) for name, model in models.items()}
            parts = list(slices(rows, cities, drift))
            for name, plan in planned.items():
                tallies[name].take(actual, plan, parts)
            routes.take(rows["route_id"].to_numpy(), actual, list(planned.values()))
        total, late = routes.late(params.late_after)
    if not total:
        raise WrongFileError(
            f"{features}: has no held-out route", do="Raise features.holdout, or take more rows."
        )
    reports = {
        name: tallies[name].report(cards[name].version, int(late[number]), total, costs)
        for number, name in enumerate(models)
    }
    write(reports, metrics, out)
    return reports


class _Tallies:
    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._overall = Tally(costs)
        self._slices: dict[str, Tally] = {}

    def take(self, actual: Any, planned: Any, parts: list[tuple[str, Any]]) -> None:
        self._overall.take(actual, planned)
        for name, inside in parts:
            self._slices.setdefault(name, Tally(self._costs)).take(actual[inside], planned[inside])

    def report(self, version: str, late: int, routes: int, costs: Costs) -> Report:
        overall = self._overall.score(extra=late * costs.late_route)
        by_slice = {name: tally.score() for name, tally in self._slices.items()}
        return Report(version, overall, late / routes, by_slice)
