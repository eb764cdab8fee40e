"""Run a command and turn whatever becomes of it into messages and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from chi_helpers.cli import render
from chi_helpers.cli.group import chi_lab
from chi_helpers.cli.options import Flags
from chi_helpers.config.state import state_folder
from chi_helpers.model.errors import Exit, LabKitError, UsageError

INTERRUPTED = 130
"""What shells report for a program that SIGINT ended."""


def run(args: Sequence[str]) -> int:
    """Run `chi-lab` with `args` and return the exit code; whatever goes wrong becomes a message."""
    flags = Flags(debug=bool(os.environ.get("CHI_LAB_DEBUG")))
    logging.getLogger().addHandler(logging.NullHandler())  # libraries' warnings are not the reader's
    try:
        result = chi_lab().main(list(args), prog_name="chi-lab", standalone_mode=False, obj=flags)
    except click.ClickException as error:
        return _misused(error, as_json=flags.json or _wants_json(args))
    except (click.Abort, KeyboardInterrupt):
        return _interrupted(as_json=flags.json)
    except LabKitError as error:
        if flags.debug:
            traceback.print_exc()
        render.failure(error, as_json=flags.json)
        return int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no reader is shown a traceback
        return _unexpected(error, args, flags)
    return int(result) if isinstance(result, int) else int(Exit.OK)


def _misused(error: click.ClickException, *, as_json: bool) -> int:
    if as_json:
        render.emit_error(UsageError(error.format_message()))
    error.show(sys.stderr)
    return int(Exit.USAGE)


def _wants_json(args: Sequence[str]) -> bool:
    """Whether the call asked for JSON, where it was too wrong to be parsed."""
    own = args[: args.index("--")] if "--" in args else args
    return "--json" in own


def _interrupted(*, as_json: bool) -> int:
    stopped = LabKitError(
        "Interrupted.", do="What was done stays done; it is safe to run the same command again."
    )
    render.failure(stopped, as_json=as_json, code=INTERRUPTED)
    return INTERRUPTED


def _unexpected(error: Exception, args: Sequence[str], flags: Flags) -> int:
    if flags.debug:
        traceback.print_exc()
    name = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    try:
        log = state_folder(os.environ, Path.cwd()) / "chi-lab.log"
        _append(log, f"{datetime.now(UTC).isoformat(timespec='seconds')} chi-lab {' '.join(args)}")
        _append(log, traceback.format_exc())
        do = f"This is a bug in chi-lab; {log} has the details. It is safe to run the same command again."
    except OSError:
        do = "This is a bug in chi-lab; run it with CHI_LAB_DEBUG=1 to see where."
    render.failure(LabKitError(name, do=do), as_json=flags.json)
    return int(Exit.PARTIAL)


def _append(log: Path, text: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text.rstrip() + "\n")
