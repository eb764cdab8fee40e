"""Options that several commands share."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Flags:
    """What must be known even when a command fails; filled in while its options are read."""

    json: bool = False
    debug: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """What the shared options of a lab's command say; None where they say nothing."""

    file: Path
    site: str | None
    owner: str | None
    cloud: str | None
    as_json: bool


def lab_options(function: Function) -> Callable[..., Any]:
    """Give a command the shared options; it receives them as one `options: Options`.

    Stands below `@click.command()` and above the command's own options.
    """

    @functools.wraps(function)
    def call(
        file: Path, site: str | None, owner: str | None, cloud: str | None, *, as_json: bool, **own: Any
    ) -> Any:
        return function(options=Options(file, site, owner, cloud, as_json), **own)

    for option in reversed(
        (
            click.option(
                "-f",
                "--file",
                type=click.Path(path_type=Path),
                default=Path("reservation.yaml"),
                show_default=True,
                help="The lab's file.",
            ),
            click.option(
                "--site", metavar="NAME", help="Another site than the file's, for example KVM@TACC."
            ),
            click.option(
                "--owner", metavar="NAME", help="Whose lab it is.  [default: $CHI_LAB_OWNER, else $USER]"
            ),
            click.option("--cloud", metavar="NAME", help="Cloud in clouds.yaml.  [default: $OS_CLOUD]"),
            json_option,
            debug_option,
        )
    ):
        call = option(call)
    return call


def json_option(function: Function) -> Function:
    """`--json`, as the argument `as_json`; a command that fails answers in JSON then, too."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        is_eager=True,
        callback=_note_json,
        help="Write one JSON document to stdout.",
    )(function)


def debug_option(function: Function) -> Function:
    """`--debug`: tracebacks and the log on stderr. The command itself is not told."""
    return click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_note_debug,
        help="Show tracebacks and the log.",
    )(function)


def _note_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    if value and (flags := ctx.find_object(Flags)):
        flags.json = True
    return value


def _note_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and (flags := ctx.find_object(Flags)):
        flags.debug = True
    if value:
        # Libraries only from INFO on: below that some of them log what they send.
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
        )
        logging.getLogger("chi_helpers").setLevel(logging.DEBUG)
