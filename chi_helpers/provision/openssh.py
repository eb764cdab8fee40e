"""OpenSSH's settings for a lab's node: only its vouched host key, only the lab's key; or through another."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from chi_helpers.model.errors import UsageError

_BANNER = b"SSH-"


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


def through(found: Mapping[str, str], destination: str) -> dict[str, str]:
    """Give the setting by which a node is reached through `destination` (`user@address`).

    `found` are the settings of that node on the way. Not ProxyJump: it takes them from files alone, and not
    from the command line.
    """
    # The other ssh is started by the user's shell, after % was looked at once more.
    words = shlex.join(["ssh", *as_options(found)]).replace("%", "%%")
    return {"ProxyCommand": f"{words} -W '[%h]:%p' {destination}"}


def greets(found: Mapping[str, str], destination: str, address: str, port: int, timeout: float) -> str:
    """See whether an SSH server answers at `address`, seen from `destination`: say why not, or nothing."""
    options = as_options({**found, "BatchMode": "yes", "ConnectTimeout": f"{max(1, int(timeout))}"})
    try:
        done = subprocess.run(
            ["ssh", *options, "-W", f"[{address}]:{port}", destination],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return f"nothing within {timeout:.0f} s"
    if done.stdout.startswith(_BANNER):
        return ""
    return done.stderr.decode(errors="replace").strip() or "it is no SSH server that answers"


def as_options(found: Mapping[str, str]) -> list[str]:
    """Give the settings as arguments of ssh, scp and sftp."""
    return [word for name, value in found.items() for word in ("-o", f"{name}={value}")]
