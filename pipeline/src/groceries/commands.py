"""The commands for all stages together: run, look at versions, go back, serve."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groceries.errors import StoppedError

if TYPE_CHECKING:
    from groceries.params import Params
    from groceries.registry import Registry

as_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")


def _said(text: str) -> None:
    click.echo(text, err=True)


def _registry() -> Registry:
    from groceries.registry import Registry, default_uri

    return Registry(default_uri(Path.cwd()))


def _document(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))


@click.command()
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change params.yaml first.")
@click.option("--message", default="", help="Of the commit, and of the run in MLflow.")
@as_json
def run(changes: tuple[str, ...], message: str, as_json: bool) -> None:
    """Run all stages whose data, code or parameters changed, and put the model that passes into production.

    In the working copy. What was run is noted in MLflow (MLFLOW_TRACKING_URI, or else a database in the
    working copy), and every version is a commit with the version's tag. It can be broken off and run again.
    """
    from groceries.run import run as run_all
    from groceries.workcopy import WorkingCopy

    try:
        outcome = run_all(WorkingCopy(Path.cwd()), _registry(), list(changes), message, _said)
    except StoppedError as error:
        if as_json:
            _document({"stage": error.stage, "said": error.words})
        raise
    if as_json:
        _document(outcome.document())
        return
    for name, numbers in outcome.metrics.items():
        click.echo(f"{name}: mae {numbers['mae']:.2f} min, {numbers['cost']:,.0f} EUR per 1,000 stops")
    what = "a new version, in production" if outcome.new else "in production"
    click.echo(f"{outcome.version}: {what}; {outcome.data_version}, commit {outcome.git_commit[:12]}")


@click.command()
@as_json
def versions(as_json: bool) -> None:
    """List every version of the model, and which is in production."""
    found = _registry().versions()
    if as_json:
        _document([{"name": each.name, **asdict(each)} for each in found])
        return
    click.echo(f"{'version':<9}{'made (UTC)':<18}{'commit':<14}{'data':<14}{'error, min':>10}")
    for each in found:
        error = "" if each.mae is None else f"{each.mae:.3f}"
        data = each.data_version.removeprefix("md5:")
        click.echo(
            f"{each.name:<9}{each.created:%Y-%m-%d %H:%M}  {each.git_commit[:12]:<14}{data[:12]:<14}"
            f"{error:>10}{'  in production' if each.production else ''}"
        )


@click.command()
@click.argument("name")
@as_json
def rollback(name: str, as_json: bool) -> None:
    """Bring version NAME (like v2) back: code, parameters and data here, and the model into production."""
    from groceries.rollback import rollback as go_back
    from groceries.workcopy import WorkingCopy

    back = go_back(WorkingCopy(Path.cwd()), _registry(), name, _said)
    if as_json:
        _document({"name": name, **asdict(back.version), "production": True, "stashed": back.stashed})
        return
    click.echo(f"{name}: in production; {back.version.data_version}, commit {back.version.git_commit[:12]}")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Folder for models and requests.  [default: $STATE_DIRECTORY, or else ~/.local/state/groceries]",
)
@click.option(
    "--every",
    type=click.FloatRange(min=0.05),
    default=5.0,
    show_default=True,
    help="Seconds between two looks at MLflow.",
)
def serve(host: str, port: int, state: Path | None, every: float) -> None:
    """Answer requests for predictions with the model in production, whichever that is at the time."""
    from groceries.registry import default_uri
    from groceries.service import serve as start

    folder = state or Path(
        os.environ.get("STATE_DIRECTORY") or Path.home() / ".local" / "state" / "groceries"
    )
    start(default_uri(Path.cwd()), host, port, folder, every)


@click.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the service is.")
@as_json
def drift(url: str, as_json: bool) -> None:
    """Compare what was asked for lately with what the model in production was trained on."""
    from groceries.ask import drift as ask

    found = ask(url)
    if as_json:
        _document(found)
        return
    click.echo(
        f"{found['rows']:,} stops asked of {found['version']} lately; {found['least']:,} are needed to tell"
    )
    for name, value in found["psi"].items():
        word = "drifted" if name in found["drifted"] else "notable" if name in found["notable"] else ""
        click.echo(f"{name:<16}{value:>8.3f}  {word}".rstrip())


@click.command()
@click.option("--trials", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Of what is tried.")
@click.option(
    "--rows", type=click.IntRange(min=1000), default=200_000, show_default=True, help="Used at most."
)
@click.option("--apply", "applies", is_flag=True, help="Write the best to params.yaml.")
@as_json
@click.pass_obj
def tune(
    params: Callable[[], Params], trials: int, seed: int, rows: int, applies: bool, as_json: bool
) -> None:
    """Look for better parameters of the boosted trees, on the Ray that RAY_ADDRESS names, or else here.

    Run `groceries run` before it, for the features, and after it with --apply: the gate decides.
    """
    from groceries import tune as search
    from groceries.workcopy import WorkingCopy

    copy = WorkingCopy(Path.cwd())
    found = search.tune(copy, _registry(), params(), trials, seed, rows, _said, search.over_ray)
    changed = search.apply(copy, found[0].params) if applies else False
    if as_json:
        trials_found = [{**each.params.model_dump(), "mae": each.mae, "node": each.node} for each in found]
        _document({"trials": trials_found, "applied": changed})
        return
    for name, value in found[0].params.model_dump().items():
        click.echo(f"{name}: {value:g}")
    click.echo(f"mae {found[0].mae:.4f} min; params.yaml is {'changed' if changed else 'as it was'}")


@click.command()
@as_json
def device(as_json: bool) -> None:
    """Say what boosted trees are trained on here with train.device=auto, and why."""
    from groceries.device import find

    found = find()
    if as_json:
        _document(asdict(found))
        return
    click.echo(f"{found.device}: {found.reason}" if found.reason else found.device)


ALL: tuple[click.Command, ...] = (run, versions, rollback, serve, drift, tune, device)
