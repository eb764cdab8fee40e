"""Change the program at random places, and see how many of the changes the tests notice.

    .venv/bin/python scripts/mutation_sample.py --count 120 --seed 1 [--at-least 85] [--jobs 2] [PATH...]
    .venv/bin/python scripts/mutation_sample.py --at chi_helpers/apply/work.py:117

A mutant is the program with one small slip: a statement or an argument dropped, a condition turned round, a
number or a word changed, an error not caught. The slips are cosmic-ray's and some of our own
(scripts/mutation/operators.py). The draw takes lines, each as likely as any other, and of each line one slip;
the same seed draws the same mutants from the same code. `--at` tries every slip of a statement.

First every file of tests is run once with the code as it is, to learn which test runs which line. That is
kept in .chi-lab/mutation, and measured again for a file of tests when it, or code that it imports, has
changed. A test that fails there ends the run: the mutants would tell nothing. Then each mutant gets the tests
that run its lines, until the first fails; a mutant that hangs is noticed by its time. Last, the tests of each
mutant that was noticed are run once more without it: one that fails by itself ends the run, too. All that
happens in copies of the checkout. Some changes cannot be noticed, as they mean the same: 100 % is no goal.

Not measured: what a test runs in a process of its own (it runs the mutant all the same).
Exit code: 0; 1 fewer were noticed than `--at-least` per cent; 2 the tests fail without a mutant, or the run
itself fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import re
import signal
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from mutation.baseline import Baseline, BrokenError, measured
from mutation.places import Mutant, at, draw
from mutation.runs import copies, each
from mutation.trial import KILLED, SURVIVED, TIMED_OUT, UNSEEN, confirmation, confirmed, trial, verdict

TOP = Path(__file__).resolve().parents[1]
SSH = ["chi_helpers/provision/openssh.py", "chi_helpers/provision/tunnel.py", "chi_helpers/login.py"]
CORE = ["chi_helpers/plan", "chi_helpers/config", "chi_helpers/sites", "chi_helpers/apply", *SSH]
ELSEWHERE = ("chi_helpers/apply/reaper/", "chi_helpers/apply/notify/")
"""The reaper's; scripts/mutants.py takes its guards out by name. They are left out of the core only."""
HEAVY = ("hypothesis.strategies", "openstack.connection", "pydantic", "paramiko")
"""Imported once for all processes."""


def main() -> int:
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no copies and no tests are left behind
    top = options.top.resolve()
    files = [file for name in options.paths or CORE for file in python_files(top, name)]
    if not options.paths:
        files = [file for file in files if not file.startswith(ELSEWHERE)]
    mutants = chosen(top, options.at) if options.at else draw(top, files, options.count, options.seed)
    if not mutants:
        print("There is nothing to change.", file=sys.stderr)
        return 2
    if len(mutants) > len(HEAVY):
        for name in HEAVY:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    with copies(top, options.jobs) as places:
        packages = {mutant.file.split("/")[0] for mutant in mutants}
        try:
            baseline = measured(top, places, options.tests, options.marks, packages)
            found = tried(mutants, baseline, places, options.marks)
        except BrokenError as error:
            print(f"The tests fail without a mutant:\n{error}", file=sys.stderr)
            return 2
    rows = [as_row(mutant, *found[mutant]) for mutant in mutants]
    noticed = 100 * sum(row["result"] in (KILLED, TIMED_OUT) for row in rows) / max(1, len(rows))
    if options.json:
        json.dump({"seed": options.seed, "noticed": round(noticed, 1), "mutants": rows}, sys.stdout, indent=1)
    else:
        print(table(rows))
        print(f"{noticed:.0f} % of {len(rows)} mutants were noticed (seed {options.seed})")
    return 1 if noticed < options.at_least else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders; else the lab's core")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", action="append", default=[], metavar="FILE:LINE")
    parser.add_argument("--at-least", type=float, default=0, metavar="PER_CENT")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--tests", action="append", metavar="PATH", help="a folder or a file; else tests/unit"
    )
    parser.add_argument("--marks", default="not nightly", help="as pytest's -m")
    parser.add_argument("--json", action="store_true", help="all mutants as JSON, in place of the table")
    parser.add_argument("--top", type=Path, default=TOP, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.tests = options.tests or ["tests/unit"]
    for place in options.at:
        if not re.fullmatch(r".+\.py:[1-9]\d*", place):
            parser.error(f"--at {place}: give FILE.py:LINE")
    files = [place.rpartition(":")[0] for place in options.at]
    for name in (*options.paths, *options.tests, *files):
        if not (options.top / name).exists():
            parser.error(f"{name} is not there")
    if strays := [name for name in (*options.paths, *files) if name.startswith("tests/")]:
        parser.error(f"only the program is changed, not {strays[0]}; say --tests once for each")
    return options


def chosen(top: Path, places: list[str]) -> list[Mutant]:
    """Return every slip of the statements at these places; raise `SystemExit` for a place without one."""
    found: list[Mutant] = []
    for place in places:
        file, _, line = place.rpartition(":")
        mutants = at(top, file, int(line))
        if not mutants:
            print(f"{place}: there is nothing to change", file=sys.stderr)
            raise SystemExit(2)
        found += mutants
    return found


def python_files(top: Path, name: str) -> list[str]:
    found = [top / name] if name.endswith(".py") else sorted((top / name).rglob("*.py"))
    return [str(path.relative_to(top)) for path in found]


def tried(
    mutants: list[Mutant], baseline: Baseline, places: list[Path], marks: str
) -> dict[Mutant, tuple[str, str]]:
    """Each mutant with its result and with what noticed it."""
    tests = {mutant: baseline.tests_of(mutant) for mutant in mutants}
    found = {mutant: (UNSEEN, "") for mutant in mutants if not tests[mutant]}
    tasks = [trial(mutant, tests[mutant], baseline.tests, marks) for mutant in mutants if tests[mutant]]
    killed = []
    for done in each(tasks, places):
        found[done.key] = verdict(done)
        result, by = found[done.key]
        print(f"{len(found)}/{len(mutants)} {result} {where(done.key)} {by}", file=sys.stderr, flush=True)
        killed += [done] if result == KILLED and done.answer is not None else []
    print(f"the tests of {len(killed)} that were noticed run without them", file=sys.stderr, flush=True)
    again = [confirmation(done, baseline.tests, marks) for done in killed]
    if wrong := [fault for done in each(again, places) if (fault := confirmed(done))]:
        raise BrokenError("\n".join(wrong))
    return found


def where(mutant: Mutant) -> str:
    return f"{mutant.file}:{mutant.line}"


def as_row(mutant: Mutant, result: str, by: str) -> dict[str, Any]:
    said = {"result": result, "noticed by": by, "before": mutant.before, "after": mutant.after}
    return {"place": where(mutant), "operator": mutant.operator} | said


def folder(place: str) -> str:
    file = place.rpartition(":")[0]
    return "ssh" if file in SSH else (file.split("/")[1:-1] or [file])[0]


def table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        if row["result"] in (SURVIVED, UNSEEN):
            lines += [f"{row['place']}: {row['result']} ({row['operator']})"]
            lines += [f"  - {short(row['before'])}", f"  + {short(row['after'])}"]
    lines += ["", "| folder | noticed of | of these by time | no test runs the line |", "|---|---|---|---|"]
    for name in dict.fromkeys(folder(row["place"]) for row in rows):
        count = Counter(row["result"] for row in rows if folder(row["place"]) == name)
        noticed = count[KILLED] + count[TIMED_OUT]
        lines.append(f"| {name} | {noticed} of {count.total()} | {count[TIMED_OUT]} | {count[UNSEEN]} |")
    return "\n".join(lines)


def short(text: str) -> str:
    return text if len(text) < 300 else f"{text[:300]} ..."  # noqa: PLR2004


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception:  # noqa: BLE001 - Python's own exit code would say that too few were noticed
        traceback.print_exc()
        sys.exit(2)
