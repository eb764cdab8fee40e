"""The contestant `shell`: one node after the other, one command after the other, over SSH."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko

from benchmarks.provision.needs import Needs, pinned

ENVIRONMENTS = "envs"
"""Folder in the user's home."""
_LIMIT_SECONDS = 3600.0
_SAID = 1500
_APT = "sudo DEBIAN_FRONTEND=noninteractive apt-get"


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    command: str
    changed: str = ""
    """What the command prints where it changed something, as a regular expression; empty: it never does."""
    file: str = ""
    """Written first, as `name` in the user's home."""
    name: str = ""


@dataclass(slots=True)
class Done:
    """What became of a run on all nodes."""

    changed: int = 0
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    """(node, step, seconds)"""
    failed: str = ""


def steps(needs: Needs) -> list[Step]:
    """What a notebook would run on one node."""
    found = []
    if needs.debian:
        found.append(Step("apt-get update", f"{_APT} update"))
        found.append(
            Step(
                "apt-get install",
                f"{_APT} -y install --no-install-recommends {shlex.join(needs.debian)}",
                changed=r"^[1-9]\d* upgraded|, [1-9]\d* newly installed",
            )
        )
    for name, lock in needs.environments.items():
        home = f"{ENVIRONMENTS}/{name}"
        found.append(
            Step(f"venv {name}", f"test -e {home} || echo a new one; python3 -m venv {home}", "^a new one$")
        )
        found.append(
            Step(
                f"pip install {name}",
                f"{home}/bin/pip install --disable-pip-version-check -r {name}.txt",
                changed="^Successfully installed",
                file=pinned(lock),
                name=f"{name}.txt",
            )
        )
    return found


def did_change(step: Step, said: str) -> bool:
    return bool(step.changed) and re.search(step.changed, said, re.MULTILINE) is not None


def run(nodes: Mapping[str, Any], per_node: Mapping[str, Sequence[Step]], log: Path) -> Done:
    """Run the steps of each node; the first that fails is the end, as in a notebook."""
    done = Done()
    with log.open("w") as out, connected(nodes) as clients:
        for node, client in clients.items():
            for step in per_node[node]:
                out.write(f"### {node}: {step.title}\n")
                began = time.monotonic()
                code, said = one(client, step)
                out.write(said)
                out.flush()
                done.steps.append((node, step.title, time.monotonic() - began))
                if code:
                    done.failed = f"{step.title} on {node} ended with {code}: {said[-_SAID:].strip()}"
                    return done
                done.changed += did_change(step, said)
    return done


def one(client: paramiko.SSHClient, step: Step) -> tuple[int, str]:
    """(exit code, what it printed)"""
    if step.name:
        with client.open_sftp() as sftp, sftp.open(step.name, "w") as file:
            file.write(step.file)
    return execute(client, step.command)


def execute(client: paramiko.SSHClient, command: str) -> tuple[int, str]:
    """Run a command; what it printed, on both its outputs."""
    _, out, _ = client.exec_command(f"{{ {command}; }} 2>&1", timeout=_LIMIT_SECONDS)
    said = out.read().decode(errors="replace")
    return out.channel.recv_exit_status(), said


@contextmanager
def connected(nodes: Mapping[str, Any]) -> Iterator[dict[str, paramiko.SSHClient]]:
    """Log in to all nodes, given as `chi-lab ssh-config --json` says; every host key is verified."""
    with ExitStack() as stack:
        ways: dict[str, paramiko.SSHClient] = {}

        def client(login: Mapping[str, Any]) -> paramiko.SSHClient:
            if login["node"] not in ways:
                ways[login["node"]] = stack.enter_context(_login(login, _through(login)))
            return ways[login["node"]]

        def _through(login: Mapping[str, Any]) -> Any:
            if not login["jump"]:
                return None
            transport = client(login["jump"]).get_transport()
            assert transport is not None
            return transport.open_channel("direct-tcpip", (login["address"], 22), ("127.0.0.1", 0))

        yield {node: client(login) for node, login in nodes.items()}


@contextmanager
def _login(login: Mapping[str, Any], way: Any) -> Iterator[paramiko.SSHClient]:
    with paramiko.SSHClient() as client:
        client.load_host_keys(login["known_hosts"])
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            login["address"],
            username=login["user"],
            key_filename=login["private_key"],
            sock=way,
            allow_agent=False,
            look_for_keys=False,
            timeout=30,
        )
        yield client
