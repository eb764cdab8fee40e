"""Data to stdout, words to stderr."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from chi_helpers.config.problems import ConfigError
from chi_helpers.model.errors import LabKitError


def out(text: str) -> None:
    """Data: a line to stdout."""
    click.echo(text)


def tell(text: str, *, colour: str | None = None) -> None:
    """Words: a line to stderr."""
    plain = "NO_COLOR" in os.environ
    click.echo(click.style(text, fg=colour), err=True, color=False if plain else None)


def emit(*, ok: bool, **fields: Any) -> None:
    """Write the one JSON document of a command to stdout: `{"ok": ..., ...}`.

    Values may be the model's: times are written in ISO 8601 and UTC, lengths of time in seconds.
    """
    out(json.dumps({"ok": ok, **fields}, default=plain, indent=2, ensure_ascii=False))


def emit_error(error: LabKitError, *, code: int | None = None) -> None:
    """Write a failure as the command's JSON document.

    `{"ok": false, "error": {"kind", "what", "do", "request_id", "exit_code"}}`, and `problems`
    (`file`, `line`, `field`, `message`) where a file is wrong.
    """
    fields: dict[str, Any] = {
        "kind": type(error).__name__,
        "what": error.what,
        "do": error.do,
        "request_id": error.request_id,
        "exit_code": int(error.exit_code if code is None else code),
    }
    if isinstance(error, ConfigError):
        fields["problems"] = [
            {**dataclasses.asdict(problem), "file": str(problem.file)} for problem in error.problems
        ]
    emit(ok=False, error=fields)


def failure(error: LabKitError, *, as_json: bool, code: int | None = None) -> None:
    """Say what failed, what to do, and the request's id: on stderr, and with `as_json` on stdout, too."""
    if as_json:
        emit_error(error, code=code)
    tell(f"Error: {error.what}", colour="red")
    if error.do:
        tell(error.do)
    if error.request_id:
        tell(f"(request {error.request_id})")


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest cell, two spaces apart; the last is not padded."""
    lines = [[str(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def plain(value: Any) -> Any:
    """`value` as JSON knows it; for `json.dumps(default=...)`."""
    match value:
        case datetime() if value.tzinfo is not None:
            found: Any = value.astimezone(UTC).isoformat()
        case datetime() | date():
            found = value.isoformat()
        case timedelta():
            found = value.total_seconds()
        case set() | frozenset():
            found = sorted(value)
        case Mapping():
            found = dict(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            found = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        case _:
            found = str(value)
    return found


def at_a_terminal() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr.isatty()
