"""`chi-lab pipeline`: the sample pipeline on the node that serves its model."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import click

from chi_helpers.cli.options import Options, lab_options
from chi_helpers.model.errors import Exit, SiteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLE = "serving"
"""The role whose node has the pipeline's working copy."""
_FOLDER = "groceries"
_SETTINGS = "/etc/chi-lab/pipeline.env"
_PROGRAM = "/opt/chi-lab/bin/groceries"
_SSH_FAILED = 255
_CODES = {0: Exit.OK, 1: Exit.PARTIAL, 2: Exit.USAGE}
"""Of `groceries`: done; refused by validation or the gate; wrong use. Else it, or MLflow, does not work."""


@click.group()
def command() -> None:
    """The sample pipeline on the lab's node: from a batch of orders to a model that is served.

    \b
    Exit codes: 0 done, 1 validation refused the data or the gate the model, 2 wrong use,
    3 the node or a service on it does not work.
    """  # noqa: D301 - click knows a paragraph that keeps its lines by the character that \b stands for


@command.command()
@lab_options
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change params.yaml first.")
@click.option("--message", default="", help="Of the commit, and of the run in MLflow.")
def run(options: Options, *, changes: tuple[str, ...], message: str) -> int:
    """Run what changed; put the new model into production if it passes the gate. Safe to repeat."""
    sets = [word for change in changes for word in ("--set", change)]
    return _on_the_node(options, ["run", *sets, *(["--message", message] if message else [])])


@command.command()
@lab_options
def versions(options: Options) -> int:
    """List every version of the model: its data, its error, and which one is in production."""
    return _on_the_node(options, ["versions"])


@command.command()
@lab_options
@click.argument("name")
def rollback(options: Options, *, name: str) -> int:
    """Bring a version back, for example v1: data, parameters, code, and the model that is served."""
    return _on_the_node(options, ["rollback", name])


def _on_the_node(options: Options, words: Sequence[str]) -> int:
    """Run `groceries WORDS` in the working copy there; what it says comes out here as it is said."""
    from chi_helpers.lab import Lab
    from chi_helpers.provision.openssh import as_options

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    nodes = [node.key for node in lab.spec.nodes if ROLE in node.stack]
    if not nodes:
        raise UsageError(
            f"No node of {lab.spec.lab} has the pipeline.",
            do=f"Add `{ROLE}` to a node's stack, as labs/ml-pipeline.yaml does, and run `chi-lab up`.",
        )
    login = next((login for login in lab.logins() if login.node == nodes[0]), None)
    if login is None:
        raise UsageError(
            f"{nodes[0]}, which has the pipeline, is not reachable.",
            do="Look with `chi-lab status`, then run `chi-lab up`.",
        )
    login.require_key()
    program = shlex.join([_PROGRAM, *words, *(["--json"] if options.as_json else [])])
    there = f"cd {_FOLDER} && set -a && . {_SETTINGS} && set +a && exec {program}"
    safe = as_options(login.settings(batch=True))
    done = subprocess.run(["ssh", *safe, login.destination, there], stdin=subprocess.DEVNULL, check=False)
    if done.returncode == _SSH_FAILED:
        raise SiteError(
            f"ssh to {login.node} failed; it said why above.",
            do="Look with `chi-lab status`, then `chi-lab up`.",
        )
    return int(_CODES.get(done.returncode, Exit.SITE))
