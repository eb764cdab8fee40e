"""`groceries STAGE ...`: each stage reads files that are named, and writes files that are named.

The commands for all stages together are in `commands`.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from groceries import commands
from groceries.errors import Exit, PipelineError
from groceries.params import ModelName, Params, load

FILE = click.Path(path_type=Path)
Command = Callable[..., Any]


def main() -> None:
    """Run a stage. What was raised on purpose is told in its own words, without a traceback."""
    # OpenMP's threads wait for each other by counting. Beside other work on two cores that cost four times
    # the processor, and three times the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        stages()
    except PipelineError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # what is read is looked after by who reads it; this is about what is written
        click.echo(f"{error.filename or 'a file'}: cannot be written: {error.strerror or error}", err=True)
        sys.exit(Exit.USAGE)
    except Exception:  # noqa: BLE001 - any other is a fault
        traceback.print_exc()
        sys.exit(Exit.FAULT)


@click.group()
@click.option("--params", "path", type=FILE, default=Path("params.yaml"), show_default=True)
@click.pass_context
def stages(context: click.Context, path: Path) -> None:
    """How long does a delivery stop take? From raw batches to a gated model, and to predictions.

    Exit codes: 0 done; 1 validation refused the data, or the gate the model; 2 wrong use or wrong file;
    3 a fault of the pipeline itself; 4 MLflow, or the service, does not answer.
    """
    context.obj = lambda: load(path)  # late: `STAGE --help` needs no file


for command in commands.ALL:
    stages.add_command(command)


def _out(name: str, what: str) -> Callable[[Command], Command]:
    return click.option(f"--{name}", type=FILE, required=True, help=what)


chunk = click.option(
    "--chunk", type=click.IntRange(min=1), default=65_536, show_default=True, help="Rows held at a time."
)


@stages.command()
@_out("out", "Where the orders go: .parquet or .csv.")
@click.option("--rows", type=click.IntRange(min=1), help="Instead of generate.rows.")
@chunk
@click.pass_obj
def generate(params: Callable[[], Params], out: Path, rows: int | None, chunk: int) -> None:
    """Make up orders of a grocery service, whose truth is known."""
    from groceries.generate import generate as run

    found = params()
    plan = found.generate if rows is None else found.generate.model_copy(update={"rows": rows})
    click.echo(f"{out}: {run(plan, found.drift, out, chunk):,} orders")


@stages.command()
@click.argument("sources", type=FILE, nargs=-1, required=True)
@_out("out", "Where the typed table goes (Parquet).")
@_out("report", "Where to note what could not be read (JSON).")
@chunk
def ingest(sources: tuple[Path, ...], out: Path, report: Path, chunk: int) -> None:
    """Read a batch: .csv and .parquet files, or folders with such."""
    from groceries.ingest import ingest as run

    found = run(list(sources), out, report, chunk)
    click.echo(f"{out}: {sum(source.rows for source in found):,} rows of {len(found)} file(s)")


@stages.command()
@_out("orders", "The table of ingest.")
@_out("ingested", "The report of ingest.")
@_out("report", "Where the verdict goes (JSON).")
@click.option("--now", type=click.DateTime(), help="No stop can be later (UTC). Without it: the clock.")
@chunk
@click.pass_obj
def validate(
    params: Callable[[], Params], orders: Path, ingested: Path, report: Path, now: datetime | None, chunk: int
) -> None:
    """Tell all that is wrong with the batch, or that it is sound."""
    from groceries.validate import validate as run

    found, at = params(), now.replace(tzinfo=UTC) if now else datetime.now(UTC)
    verdict = run(orders, ingested, report, found.validate_, found.cities, found.window, at, chunk)
    click.echo(f"{orders}: {verdict.rows:,} rows are sound")


@stages.command()
@_out("orders", "The table of ingest.")
@_out("validation", "The verdict of validate.")
@_out("out", "Where the features go (Parquet).")
@chunk
@click.pass_obj
def features(params: Callable[[], Params], orders: Path, validation: Path, out: Path, chunk: int) -> None:
    """Make of sound orders what a model sees."""
    from groceries.features import features as run

    found = params()
    click.echo(f"{out}: {run(orders, validation, out, found.features, found.cities, chunk):,} rows")


@stages.command()
@click.argument("model", type=click.Choice(get_args(ModelName)))
@_out("features", "The features.")
@_out("out", "The folder for the model and its card.")
@chunk
@click.pass_obj
def train(params: Callable[[], Params], model: ModelName, features: Path, out: Path, chunk: int) -> None:
    """Train one model."""
    from groceries.train import train as run

    found = params()
    card = run(features, out, model, found.models, found.train, chunk)
    click.echo(
        f"{out}: {model} {card.version}, from {card.rows:,} rows of {card.data_version}, on {card.device}"
    )


@stages.command()
@click.argument("models", type=FILE, nargs=-1, required=True)
@_out("features", "The features.")
@click.option("--production", type=FILE, help="The folder of the model in production; may be empty.")
@_out("metrics", "Where the overall numbers go (JSON).")
@_out("out", "Where everything goes, by slice (JSON).")
@chunk
@click.pass_obj
def evaluate(
    params: Callable[[], Params],
    models: tuple[Path, ...],
    features: Path,
    production: Path | None,
    metrics: Path,
    out: Path,
    chunk: int,
) -> None:
    """Compare models (their folders) on the held-out routes."""
    from groceries.evaluate import evaluate as run

    found = params()
    reports = run(
        *(features, list(models), production, metrics, out),
        *(found.evaluate, found.costs, found.cities, found.drift.begins, chunk),
    )
    for name, report in reports.items():
        score = report.overall
        click.echo(
            f"{name}: mae {score.mae:.2f} min, p90 {score.p90:.2f} min, "
            f"{report.late_routes:.1%} of routes late, {score.cost:,.0f} EUR per 1,000 stops"
        )


@stages.command()
@_out("evaluation", "Everything that evaluate wrote.")
@_out("out", "Where the decision goes (JSON).")
@click.pass_obj
def gate(params: Callable[[], Params], evaluation: Path, out: Path) -> None:
    """Let the candidate pass, or refuse it."""
    from groceries.gate import gate as run

    decision = run(evaluation, out, params().gate)
    for note in decision.notes:
        click.echo(note, err=True)
    click.echo(f"{decision.candidate} ({decision.version}) may replace what is there")


@stages.command()
@click.argument("model", type=FILE)
@_out("gate", "The decision of gate.")
@_out("orders", "The table of ingest.")
@_out("features", "The features.")
@_out("out", "The folder for what is served.")
@chunk
@click.pass_obj
def package(
    params: Callable[[], Params], model: Path, gate: Path, orders: Path, features: Path, out: Path, chunk: int
) -> None:
    """Put together what is served: the model, how its features are made, what its data looked like."""
    from groceries.package import package as run

    card = run(model, gate, orders, features, out, params(), chunk)
    click.echo(f"{out}: {card.name} {card.version}")


@stages.command("check-params", hidden=True)
@click.pass_obj
def check_params(params: Callable[[], Params]) -> None:
    """See whether the parameters make sense to this code."""
    params()
