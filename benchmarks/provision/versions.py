"""What nodes have, and whether two of them have the same. Pure, but for asking."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import paramiko

from benchmarks.provision.needs import Needs, pins
from benchmarks.provision.shell import execute

DEBIAN = "Debian"
_DPKG = "dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n'"
_PYTHON = """import importlib.metadata as m, json, re
found = {d.metadata["Name"]: d.version for d in m.distributions()}
print(json.dumps({re.sub(r"[-_.]+", "-", name).lower(): found[name] for name in found}))"""

Versions = dict[str, str]


class NotToldError(Exception):
    """A node does not say what it has."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One node's packages of one kind, of two contestants. Names, or `name: here, there`."""

    what: str
    same: int = 0
    """Packages that both have in one version, of those that were asked for."""
    differ: list[str] = field(default_factory=list)
    """Asked for, and not in the same version on both, or not in the version that was asked for."""
    others_same: int = 0
    others: list[str] = field(default_factory=list)
    """What came along, and is not the same on both."""


def ask(client: paramiko.SSHClient, folder: str, needs: Needs) -> dict[str, Versions]:
    """All packages of a node: Debian's, and those of each environment in `folder`."""
    found = {DEBIAN: installed(_told(client, _DPKG))}
    for name in needs.environments:
        found[name] = json.loads(_told(client, f"{folder}/{name}/bin/python -c '{_PYTHON}'"))
    return found


def installed(listed: str) -> Versions:
    """Read dpkg's list; what was removed and left settings behind does not count."""
    rows = (line.split() for line in listed.splitlines())
    return {row[1]: row[2] for row in rows if row[0] == "installed"}


def _told(client: paramiko.SSHClient, command: str) -> str:
    code, said = execute(client, command)
    if code:
        raise NotToldError(f"{command} ended with {code}: {said}")
    return said


def compare(needs: Needs, here: Mapping[str, Versions], there: Mapping[str, Versions]) -> list[Compared]:
    """Compare what two contestants gave to one node."""
    wanted: dict[str, Mapping[str, frozenset[str]] | None] = {DEBIAN: None}
    wanted |= {name: pins(lock) for name, lock in needs.environments.items()}
    return [
        _compare(what, needs.debian if want is None else want, want or {}, here[what], there[what])
        for what, want in wanted.items()
    ]


def _compare(
    what: str, asked: Collection[str], pin: Mapping[str, frozenset[str]], here: Versions, there: Versions
) -> Compared:
    found: dict[str, list[Any]] = {"same": [], "differ": [], "others_same": [], "others": []}
    for name in sorted({*asked, *here, *there}):
        versions = here.get(name, "not there"), there.get(name, "not there")
        if name in asked:
            if name in pin and name not in here and name not in there:
                continue  # of another system: the lock file's marker says so
            right = versions[0] == versions[1] and name in here and versions[0] in pin.get(name, versions)
            key = "same" if right else "differ"
        else:
            key = "others_same" if versions[0] == versions[1] else "others"
        found[key].append(f"{name}: {versions[0]}, {versions[1]}")
    return Compared(what, len(found["same"]), found["differ"], len(found["others_same"]), found["others"])
