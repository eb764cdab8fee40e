"""Read what pytest's JUnit report says of each test, and tell which tests became slower.

    .venv/bin/python scripts/testtimes.py REPORT.xml [--folder pipeline] [--keep]

tells which tests of a run took twice as long as `docs/nightly/times.tsv` says, and five seconds longer;
`--keep` writes their times there, and drops those of tests that do not exist any more.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TIMES = TOP / "docs" / "nightly" / "times.tsv"
GROWN, AT_LEAST = 2.0, 5.0
"""A test is slower when it takes GROWN times as long as before, and AT_LEAST seconds longer."""
ENOUGH = 5
"""Of so many tests' growths the median is the day's; of fewer it might be the slow test's own."""


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
    commit: str
    began: datetime
    seconds: float
    code: int
    """pytest's exit code."""
    cases: tuple[Case, ...]

    def count(self, outcome: str) -> int:
        """Return how many tests had this outcome."""
        return Counter(case.outcome for case in self.cases)[outcome]


class UnreadableError(Exception):
    """The report is not whole: the run that wrote it was killed."""


def read_junit(report: Path, folder: str = ".") -> list[Case]:
    """Return the tests that a JUnit report of pytest names; `folder` is their project's, from the top.

    Raises `UnreadableError`.
    """
    try:
        root = ET.parse(report)  # noqa: S314 - pytest wrote it a moment ago
    except ET.ParseError as error:
        raise UnreadableError(f"{report} is not a whole JUnit report: {error}") from error
    cases: dict[str, Case] = {}
    for found in root.iter("testcase"):
        name = _without_lane(found.get("name", ""))
        if module := found.get("classname", ""):
            file, classes = _split(module)
            name = f"{file}::{classes}{name}"
        else:  # a file that could not be collected
            name = f"{name.replace('.', '/')}.py"
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


def existing(folder: str = ".") -> set[str]:
    """Ask pytest for the names of all tests of a project, as `read_junit` names them."""
    done = subprocess.run(
        [TOP / folder / ".venv/bin/python", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=TOP / folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    prefix = "" if folder == "." else f"{folder}/"
    return {prefix + line for line in done.stdout.splitlines() if "::" in line}


def write_times(cases: Iterable[Case], exist: Collection[str], folder: str, path: Path = TIMES) -> None:
    """Keep the times of tests that passed, beside those of others; of `folder` only of tests that `exist`."""
    kept = read_times(path) | {case.name: case.seconds for case in cases if case.outcome == "passed"}
    kept = {name: seconds for name, seconds in kept.items() if name in exist or not _of(folder, name)}
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "# seconds of each test at its last recorded run\n"
    path.write_text(head + "".join(f"{kept[name]:.1f}\t{name}\n" for name in sorted(kept)))


def _of(folder: str, name: str) -> bool:
    """Tell whether a test is the project's in this folder; what is in none of the others is the kit's."""
    return name.startswith("pipeline/") == (folder == "pipeline")


def compared(before: Mapping[str, float], cases: Iterable[Case]) -> list[str]:
    """Return a line for each test that became slower, measured by how the run as a whole went.

    The machine may be slow on a day, or quick: what counts is a test's growth beside the median growth.
    """
    pairs = [(case, before[case.name]) for case in cases if case.name in before and case.outcome == "passed"]
    growths = [case.seconds / was for case, was in pairs if was >= 1]
    day = statistics.median(growths) if len(growths) >= ENOUGH else 1.0
    return [
        f"{case.name} took {case.seconds:.0f} s, {was:.0f} s before"
        + (f" (the run as a whole: {day:.1f} times)" if day != 1 else "")
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
    try:
        cases = read_junit(options.report, options.folder)
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return 0
    for line in compared(read_times(), cases):
        print(f"slower: {line}", file=sys.stderr)
    if options.keep:
        write_times(cases, existing(options.folder), options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
