"""How long instances outlive their deadline, with the reaper run as cron would.

    .venv/bin/python -m benchmarks.deadlines [--instances 100] [--spread 600] [--every 60] [--json]

Instances of one lab have deadlines that are spread evenly over `--spread` seconds; `chi-lab reap --yes` is
started every `--every` seconds, with a member's application credential, a grace of nothing, and warnings that
are delivered to a listener on the loopback. A listing a second tells when each instance is gone. The overrun
is that instant minus the deadline. Uses a sandbox of its own, without machines, and removes it; or the one
whose `site.json` is given with `--site`. Times are of this computer, at this load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.classroom import Classroom, classroom
from tests.support.making import Maker
from tests.support.reaping import Ran, Reaping
from tests.support.sandbox import Sandbox
from tests.support.sink import Sink
from tests.support.site import SiteUnderTest, site_of
from tests.support.small_scenes import NO_LIMITS

GOALS = {"worst": 75.0, "median": 40.0}
"""Seconds, with the reaper every minute."""
_BIN = 5.0
_AT_ONCE = 8
_PATIENCE = 5
"""So many intervals after the last deadline, what is still there is counted as never gone."""


@dataclass
class Found:
    """Seconds throughout."""

    every: float
    instances: int
    spread: float
    overruns: list[float] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    """Names of what was still there at the end."""
    runs: list[float] = field(default_factory=list)
    """How long each run of the reaper took."""
    codes: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """What runs said that did not end with 0."""
    warned: int = 0
    """Notifications that arrived."""
    load: float = 0.0
    """Load average of this computer at the end."""

    @property
    def worst(self) -> float:
        return max(self.overruns, default=0.0)

    @property
    def median(self) -> float:
        return statistics.median(self.overruns) if self.overruns else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--spread", type=float, default=600)
    parser.add_argument("--every", type=float, default=60)
    parser.add_argument("--site", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chi-lab-bench-") as folder:
        sandbox = None if options.site else Sandbox("deadlines", Path(folder) / "state")
        try:
            site = sandbox.up("--machines", "none") if sandbox else site_of(options.site)
            found = measure(site, Path(folder) / "room", options.instances, options.spread, options.every)
        finally:
            if sandbox:
                sandbox.do("reset")
    print(json.dumps(asdict(found), indent=1) if options.json else report(found))


def measure(site: SiteUnderTest, folder: Path, instances: int, spread: float, every: float) -> Found:
    """Play it once; the classroom is emptied at the end."""
    room = classroom(site, folder, ("alice",))
    try:
        with Sink() as sink:
            found = Found(every, instances, spread)
            _play(room, found, sink)
            found.warned = len(sink.taken)
    finally:
        room.purge()
    found.load = os.getloadavg()[0]
    return found


def _play(room: Classroom, found: Found, sink: Sink) -> None:
    lab = room.lab(
        lifetime={"max": "6h", "warn": ["1h"]},
        reap={"grace": "0m", "limits": NO_LIMITS},
    )
    servers = _boot(room, found.instances)
    deadlines = _set_deadlines(room, servers, found.spread)
    stop = threading.Event()
    reaper = threading.Thread(target=_cron, args=(Reaping(room, lab), found, sink, stop))
    reaper.start()
    try:
        gone = _watch(room, deadlines, found.every)
    finally:
        stop.set()
        reaper.join()
    found.overruns = sorted(gone[i] - at.timestamp() for i, at in deadlines.items() if i in gone)
    found.never = sorted(server.name for server in servers if server.id not in gone)


def _boot(room: Classroom, number: int) -> list[Any]:
    make = Maker(room)
    lease = make.lease("alice", "class-lease", timedelta(hours=3), instances=number)
    flavor = make.active("alice", lease)
    stamp = room.stamp("alice", datetime.now(UTC) + timedelta(hours=3))
    tell(f"booting {number} instances")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        servers = list(
            pool.map(lambda n: make.instance("alice", f"vm-{n:03d}", flavor, stamp), range(number))
        )
    make.settled("alice", servers)
    return servers


def _set_deadlines(room: Classroom, servers: list[Any], spread: float) -> dict[str, datetime]:
    """Stamp them anew, when all are there: the first deadline is still ahead then, however long that took."""
    cloud = room.cloud("alice")
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=45 + len(servers))
    step = spread / max(1, len(servers) - 1)
    deadlines = {s.id: first + timedelta(seconds=round(n * step)) for n, s in enumerate(servers)}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(
            pool.map(
                lambda s: cloud.compute.set_server_metadata(s, **room.stamp("alice", deadlines[s.id])),
                servers,
            )
        )
    if datetime.now(UTC) > first:
        raise RuntimeError("this computer is too slow: the first deadline passed before all were stamped")
    return deadlines


def _cron(reaping: Reaping, found: Found, sink: Sink, stop: threading.Event) -> None:
    """Start a run every so many seconds, as cron does; the first at once, so that everybody is warned."""
    channels = sink.channels(reaping.room.folder / "channels")
    due = time.monotonic()
    while not stop.is_set():
        began = time.monotonic()
        ran: Ran = reaping.run("--yes", "--notify", str(channels))
        found.runs.append(time.monotonic() - began)
        found.codes.append(ran.code)
        if ran.code:
            found.said.append(ran.said)
        tell(f"run {len(found.runs)}: {found.runs[-1]:.1f} s, exit code {ran.code}")
        due += found.every
        stop.wait(max(0.0, due - time.monotonic()))


def _watch(room: Classroom, deadlines: dict[str, datetime], every: float) -> dict[str, float]:
    """When each instance was first missing from a listing, as seconds since the epoch."""
    cloud = room.cloud("alice")
    end = max(at.timestamp() for at in deadlines.values()) + _PATIENCE * max(every, 30)
    gone: dict[str, float] = {}
    while len(gone) < len(deadlines) and time.time() < end:
        tick = time.monotonic()
        there = {server.id for server in cloud.compute.servers(details=False)}
        seen = time.time()
        gone |= {i: seen for i in deadlines if i not in there and i not in gone}
        time.sleep(max(0.0, 1 - (time.monotonic() - tick)))
    return gone


def report(found: Found) -> str:
    """The table for docs/reference/reaper.md, and the distribution."""
    lines = [
        _head(found),
        "",
        "| overrun (s) | goal | found |",
        "|---|---|---|",
        f"| worst | < {GOALS['worst']:g} | {found.worst:.1f} |",
        f"| median | < {GOALS['median']:g} | {found.median:.1f} |",
        f"| least | ≥ 0 | {min(found.overruns, default=0):.1f} |",
        f"| never gone | 0 | {len(found.never)} |",
        "",
        "| overrun (s) | instances | |",
        "|---|---|---|",
    ]
    for low, count in histogram(found.overruns):
        lines.append(f"| {low:g} to {low + _BIN:g} | {count} | `{'#' * count}` |")
    return "\n".join(lines)


def _head(found: Found) -> str:
    middle = statistics.median(found.runs)
    return (
        f"{found.instances} instances, deadlines over {found.spread:g} s, a run every {found.every:g} s "
        f"({len(found.runs)} runs, {middle:.1f} s in the median, {max(found.runs):.1f} s at most; "
        f"load {found.load:.1f})"
    )


def histogram(values: list[float]) -> list[tuple[float, int]]:
    """(lower bound, how many), from the least to the greatest."""
    if not values:
        return []
    bins = [int(value // _BIN) for value in values]
    return [(number * _BIN, bins.count(number)) for number in range(min(bins), max(bins) + 1)]


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
