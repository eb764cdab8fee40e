"""A small text file that a person wrote: read whole, or refused with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.config.problems import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 1 << 20
"""Bytes; what is larger is something else."""


def text_of(source: Path, *, what: str, missing: str) -> str:
    """The text of the file `source`, which is `what` ("a lab's file"), without a byte order mark.

    Raises `ConfigError`: it is not there (and then says `missing`: what to do), cannot be read, is larger
    than a megabyte, or is not UTF-8.
    """
    try:
        with source.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError([Problem(source, 0, "", f"no such file: {missing}")]) from None
    except OSError as error:
        raise ConfigError([Problem(source, 0, "", f"cannot be read: {error.strerror}")]) from error
    if len(raw) > LARGEST:
        raise ConfigError([Problem(source, 0, "", f"larger than a megabyte: this is not {what}")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise ConfigError([Problem(source, line, "", message)]) from error
