"""Fresh nodes for one contestant: up, without any role applied; and given back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import yaml

from benchmarks.provision.shell import connected, execute
from tests.support.site import CHECKOUT, SiteUnderTest
from tests.support.student import Student

LABS = {1: "ml-pipeline.yaml", 3: "ml-cluster.yaml"}
_UP_SECONDS = 600.0
_PROVISION_SECONDS = 4200.0
"""A bit above the kit's own limit."""


class NotUpError(Exception):
    """The nodes did not come up: nothing can be measured."""


@dataclass(frozen=True)
class Nodes:
    """Nodes that are up and have booted."""

    student: Student
    lab: Path
    """With its stacks."""
    logins: Mapping[str, Any]
    """As `chi-lab ssh-config --json` says, by node."""

    def provision(self) -> tuple[int, str, str]:
        """`chi-lab provision`: (exit code, its JSON, what it said)"""
        done = self.student.chi_lab(*_at(self.student, "provision"), lab=self.lab, timeout=_PROVISION_SECONDS)
        return done.returncode, done.stdout, done.stderr


def document(nodes: int, stack: list[str] | None) -> dict[str, Any]:
    """The kit's own lab of so many nodes; with another stack on each of them, where one is given."""
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "labs" / LABS[nodes]).read_text())
    for node in found["nodes"].values():
        node["stack"] = node["stack"] if stack is None else stack
    return found


def stacks(lab: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: node["stack"] for name, node in lab["nodes"].items()}


def bare(lab: Mapping[str, Any]) -> dict[str, Any]:
    """The same lab, with nothing to provision."""
    return {**lab, "nodes": {name: {**node, "stack": []} for name, node in lab["nodes"].items()}}


@contextmanager
def fresh(site: SiteUnderTest, folder: Path, lab: Mapping[str, Any], owner: str) -> Iterator[Nodes]:
    """Bring them up in `folder`, which is emptied. Whatever happens, none of them stays at the site."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # A name that nobody else's things have in theirs: what has it is removed at the end.
    student = Student(site, f"{owner}{token_hex(5)}", folder)
    full, empty = folder / "lab.yaml", folder / "bare.yaml"
    full.write_text(yaml.safe_dump(lab, sort_keys=False))
    empty.write_text(yaml.safe_dump(bare(lab), sort_keys=False))
    try:
        _json(student, "up", empty)
        logins = {login["node"]: login for login in _json(student, "ssh-config", empty)["hosts"]}
        if missing := lab["nodes"].keys() - logins:
            raise NotUpError(f"no login to {', '.join(sorted(missing))}")
        _booted(logins)
        yield Nodes(student, full, logins)
    finally:
        student.remove_everything()


def _booted(logins: Mapping[str, Any]) -> None:
    """Wait until cloud-init has done its work, which is no contestant's."""
    with connected(logins) as clients:
        for node, client in clients.items():
            code, said = execute(client, "cloud-init status --wait")
            if code not in (0, 2):  # 2: done, with warnings
                raise NotUpError(f"cloud-init on {node} ended with {code}: {said}")


def _json(student: Student, verb: str, lab: Path) -> Any:
    done = student.chi_lab(*_at(student, verb), lab=lab, timeout=_UP_SECONDS)
    if done.returncode:
        raise NotUpError(f"chi-lab {verb} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def _at(student: Student, verb: str) -> tuple[str, ...]:
    return (verb, "--json", "--site", student.site.region)
