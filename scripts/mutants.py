"""Take the reaper's guards out one by one, and see that a test notices each.

    .venv/bin/python scripts/mutants.py [--jobs 2] [--only PART] [--write]

The guards are listed in `tests/mutants/guards.py`, and those of what carries plans out in
`tests/mutants/guards_of_apply.py`. Each is replaced in memory, in a process of its own, and the tests that it
names are run: they must fail. `--only` takes the guards whose file or text holds PART; `--write` brings their
rows of docs/reference/reaper-mutants.md up to date. Exit code: 0 every removal was noticed, 1 one was not, 2
the list does not fit the code, or the tests fail with all guards in place.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP))
sys.dont_write_bytecode = True

import pytest  # noqa: E402 - after the path; once for all processes

from tests.mutants.guard import Guard  # noqa: E402
from tests.mutants.guards import GUARDS  # noqa: E402

TABLE = TOP / "docs/reference/reaper-mutants.md"
HEAD = """# The reaper's guards, and what notices when one is missing

`scripts/mutants.py --write` takes each of these {count} guards out of the program, one at a time, and runs
the tests that are named for it. A removal that no test notices fails the script. The lists are
`tests/mutants/guards.py` and `tests/mutants/guards_of_apply.py`.

| file | guard | without it | what it keeps | noticed by |
|---|---|---|---|---|
"""
FAILED, BROKEN = 1, 2
"""Exit codes of pytest: a test failed; the tests could not be imported."""
UNTRIED = 77
"""Exit code of a process that did not come to its tests."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    os.chdir(TOP)
    importlib.import_module("hypothesis.strategies")  # the slowest that every test needs
    if wrong := [line for guard in GUARDS if (line := misfit(guard))]:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    chosen = [guard for guard in GUARDS if options.only in guard.file or options.only in guard.text]
    if not chosen:
        print(f"no guard's file or text holds {options.only!r}", file=sys.stderr)
        return 2
    files = tuple(dict.fromkeys(test for guard in chosen for test in guard.tests))
    if broken := dict(tried([Guard("", "", "", "", files)], 1)).popitem()[1]:
        print(f"with all guards in place this fails: {broken}", file=sys.stderr)
        return 2
    noticed = {}
    for guard, name in tried(chosen, options.jobs):
        noticed[guard] = name
        print(f"{name or 'NOT NOTICED':60.60} {guard.file}: {one_line(guard.text)}", flush=True)
    missed = [guard for guard in chosen if not noticed[guard]]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} removals were noticed")
    if options.write:
        TABLE.write_text(table(noticed))
    return 1 if missed else 0


def table(noticed: dict[Guard, str]) -> str:
    """The table as it was, with what was noticed now; guards that are not listed any more are left out."""
    before = TABLE.read_text().splitlines() if TABLE.exists() else []
    rows = []
    for guard in GUARDS:
        known = [line for line in before if line.startswith(opening(guard))]
        rows += [row(guard, noticed[guard])] if guard in noticed else known[:1]
    return HEAD.format(count=len(rows)) + "".join(f"{line}\n" for line in rows)


def misfit(guard: Guard) -> str:
    """Why a guard cannot be taken out; empty where it can."""
    count = (TOP / guard.file).read_text().count(guard.text)
    return "" if count == 1 else f"{guard.file}: {count} times, not once: {guard.text!r}"


def tried(guards: list[Guard], jobs: int) -> Iterator[tuple[Guard, str]]:
    """Each guard with the test that fails without it, as they come; empty where none does."""
    waiting, running = list(reversed(guards)), dict[int, tuple[Guard, int]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            guard = waiting.pop()
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                code = UNTRIED
                with contextlib.suppress(BaseException):  # the process ends here, whatever it was
                    os.close(reading)
                    os.write(writing, without(guard).encode())
                    code = 0
                os._exit(code)
            os.close(writing)
            running[child] = (guard, reading)
        child, status = os.wait()
        guard, reading = running.pop(child)
        with os.fdopen(reading) as told:
            name = told.read()
        if os.waitstatus_to_exitcode(status) == UNTRIED:
            raise SystemExit(f"{guard.file}: the tests could not be run without {guard.text!r}")
        yield guard, name or ("the process: it ended" if status else "")


def without(guard: Guard) -> str:
    """Run the tests in this process, without the guard; nothing on the disk is changed."""
    if guard.file:
        text = (TOP / guard.file).read_text().replace(guard.text, guard.without)
        sys.meta_path.insert(0, Changed(guard.file.removesuffix(".py").replace("/", "."), text))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    first = First()
    options = ("-x", "-q", "--tb=no", "--timeout=300", "-p", "no:cacheprovider")
    code = pytest.main([*options, *guard.tests], plugins=[first])
    if code in (FAILED, BROKEN):
        return first.failed or "the import"
    return "" if code == 0 else f"pytest: exit code {int(code)}"


class First:
    """Notes the first test that fails."""

    failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid.split("::", 1)[-1]


class Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module with another text."""

    def __init__(self, name: str, text: str) -> None:
        if name in sys.modules:
            raise RuntimeError(f"{name} was imported before it could be changed")
        self.name, self.text = name, text

    def find_spec(self, wanted: str, *_: object) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(wanted, self) if wanted == self.name else None

    def get_source(self, _: str) -> str:
        return self.text


def opening(guard: Guard) -> str:
    """How a guard's row begins: it tells it from all others."""
    cells = (f"{Path(guard.file).parent.name}/{Path(guard.file).name}", code(guard.text), code(guard.without))
    return f"| {' | '.join(cells)} |"


def row(guard: Guard, noticed: str) -> str:
    return f"{opening(guard)} {guard.why} | {code(noticed) if noticed else '**nothing**'} |"


def code(text: str) -> str:
    line = one_line(text).replace("|", "\\|")
    return f"`{line}`" if line else ""


def one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
