"""Read what pytest's JUnit report says of each test, and tell which tests became slower.

    .venv/bin/python scripts/testtimes.py REPORT.xml [--keep]

tells which tests of a run took twice as long as `docs/nightly/times.tsv` says; `--keep` writes their
times there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TIMES = TOP / "docs" / "nightly" / "times.tsv"
KEPT_FROM = 0.1
"""Seconds; a test that is quicker has no line of its own."""
GROWN, AT_LEAST = 2.0, 5.0
"""A test is slower when it takes GROWN times as long as before, and AT_LEAST seconds longer."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a run."""

    name: str
    """As pytest's node id: `tests/unit/test_x.py::test_y[z]`."""
    seconds: float
    """Its set-up and what follows it included."""
    outcome: str
    """`passed`, `failed` or `skipped`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a nightly part."""

    part: str
    began: datetime
    seconds: float
    code: int
    """pytest's exit code."""
    cases: tuple[Case, ...]

    def count(self, outcome: str) -> int:
        """Return how many tests had this outcome."""
        return Counter(case.outcome for case in self.cases)[outcome]


def read_junit(report: Path, folder: str = ".") -> list[Case]:
    """Return the tests that a JUnit report of pytest names; `folder` is their project's, from the top."""
    cases: dict[str, Case] = {}
    for found in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it a moment ago
        file, classes = _split(found.get("classname", ""))
        name = f"{file}::{classes}{_without_lane(found.get('name', ''))}"
        name = name if folder == "." else f"{folder}/{name}"
        kinds = {child.tag for child in found}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        seconds = float(found.get("time", 0))
        before = cases.get(name)
        # A test that passes, and fails at its end, is there twice.
        if before is not None:
            seconds += before.seconds
            outcome = "failed" if "failed" in (outcome, before.outcome) else outcome
        cases[name] = Case(name, seconds, outcome)
    return list(cases.values())


def _split(classname: str) -> tuple[str, str]:
    """Return the file and the classes: `tests.unit.test_x.TestY` -> (`tests/unit/test_x.py`, `TestY::`)."""
    words = classname.split(".")
    end = next((i for i, word in enumerate(words) if word.startswith("test_")), len(words) - 1) + 1
    return "/".join(words[:end]) + ".py", "".join(f"{word}::" for word in words[end:])


def _without_lane(name: str) -> str:
    """Return a name without the lane that `--dist loadgroup` adds: `test_y[a@b]@site` -> `test_y[a@b]`."""
    plain, at, lane = name.rpartition("@")
    return plain if at and "]" not in lane else name


def read_times(path: Path = TIMES) -> dict[str, float]:
    """Return the seconds that each test took when its time was kept last; empty where nothing was kept."""
    if not path.exists():
        return {}
    rows = (line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#"))
    return {name: float(seconds) for seconds, name in rows}


def write_times(cases: Iterable[Case], path: Path = TIMES) -> None:
    """Keep the times of these tests beside those of others that still exist."""
    new = {case.name: case.seconds for case in cases if case.outcome == "passed"}
    old = {
        name: seconds for name, seconds in read_times(path).items() if (TOP / name.split("::")[0]).exists()
    }
    kept = {name: seconds for name, seconds in (old | new).items() if seconds >= KEPT_FROM}
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f"# seconds of each test at its last recorded run; quicker ones than {KEPT_FROM} s are left out\n"
    path.write_text(head + "".join(f"{kept[name]:.1f}\t{name}\n" for name in sorted(kept)))


def compared(before: Mapping[str, float], cases: Iterable[Case]) -> list[str]:
    """Return a line for each test that became slower, where the whole run being slower is taken off.

    The machine may be slow on a day: what counts is a test's growth beside the median growth of the run's.
    """
    pairs = [(case, before[case.name]) for case in cases if case.name in before and case.outcome == "passed"]
    growths = [case.seconds / was for case, was in pairs if was >= 1]
    day = max(1.0, statistics.median(growths)) if growths else 1.0
    return [
        f"{case.name} took {case.seconds:.0f} s, {was:.0f} s before"
        + (f" (the run as a whole: {day:.1f} times)" if day > 1 else "")
        for case, was in pairs
        if case.seconds > GROWN * day * was and case.seconds > day * was + AT_LEAST
    ]


def main() -> int:
    """Tell which tests became slower; a slow test is no failure: the exit code is 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    parser.add_argument("--folder", default=".", help="the project whose tests they are, from the top")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if not options.report.exists():
        return 0  # pytest was interrupted, and said so
    cases = read_junit(options.report, options.folder)
    for line in compared(read_times(), cases):
        print(f"slower: {line}", file=sys.stderr)
    if options.keep:
        write_times(cases)
    return 0


if __name__ == "__main__":
    sys.exit(main())
