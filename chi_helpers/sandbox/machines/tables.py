"""Calls nft, the one place that does: a table is loaded whole, looked for, or removed."""

from __future__ import annotations

import subprocess

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.errors import SandboxError

_TIMEOUT = 30


class TableError(SandboxError):
    """nft refused, or is not there; the text holds what it said."""


def load(text: str) -> None:
    """Carry out the text in one transaction. Raises TableError."""
    done = _nft("-f", "-", text=text)
    if done.returncode:
        raise TableError(f"nft refused the packet rules: {done.stderr.strip()}")


def there(name: str) -> bool:
    """Tell whether there is an IPv4 table of that name. Raises TableError where nft cannot say."""
    return name in names()


def names() -> list[str]:
    """Return the names of all IPv4 tables. Raises TableError."""
    done = _nft("list", "tables", "ip")
    if done.returncode:
        raise TableError(f"nft does not list its tables: {done.stderr.strip()}")
    return [line.split()[2] for line in done.stdout.splitlines() if line.startswith("table ip ")]


def remove(name: str) -> None:
    """Remove a table, if it is there. Raises TableError."""
    # To declare before deleting works whether or not the table is there.
    load(f"table ip {name}\ndelete table ip {name}\n")


def _nft(*args: str, text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["nft", *args],
            input=text,
            text=True,
            capture_output=True,
            timeout=_TIMEOUT,
            env=programs.environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TableError(f"nft cannot be run: {error}", do="Install it: apt-get install nftables") from error
