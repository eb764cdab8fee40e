"""Nova's vendor data: what this host knows and a guest needs, and what is not in its image.

Unmodified cloud-init applies it on any image (key "cloud-init" of vendor_data.json). Nova reads the
file for every instance, so it may be written at any time. The certificates of the host are in the
node image, because to add them takes seconds of each boot; here are the package index and the proxies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from chi_helpers.sandbox.machines import certificates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "timeout", "proxy")
_ENVIRONMENT = """[Manager]
DefaultEnvironment={}
"""


def write(path: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Write the file, readable by its owner only: a proxy or an index may need a password."""
    text = json.dumps({"cloud-init": "#cloud-config\n" + json.dumps(gather(environment))})
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(text)  # JSON is YAML
    temporary.replace(path)


def gather(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the cloud-config for this host's guests."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True, text=True, check=False, env=dict(environment),
    ).stdout  # fmt: skip
    return cloud_config(pip_settings(listed), proxies(environment), own_ca=bool(certificates.extra()))


def pip_settings(listed: str) -> dict[str, str]:
    """Pick from the output of `pip config list` what is true in a guest as well: no local paths."""
    found = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name, text = key.split(".")[-1], value.strip("'\"").replace("\\n", " ")
        if name in _PIP_KEYS and "file:" not in text:
            found[name] = text
    return found


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return proxy settings, in lower case, less those that are on this host's loopback."""
    found = {name: environment.get(name) or environment.get(name.upper()) for name in _PROXIES}
    local = ("127.0.0.1", "localhost", "[::1]")
    return {
        name: value
        for name, value in found.items()
        if value and (name == "no_proxy" or not any(host in value for host in local))
    }


def cloud_config(pip: Mapping[str, str], proxy: Mapping[str, str], *, own_ca: bool) -> dict[str, Any]:
    """Return the cloud-config; empty where the host has nothing to say."""
    files: list[dict[str, Any]] = []
    if pip:
        settings = {**pip, **({"cert": certificates.GUEST_BUNDLE} if own_ca else {})}
        content = "[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
        files.append({"path": "/etc/pip.conf", "content": content})
    if set(proxy) <= {"no_proxy"}:
        return {"write_files": files} if files else {}
    lines = "".join(f"{name}={value}\n" for name, value in proxy.items())
    variables = " ".join(f'"{name}={value}"' for name, value in proxy.items())
    files += [
        {"path": "/etc/environment", "content": lines, "append": True},
        {
            "path": "/etc/systemd/system.conf.d/proxy.conf",
            "content": _ENVIRONMENT.format(variables),
        },
    ]
    # systemd read its settings before cloud-init wrote them.
    return {"write_files": files, "runcmd": [["systemctl", "daemon-reexec"]]}
