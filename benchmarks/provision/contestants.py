"""Who takes part, and one turn of each."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from benchmarks.provision import shell
from benchmarks.provision.needs import Needs
from benchmarks.provision.nodes import Nodes


@dataclass
class Turn:
    """One measured run on all nodes. Seconds."""

    wall: float = 0.0
    changed: int = 0
    """Commands or tasks that changed something."""
    failed: str = ""
    """Why it does not count; empty where all of it was done."""
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    """(node, step, seconds), where the contestant works in steps."""
    load: float = 0.0
    """The computer's load average (one minute) when it ended."""


@dataclass(frozen=True)
class Contestant:
    name: str
    environments: str
    """Folder of its Python environments on a node."""
    play: Callable[[Nodes, Mapping[str, Needs], Path], Turn]
    """Gets the nodes, what each needs, and a file for its log."""


def _shell(nodes: Nodes, needs: Mapping[str, Needs], log: Path) -> Turn:
    per_node = {node: shell.steps(need) for node, need in needs.items()}
    try:
        done = shell.run(nodes.logins, per_node, log)
    except (OSError, paramiko.SSHException) as error:
        return Turn(failed=f"SSH: {error!r}")
    return Turn(changed=done.changed, failed=done.failed, steps=done.steps)


def _kit(nodes: Nodes, _: Mapping[str, Needs], log: Path) -> Turn:
    try:
        code, out, said = nodes.provision()
    except subprocess.TimeoutExpired as error:
        return Turn(failed=str(error))
    log.write_text(out + said)
    return kit_turn(code, out, said)


def kit_turn(code: int, out: str, said: str) -> Turn:
    """Read the answer of `chi-lab provision --json`."""
    try:
        found = json.loads(out)
    except ValueError:
        found = {}
    hosts = found.get("hosts") or []
    turn = Turn(changed=sum(host["changed"] for host in hosts))
    if code or not found.get("ok"):
        failures = [
            f"{f['task']} on {host['name']}: {f['message']}" for host in hosts for f in host["failures"]
        ]
        turn.failed = f"chi-lab provision ended with {code}: {'; '.join(failures) or said[-1500:].strip()}"
    return turn


ALL = {
    one.name: one
    for one in (
        Contestant("shell", shell.ENVIRONMENTS, _shell),
        Contestant("kit", "/opt/chi-lab/envs", _kit),
    )
}


def measured(contestant: Contestant, nodes: Nodes, needs: Mapping[str, Needs], log: Path) -> Turn:
    began = time.monotonic()
    turn = contestant.play(nodes, needs, log)
    turn.wall, turn.load = time.monotonic() - began, os.getloadavg()[0]
    return turn
