"""`chi-lab ssh`: log in with OpenSSH, the host key verified."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from chi_helpers.cli.options import Options, lab_options
from chi_helpers.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.lab import Login


@click.command(context_settings={"ignore_unknown_options": True})
@lab_options
@click.option("-n", "--node", metavar="NODE", help="Which node; not needed where there is one.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(options: Options, *, node: str | None, words: tuple[str, ...]) -> None:
    r"""Log in to a node, or run a command there.

    The host key must be one that the site vouched for (`chi-lab up` learnt it from the console); ssh asks
    nothing. WORDS after `--` go to ssh as they are:

    \b
        chi-lab ssh
        chi-lab ssh -- hostname
        chi-lab ssh -n gpu1 -- nvidia-smi
    """
    from chi_helpers.lab import Lab

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    login = choose(lab.logins(), node)
    arguments = ["ssh", *ssh_options(login), f"{login.user}@{login.address}", *words]
    os.execvp("ssh", arguments)  # noqa: S606 - ssh takes over the terminal, signals and exit code


def choose(logins: Sequence[Login], node: str | None) -> Login:
    """Choose the login of `node`, or of the only one."""
    names = ", ".join(login.node for login in logins)
    if node is None and len(logins) > 1:
        raise UsageError(f"Which node? {names}.", do="Say it with --node.")
    found = [login for login in logins if node in (None, login.node)]
    if not found:
        raise UsageError(f"No reachable node is called {node}.", do=f"Reachable: {names}.")
    return found[0]


def ssh_options(login: Login) -> list[str]:
    """Options that make OpenSSH accept the vouched host key and no other, and offer the lab's key only."""
    return [f"-o{key}={value}" for key, value in settings(login).items()]


def settings(login: Login) -> dict[str, str]:
    """OpenSSH's settings for a login (ssh_config(5))."""
    return {
        "UserKnownHostsFile": _quoted(login.known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentityFile": _quoted(login.private_key),
        "IdentitiesOnly": "yes",
    }


def _quoted(path: os.PathLike[str]) -> str:
    text = os.fspath(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text
