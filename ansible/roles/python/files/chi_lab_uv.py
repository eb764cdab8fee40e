#!/usr/bin/python3
"""uv with this node's pip settings: a drop-in `uv` that installs from where pip would.

A site tells its package index, proxy and certificates to pip (/etc/pip.conf, PIP_... variables); uv reads
none of these. This program translates them into uv's variables and becomes uv. Nothing is written down and
nothing stands on a command line: the address of an index may hold a password. Variables of uv that are set
already win.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

HOME = Path("/opt/chi-lab/uv/bin")
SECTIONS = ("global", "install", ":env:")
"""pip's sections, the one that wins last."""


def pip_settings(listed: str) -> dict[str, str]:
    """Read the output of `pip config list`: key to value, without the sections."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, separator, value = line.partition("=")
        section, _, key = name.strip().rpartition(".")
        if separator and section in found:
            try:
                found[section][key] = str(ast.literal_eval(value))
            except (ValueError, SyntaxError):
                found[section][key] = value
    return {key: value for section in SECTIONS for key, value in found[section].items()}


def variables(pip: dict[str, str]) -> dict[str, str]:
    """Give uv's variables for pip's settings; lists keep pip's order."""
    found = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    plain = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}
    found.update({name: pip[key] for key, name in plain.items() if pip.get(key)})
    words = {"extra-index-url": "UV_INDEX", "trusted-host": "UV_INSECURE_HOST", "find-links": "UV_FIND_LINKS"}
    found.update({name: " ".join(pip[key].split()) for key, name in words.items() if pip.get(key)})
    if "UV_INDEX" in found:
        # pip takes the best of all its indexes; uv would stop at the first that knows the name.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if timeout := pip.get("timeout") or pip.get("default-timeout"):
        found["UV_HTTP_TIMEOUT"] = str(int(float(timeout)))
    return found


def main() -> None:
    listed = subprocess.run(
        [str(HOME / "python"), "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    uv = str(HOME / "uv")
    os.execve(uv, [uv, *sys.argv[1:]], {**variables(pip_settings(listed)), **os.environ})  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
