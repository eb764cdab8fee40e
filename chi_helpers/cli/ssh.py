"""`chi-lab ssh`: log in with OpenSSH, the host key verified."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from chi_helpers.cli.options import Options, lab_options
from chi_helpers.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.login import Login


class _UpToDashes(click.Command):
    """A command that hands on what follows `--` as `words`; click itself forgets where the dashes were."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        rest = super().parse_args(ctx, list(own))
        words: Any = tuple(args[len(own) + 1 :])
        ctx.params["words"] = words
        return rest


@click.command(cls=_UpToDashes)
@lab_options
@click.argument("node", required=False, metavar="[NODE] [-- WORDS...]")
def command(options: Options, *, node: str | None, words: tuple[str, ...]) -> None:
    """Log in to a node, or run a command there.

    The host key must be one that the site vouched for (`chi-lab up` learnt it from the console); ssh asks
    nothing. NODE may be left out where there is one. A node without a floating IP is reached through one that
    has it. WORDS go to ssh as they are:

    \b
        chi-lab ssh
        chi-lab ssh node1
        chi-lab ssh -- hostname
        chi-lab ssh node1 -- nvidia-smi
        chi-lab ssh node1 -- -L 8888:localhost:8888
    """  # noqa: D301 - click knows a paragraph that keeps its lines by the character that \b stands for
    from chi_helpers.lab import Lab
    from chi_helpers.provision.openssh import as_options

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    login = choose(lab.logins(), node)
    login.require_key()
    arguments = ["ssh", *as_options(login.settings()), login.destination, *words]
    os.execvp("ssh", arguments)  # noqa: S606 - ssh takes over the terminal, signals and exit code


def choose(logins: Sequence[Login], node: str | None) -> Login:
    """Choose the login of `node`, or of the only one. Raises `UsageError`."""
    names = ", ".join(login.node for login in logins)
    if node is None and len(logins) > 1:
        raise UsageError(f"Which node? {names}.", do=f"Say for example `chi-lab ssh {logins[0].node}`.")
    found = [login for login in logins if node in (None, login.node)]
    if not found:
        raise UsageError(
            f"No reachable node is called {node}.",
            do=f"Reachable: {names}. A command comes after `--`: `chi-lab ssh {logins[0].node} -- {node}`.",
        )
    return found[0]
