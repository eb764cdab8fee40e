"""The group of all commands. A command's module is imported when the command is used, not before.

So `chi-lab --help` and `chi-lab --version` answer in about the time that Python itself needs.
"""

from __future__ import annotations

from importlib import import_module

import click

from chi_helpers import __version__
from chi_helpers.config.problems import did_you_mean

EXIT_CODES = (
    "\b\n"
    "Exit codes: 0 done, 1 partly done or something is left (run again),\n"
    "2 wrong use or wrong file, 3 the site cannot be reached or refused."
)

COMMANDS = {
    "check": ("chi_helpers.cli.check", "Look whether the lab can run: file, credentials, key, quota, image."),
    "up": ("chi_helpers.cli.up", "Reserve, launch and set up the whole lab; safe to run again."),
    "status": ("chi_helpers.cli.status", "Show what there is, and the time that is left."),
    "ssh": ("chi_helpers.cli.ssh", "Log in to a node, its host key verified."),
    "ssh-config": ("chi_helpers.cli.ssh_config", "Print an OpenSSH configuration for the lab's nodes."),
    "provision": ("chi_helpers.cli.provision", "Apply the Ansible roles of the file to the nodes."),
    "tunnel": ("chi_helpers.cli.tunnel", "Reach the nodes' services from here, through SSH."),
    "pipeline": ("chi_helpers.cli.pipeline", "Run the sample pipeline on a node; look at versions; go back."),
    "down": ("chi_helpers.cli.down", "Give everything back, and prove that nothing is left."),
    "reap": ("chi_helpers.cli.reap", "End what has outlived its deadline; without --yes, only say what."),
    "schema": ("chi_helpers.cli.schema", "Print the JSON Schema of reservation.yaml."),
    "sandbox": ("chi_helpers.cli.sandbox", "A Chameleon site on this machine."),
    "demo": ("chi_helpers.cli.demo", "The whole story on a sandbox, start to finish."),
}
"""Name: (module whose `command` it is, help in one line), in the order of use."""


class LazyGroup(click.Group):
    """A group whose commands come from a table; their modules are imported on use."""

    def __init__(self, *, table: dict[str, tuple[str, str]], name: str, help: str) -> None:  # noqa: A002
        super().__init__(name=name, help=help, epilog=EXIT_CODES)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._table:
            return None
        module, _ = self._table[cmd_name]
        command: click.Command = import_module(module).command
        command.name = cmd_name
        for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            one.epilog = one.epilog or EXIT_CODES
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self._table:
            near = did_you_mean(args[0], list(self._table))
            hint = f" Did you mean {near}?" if near else " `chi-lab --help` lists the commands."
            raise click.UsageError(f"There is no command {args[0]}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._table.items()])


def chi_lab() -> click.Command:
    """The whole command line."""
    group = LazyGroup(
        table=COMMANDS,
        name="chi-lab",
        help="Labs on the Chameleon testbed: reserve, launch, provision, watch the time, give back.\n\n"
        "What a lab needs stands in reservation.yaml. `chi-lab COMMAND --help` says more about a command.",
    )
    return click.version_option(__version__, prog_name="chi-lab")(group)
