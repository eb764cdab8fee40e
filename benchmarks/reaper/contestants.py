"""Who takes part: the command lines of each, and how one is run and measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.reaper import lab, purge
from benchmarks.reaper.proxy import CountingProxy
from benchmarks.reaper.scene import LAB, LIFETIME, PROJECTS, SPARED

_POLL_SECONDS = 0.05
_LIMIT_SECONDS = 3600.0
_AGAIN = 3
"""How often a command that fails is run, as a person would."""
_AT_ONCE = (1, 2, 4, 8, 16)
"""More at once is not always quicker: which is depends on the site."""
_PYTHON = (sys.executable, "-m")


class CannotRunError(Exception):
    """A contestant does not run on this computer at all; the message says why."""


@dataclass(frozen=True)
class Contestant:
    name: str
    what: str
    commands: Callable[[Path], Sequence[Sequence[str]]]
    """From the state folder: command lines, run one after the other. Raises CannotRunError."""
    top: Path = Path(__file__).parents[2]
    """The checkout whose modules it runs."""
    again: bool = False
    """Run a command that fails again, up to three times in all."""


@dataclass
class Run:
    """One contestant's measured run. Seconds, MiB."""

    wall: float = 0.0
    calls: int = 0
    shapes: dict[str, int] = field(default_factory=dict)
    in_flight: int = 0
    rss: float = 0.0
    codes: list[int] = field(default_factory=list)
    load: float = 0.0
    """The computer's load average (one minute) when it ended."""


def _cutoff() -> str:
    return (datetime.now(UTC) - LIFETIME).isoformat(timespec="seconds")


def _kit(state: Path) -> Sequence[Sequence[str]]:
    return [lab.command(state)]


def _cleanup(mode: str) -> Callable[[Path], Sequence[Sequence[str]]]:
    return lambda _: [[*_PYTHON, "benchmarks.reaper.cleanup", mode, _cutoff(), LAB, SPARED, *PROJECTS]]


def _loop(_: Path) -> Sequence[Sequence[str]]:
    return [[*_PYTHON, "benchmarks.reaper.loop", _cutoff(), LAB, SPARED, *PROJECTS]]


def _ospurge(state: Path) -> Sequence[Sequence[str]]:
    try:
        program = purge.ensure(state)
    except purge.NotInstalledError as error:
        raise CannotRunError(str(error)) from error
    # Elsewhere it finds none of its resource classes, does nothing, and ends with 0.
    there = ["env", "--chdir", str(purge.home(state))]
    return [[*there, program, "--os-cloud", name, "--purge-own-project", "--verbose"] for name in PROJECTS]


def _bare(order: str, workers: int) -> Callable[[Path], Sequence[Sequence[str]]]:
    def commands(state: Path) -> Sequence[Sequence[str]]:
        scene, clouds = str(state / "scene.json"), str(state / "clouds.yaml")
        return [[*_PYTHON, "benchmarks.reaper.bare", order, str(workers), scene, clouds]]

    return commands


ALL = {
    one.name: one
    for one in (
        Contestant("kit", "`chi-lab reap --yes`, all projects in one call", _kit),
        Contestant("loop", "openstacksdk in a plain loop, told the rule", _loop),
        Contestant("cleanup", "`project_cleanup`, filter `created_at`", _cleanup("filters")),
        Contestant("callback", "`project_cleanup`, the rule as a callback", _cleanup("callback")),
        Contestant("ospurge", "ospurge 2.0.0, which knows no age", _ospurge, again=True),
        *(
            Contestant(f"bare{n}", f"bare DELETEs of known ids, {n} at once", _bare("quick", n))
            for n in _AT_ONCE
        ),
        *(
            Contestant(f"safe{n}", f"bare DELETEs, addresses after ports, {n} at once", _bare("safe", n))
            for n in _AT_ONCE
        ),
    )
}
PEERS = ("loop", "cleanup", "callback", "ospurge")
BARE = tuple(f"bare{n}" for n in _AT_ONCE)


def measured(contestant: Contestant, state: Path, through: CountingProxy, log: Path) -> Run:
    """Run it to its end, through the proxy. What it printed goes to `log`."""
    commands = contestant.commands(state)
    run = Run()
    environment = _environment(state, contestant.top)
    with through as proxy, log.open("wb") as out:
        environment |= proxy.environment
        began = time.monotonic()
        for command in commands:
            for _ in range(_AGAIN if contestant.again else 1):
                code, rss = _watched(command, environment, state, out.fileno())
                run.codes.append(code)
                run.rss = max(run.rss, rss)
                if not code:
                    break
        run.wall = time.monotonic() - began
        run.calls, run.shapes, run.in_flight = proxy.calls, proxy.shapes, proxy.peak
    run.load = os.getloadavg()[0]
    return run


def _environment(state: Path, top: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OS_", "CHI_"))}
    return kept | {
        "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"),
        "CHI_LAB_STATE": str(state / "kit"),
        "PYTHONPATH": str(top),
        "PYTHONWARNINGS": "ignore",
    }


def _watched(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, out: int
) -> tuple[int, float]:
    """(exit code, peak memory in MiB). The kernel keeps the peak of a process; its last word is read."""
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=out, stderr=out)
    end = time.monotonic() + _LIMIT_SECONDS
    peak = 0
    while process.poll() is None:
        peak = max(peak, _high_water(process.pid))
        if time.monotonic() > end:
            process.kill()
        time.sleep(_POLL_SECONDS)
    return process.returncode, peak / 1024


def _high_water(pid: int) -> int:
    """Peak resident set in KiB. Not rusage's: that of a child also counts what its parent had at the fork."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")), 0)
