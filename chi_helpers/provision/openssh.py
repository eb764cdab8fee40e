"""OpenSSH's settings for a lab's node: only its vouched host key, only the lab's key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chi_helpers.model.errors import UsageError


def settings(known_hosts: Path, private_key: Path) -> dict[str, str]:
    """Settings by their names in ssh_config(5); values as they stand in a file, and behind `-o NAME=`.

    `known_hosts` must hold the node's keys already: nothing is asked, and nothing is learnt. What a user's
    ~/.ssh/config says about any of them does not count where these come first.
    Raises `UsageError` for a path that ssh cannot be told.
    """
    return {
        "UserKnownHostsFile": quoted(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        # Else ssh writes the keys that a host offers to the file in which only the kit vouches for keys.
        "UpdateHostKeys": "no",
        "IdentityFile": quoted(private_key),
        "IdentitiesOnly": "yes",
    }


def quoted(path: Path) -> str:
    r"""Write `path` as one word of ssh_config(5).

    Values are split at blanks; `%` begins a token, `${` a variable of the environment; within quotes
    `\` escapes only `"`, `'` and itself (OpenSSH's misc.c, argv_split).
    """
    text = str(path)
    if "${" in text or any(ord(sign) < ord(" ") for sign in text):
        raise UsageError(
            f"OpenSSH cannot be told the path {text!r}: it would take part of it for something else.",
            do="Move it to where no name holds `${` or a control character.",
        )
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        text = text.replace(sign, written)
    return f'"{text}"'


def as_options(found: Mapping[str, str]) -> list[str]:
    """Give the settings as arguments of ssh, scp and sftp."""
    return [word for name, value in found.items() for word in ("-o", f"{name}={value}")]
