"""Which test runs which line, measured file by file with all code as it is; kept in .chi-lab/mutation."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import coverage
import grimp
import pytest

from mutation.places import Mutant
from mutation.runs import Task, each, run_tests

KEPT = Path(".chi-lab/mutation")
LIMIT = 3600.0


class BrokenError(Exception):
    """The tests fail with the code as it is."""


class Baseline:
    """The tests of all files: `tests` has their seconds, `lines` says who comes to a line of a file."""

    def __init__(self, top: Path, packages: set[str], entries: dict[str, dict[str, Any]]) -> None:
        self.tests: dict[str, float] = {}
        self.lines: dict[str, dict[int, set[str]]] = {}
        self.top, self.packages = top, packages
        for entry in entries.values():
            self.tests |= entry["tests"]
            known = list(entry["tests"])
            for file, lines in entry["lines"].items():
                mine = self.lines.setdefault(file, {})
                for line, numbers in lines.items():
                    seen = {
                        test for number in numbers for test in ([known[number]] if number >= 0 else known)
                    }
                    mine.setdefault(int(line), set()).update(seen)

    def tests_of(self, mutant: Mutant) -> set[str]:
        """The tests that can notice it.

        What an import runs, no test runs as its own: these are the tests of the module and of those that
        import it.
        """
        if not mutant.imported:
            lines = self.lines.get(mutant.file, {})
            return {test for line in mutant.lines for test in lines.get(line, ())}
        files = {mutant.file, *self._importers(mutant.file)}
        return {test for file in files for seen in self.lines.get(file, {}).values() for test in seen}

    def _importers(self, file: str) -> Iterator[str]:
        """Files that import a file; where that is a package, it hands on what it imports."""
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        graph = _graph_of(str(self.top), tuple(sorted(self.packages)))
        look, seen = [name] if name in graph.modules else [], set[str]()
        while look:
            for importer in graph.find_modules_that_directly_import(look.pop()) - seen:
                seen.add(importer)
                path = importer.replace(".", "/")
                if (self.top / path).is_dir():
                    look.append(importer)
                else:
                    yield f"{path}.py"


@cache
def _graph_of(top: str, packages: tuple[str, ...]) -> Any:
    sys.path.insert(0, top)
    try:
        return grimp.build_graph(*packages, cache_dir=None)
    finally:
        sys.path.remove(top)


def measured(top: Path, copies: list[Path], tests: list[str], marks: str, packages: set[str]) -> Baseline:
    """Run every file of tests that is new, or whose code has changed; raises BrokenError where one fails."""
    files = sorted(
        str(path.relative_to(copies[0]))
        for name in tests
        for path in ([copies[0] / name] if name.endswith(".py") else (copies[0] / name).rglob("test_*.py"))
    )
    common = _common(copies[0], packages, marks)
    entries = {file: entry for file in files if (entry := _kept(top, copies[0], file, common)) is not None}
    missing = [file for file in files if file not in entries]
    tasks = [
        Task(file, LIMIT, partial(_measure, file=file, marks=marks, packages=packages)) for file in missing
    ]
    wrong: dict[str, str] = {}
    for done in each(tasks, copies):
        good = done.answer is not None and not done.answer["failed"] and done.answer["code"] in (0, 5)
        print(f"measured {done.key}{'' if good else ': IT FAILS'}", file=sys.stderr, flush=True)
        if done.answer is None or not good:
            wrong[done.key] = (done.answer or {}).get("failed") or "the process ended, or took too long"
            continue
        entries[done.key] = done.answer
        done.answer["digest"] = _digest(copies[0], done.key, done.answer["modules"], common)
        place = top / KEPT / f"{done.key.replace('/', '.')}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(done.answer))
    if wrong:
        raise BrokenError("\n".join(f"{file}: {what}" for file, what in sorted(wrong.items())))
    return Baseline(copies[0], packages, {file: entries[file] for file in files})


def _kept(top: Path, copy: Path, file: str, common: str) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = json.loads((top / KEPT / f"{file.replace('/', '.')}.json").read_text())
    except (OSError, ValueError):
        return None
    return entry if entry["digest"] == _digest(copy, file, entry["modules"], common) else None


def _common(copy: Path, packages: set[str], marks: str) -> str:
    """What every test may depend on: installed packages, the data files of the program."""
    found = hashlib.sha256(f"{sys.version} {sorted(packages)} {marks}".encode())
    for one in sorted(f"{dist.name} {dist.version}" for dist in importlib.metadata.distributions()):
        found.update(one.encode())
    for name in sorted(packages):
        _add_data(found, copy, (copy / name).rglob("*"))
    return found.hexdigest()


def _digest(copy: Path, file: str, modules: list[str], common: str) -> str:
    """What a file of tests depends on: the code that it imports, and the data files next to it."""
    found = hashlib.sha256(common.encode())
    for module in sorted(modules):
        path = copy / module
        found.update(module.encode() + (path.read_bytes() if path.exists() else b""))
    _add_data(found, copy, (copy / file).parent.glob("*"))
    return found.hexdigest()


def _add_data(found: Any, copy: Path, paths: Iterable[Path]) -> None:
    for path in sorted(path for path in paths if path.is_file() and path.suffix not in {".py", ".pyc"}):
        found.update(f"{path.relative_to(copy)}".encode() + path.read_bytes())


def _measure(copy: Path, file: str, marks: str, packages: set[str]) -> dict[str, Any]:
    watched = coverage.Coverage(
        data_file=None, config_file=False, include=[f"{copy}/{name}/*" for name in packages]
    )
    watch = Watch(watched, file)
    watched.start()
    code = run_tests(copy, [file], marks, plugin=watch)
    watched.stop()
    numbers = {test: number for number, test in enumerate(watch.tests)} | {file: -1}
    data = watched.get_data()
    lines = {
        str(Path(path).relative_to(copy)): {
            line: sorted({numbers[test] for test in tests if test in numbers})
            for line, tests in data.contexts_by_lineno(path).items()
            if any(tests)
        }
        for path in data.measured_files()
    }
    loaded = [found for module in list(sys.modules.values()) if (found := getattr(module, "__file__", None))]
    modules = sorted({str(Path(path).relative_to(copy)) for path in loaded if path.startswith(f"{copy}/")})
    if file not in modules and code != 5:  # noqa: PLR2004 - pytest's word for no tests
        watch.failed.append("the tests were not read from the copy")
    failed = "; ".join(watch.failed[:3])
    return {"code": code, "failed": failed, "tests": watch.tests, "lines": lines, "modules": modules}


class Watch:
    """Tells coverage which test runs, and notes its seconds."""

    def __init__(self, watched: coverage.Coverage, file: str) -> None:
        self.watched, self.file = watched, file
        self.tests: dict[str, float] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        began = time.monotonic()
        self.watched.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self.tests[item.nodeid] = round(time.monotonic() - began, 3)
            self.watched.switch_context("")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """What is made for several tests, all of the file have run."""
        if fixturedef.scope == "function":
            return (yield)
        self.watched.switch_context(self.file)
        try:
            return (yield)
        finally:
            self.watched.switch_context(request._pyfuncitem.nodeid)  # noqa: SLF001

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid.split('::', 1)[-1]}: {report.longreprtext[-300:]}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longreprtext[-300:]}")
