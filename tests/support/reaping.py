"""`chi-lab reap` as cron runs it on a classroom: with the robot's application credential, from a state of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.classroom import Classroom
from tests.support.faults import Chance, Exchange, Rule, Stretch
from tests.support.proxy import FaultProxy
from tests.support.site import BIN
from tests.support.student import foreseen

SECONDS = 300.0
DONE, PARTLY, USAGE, SITE, BREAKER, DOUBT = range(6)
"""The exit codes of `chi-lab reap`."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run ended. `code` is -9 where it was killed."""

    code: int
    out: str
    err: str
    trace: tuple[Exchange, ...] = ()

    @property
    def said(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def document(self) -> dict[str, Any]:
        """What it printed with `--json`."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(frozen=True, slots=True)
class Reaping:
    """One reaper, on one classroom, by one lab file. Another `name` is another machine: it shares no memory."""

    room: Classroom
    lab: Path
    name: str = "one"

    @property
    def state(self) -> Path:
        return self.room.folder / f"state-{self.name}"

    def start(self, *options: str, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(BIN / "chi-lab"), "reap", "-f", str(self.lab), *options],
            env=self.room.env(self.name, **extra),
            cwd=self.room.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        *options: str,
        rules: Sequence[Rule | Stretch] = (),
        chance: Chance | None = None,
        through_proxy: bool = False,
    ) -> Ran:
        """Run to its end, through the fault proxy where there are faults. Raises AssertionError at a bug of the kit."""
        with ExitStack() as stack:
            extra: dict[str, str] = {}
            proxy = None
            if rules or chance or through_proxy:
                proxy = stack.enter_context(FaultProxy(rules, chance=chance))
                extra = dict(proxy.environment)
            process = self.start(*options, **extra)
            if proxy:
                proxy.aim(process.pid)
            out, err = finished(process)
            ran = Ran(process.returncode, out, err, proxy.trace if proxy else ())
        if not ran.killed:
            foreseen(ran.out + ran.err)
        return ran


def finished(process: subprocess.Popen[str], seconds: float = SECONDS) -> tuple[str, str]:
    """(stdout, stderr) of a run, when it has ended."""
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"not done after {seconds:g} s; it said:\n{out}\n{err}") from None


def seen_long_ago(reaping: Reaping, *, besides: Collection[str] = (), hours: float = 1) -> None:
    """Let the reaper believe that it first saw everything hours ago, but for these ids.

    It waits ten minutes for its second look otherwise. The file is what `memory.py` documents.
    """
    files = list(reaping.state.rglob("memory.json"))
    assert files, f"no memory.json below {reaping.state}"
    for file in files:
        memory = json.loads(file.read_text())
        for row in memory["first_seen"]:
            if row[1] not in besides:
                row[2] = (datetime.fromisoformat(row[2]) - timedelta(hours=hours)).isoformat()
        file.write_text(json.dumps(memory))
