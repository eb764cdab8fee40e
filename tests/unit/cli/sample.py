"""`python -m tests.unit.cli.sample COMMAND`: chi-lab with commands that end in every possible way."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType

import click

from chi_helpers.cli import group, main, render
from chi_helpers.cli.options import Options, debug_option, json_option, lab_options
from chi_helpers.cli.progress import progress
from chi_helpers.config.problems import ConfigError, Problem
from chi_helpers.model.errors import Exit, LeftoverError, RefusedError, SiteError, UsageError
from chi_helpers.model.outcome import Outcome, Result

ERRORS = {
    "usage": UsageError("The file is wrong.", do="Correct it."),
    "site": SiteError("The site does not answer."),
    "refused": RefusedError("No quota is left.", do="Give something back.", request_id="req-42"),
    "leftover": LeftoverError("One address is left."),
    "config": ConfigError(
        [Problem(Path("lab.yaml"), 3, "site", "is empty"), Problem(Path("lab.yaml"), 1, "", "odd")]
    ),
    "bug": ZeroDivisionError("division by zero"),
}


@click.command()
@lab_options
@click.option("--depth", type=int)
@click.argument("words", nargs=-1)
def echo(options: Options, depth: int | None, words: tuple[str, ...]) -> None:
    """Say what the options say."""
    render.emit(ok=True, options=options, depth=depth, words=words)


@click.command()
@json_option
@debug_option
@click.argument("kind", type=click.Choice(list(ERRORS)))
def fail(kind: str, *, as_json: bool) -> None:
    """Fail."""
    render.tell(f"as_json={as_json}")
    raise ERRORS[kind]


@click.command()
def partly() -> Exit:
    """End with a code of its own."""
    render.out("data")
    render.tell("words")
    return Exit.PARTIAL


@click.command()
@json_option
def wait(*, as_json: bool) -> None:
    """Wait to be interrupted."""
    print("waiting", file=sys.stderr, flush=True)
    time.sleep(60)


@click.command()
def steps() -> None:
    """Tell of steps."""
    with progress() as watch:
        watch.started("Reserve")
        watch.note("Reserve", "waits for Blazar")
        time.sleep(0.3)
        watch.finished(Outcome("Reserve", Result.DONE, "lease [hello]"))
        watch.finished(Outcome("Open port 22", Result.ALREADY))
        watch.started("Launch")
        watch.finished(Outcome("Launch", Result.FAILED, "No valid host."))


SAMPLES = {"echo": echo, "fail": fail, "partly": partly, "wait": wait, "steps": steps}

if __name__ == "__main__":
    for name, command in SAMPLES.items():
        module = ModuleType(f"sample_{name}")
        module.command = command  # type: ignore[attr-defined]
        sys.modules[module.__name__] = module
        group.COMMANDS[name] = (module.__name__, f"Sample {name}.")
    main()
