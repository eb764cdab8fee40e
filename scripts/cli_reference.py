"""Print docs/reference/cli.md: the help of every command. `make reference` writes it."""

from __future__ import annotations

import click

from chi_helpers.cli.group import chi_lab

HEADER = """\
# Command line

Written by `make reference` from the help of the commands. stdout is data, stderr is for people; `--json`
writes one JSON document wherever a person would read a table. Exit codes: 0 done; 1 partly done, or
something is left (run again); 2 wrong use or wrong file; 3 the site cannot be reached or refused; 4 and 5
are the reaper's (the breaker; something in doubt); 130 interrupted.
"""


def main() -> None:
    parts = [HEADER]
    for path, command in walk(chi_lab(), "chi-lab"):
        context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
        parts.append(f"## {path}\n\n```\n{command.get_help(context)}\n```\n")
    print("\n".join(parts), end="")


def walk(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    """The command and those below it, with their full names."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                found += walk(below, f"{path} {name}")
    return found


if __name__ == "__main__":
    main()
