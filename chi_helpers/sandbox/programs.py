"""Finds the system's programs also where PATH leaves out the sbin folders, as a plain `su` does."""

from __future__ import annotations

import os
import shutil

SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps nft, ip, iptables, mariadbd and others."""


def path() -> str:
    """Return PATH with the sbin folders at its end, where they are missing."""
    given = os.environ.get("PATH", "/usr/bin:/bin").split(":")
    return ":".join([*given, *(folder for folder in SBIN if folder not in given)])


def find(program: str) -> str | None:
    """Return the path of a program, or None where it is not installed."""
    return shutil.which(program, path=path())


def environment() -> dict[str, str]:
    """Return this process's environment with that PATH: for programs that call others themselves.

    (podman calls netavark, which calls iptables.)
    """
    return {**os.environ, "PATH": path()}
