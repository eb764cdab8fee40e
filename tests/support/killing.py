"""Killing `chi-lab` at points of its work that a clean run shows."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.support.faults import Kill, Moment, Point, Rule, Stretch, points
from tests.support.proxy import FaultProxy
from tests.support.student import Student, foreseen

FILES = {"journal.jsonl": (0.0, 0.5, 1.0), "known_hosts": (1.0,)}
"""What `chi-lab` writes while it works, in the lab's folder, and at which shares of it to kill.

A known_hosts file is replaced in one go: all of its lines appear at the moment of its last one.
"""
ANSIBLE = "ansible-*/artifacts/*/stdout"
"""What Ansible prints while it runs, in the lab's folder: two lines and more for each task."""
_SECONDS = 600.0
"""No run takes so long, on a slow machine either: it hangs."""
_GLANCE = 0.001


@dataclass(frozen=True, slots=True)
class AtRequest:
    """At a request that changes something, before it reaches the site or after the site has acted."""

    point: Point
    moment: Moment

    @property
    def rule(self) -> Rule | Stretch:
        return self.point.rule(Kill(self.moment))

    def __str__(self) -> str:
        return f"{self.moment} {self.point}"


@dataclass(frozen=True, slots=True)
class Between:
    """Between two changes: so many requests behind change number `mutation`."""

    mutation: int
    further: int

    @property
    def rule(self) -> Rule | Stretch:
        return Stretch(self.mutation, self.further, Kill(Moment.AFTER))

    def __str__(self) -> str:
        return f"{self.further} requests after change {self.mutation}"


@dataclass(frozen=True, slots=True)
class AtLine:
    """As soon as a file (a glob in the lab's folder) has grown by so many lines."""

    file: str
    lines: int
    last: bool = False
    """A clean run writes no more to it: the process may have ended before it can be killed."""

    def __str__(self) -> str:
        return f"line {self.lines} of {self.file}"


KillPoint = AtRequest | Between | AtLine


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and what it said. `code` is -9 where it was killed."""

    code: int
    said: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def clean_run(student: Student, verb: str, lab: Path) -> tuple[Ended, tuple[KillPoint, ...]]:
    """Run `verb` to its end; and the points at which to kill it the next time.

    They are: before and after each request that changes something, in the middle of each stretch
    between two of them, and lines of each file that it writes (see `FILES`).
    """
    before = {name: _lines(student, name) for name in FILES}
    with FaultProxy() as proxy:
        said = len(student.said)
        ended = _wait(student, student.start(verb, lab=lab, **proxy.environment), said)
    seen = points(proxy.trace)
    at = [n for n, (_, mutates) in enumerate(seen) if mutates]
    found: list[KillPoint] = [AtRequest(seen[n][0], moment) for n in at for moment in Moment]
    # The change itself is counted in the stretch before it, hence the -1.
    found += [
        Between(number, (end - begin - 1) // 2)
        for number, (begin, end) in enumerate(pairwise([-1, *at, len(seen)]))
        if end - begin > 1
    ]
    for name, shares in FILES.items():
        grown = _lines(student, name) - before[name]
        lines = {max(1, round(share * grown)) for share in shares} if grown > 0 else set()
        found += [AtLine(name, n, last=n == grown) for n in sorted(lines)]
    return ended, tuple(found)


def missable(points: Sequence[KillPoint]) -> set[str]:
    """The points at which a process may end by itself before it is killed: the last line of each file."""
    return {str(point) for point in points if isinstance(point, AtLine) and point.last}


def killed_run(student: Student, verb: str, lab: Path, where: KillPoint) -> Ended:
    """Run `verb` and kill it with SIGKILL at `where`."""
    watched = _lines(student, where.file) + where.lines if isinstance(where, AtLine) else 0
    said = len(student.said)
    with FaultProxy([] if isinstance(where, AtLine) else [where.rule]) as proxy:
        process = student.start(verb, lab=lab, **proxy.environment)
        proxy.aim(process.pid)
        if isinstance(where, AtLine):
            while process.poll() is None and _lines(student, where.file) < watched:
                time.sleep(_GLANCE)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
        return _wait(student, process, said)


def whole_run(student: Student, verb: str, lab: Path, rules: Sequence[Rule] = ()) -> Ended:
    """Run `verb` to its end, through faults where there are any."""
    said = len(student.said)
    with FaultProxy(rules) as proxy:
        return _wait(student, student.start(verb, lab=lab, **proxy.environment), said)


def _wait(student: Student, process: subprocess.Popen[bytes], said: int) -> Ended:
    try:
        code = process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"not done after {_SECONDS:g} s; it said:\n{student.said}") from None
    ended = Ended(code, student.said[said:])
    if not ended.killed:
        foreseen(ended.said)
    return ended


def _lines(student: Student, name: str) -> int:
    return sum(file.read_bytes().count(b"\n") for file in student.lab_files(name))
