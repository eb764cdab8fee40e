"""`chi-lab schema`: the JSON Schema of reservation.yaml, for editors."""

from __future__ import annotations

from importlib.resources import files

import click

from chi_helpers.cli import render


@click.command()
def command() -> None:
    r"""Print the JSON Schema of reservation.yaml.

    Keep it in a file and name that in the first line of a lab's file, and your editor completes and checks
    the keys:

    \b
        chi-lab schema > reservation.schema.json
        # yaml-language-server: $schema=reservation.schema.json
    """
    render.out(
        files("chi_helpers.config").joinpath("reservation.schema.json").read_text(encoding="utf-8").rstrip()
    )
