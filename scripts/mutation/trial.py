"""The trial of one mutant: the tests that run its lines, until the first fails; and what confirms that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mutation.baseline import BrokenError
from mutation.places import Mutant
from mutation.runs import Ended, Task, run_tests

KILLED, TIMED_OUT, SURVIVED, UNSEEN = "killed", "timed out", "SURVIVED", "NO TEST"
PATIENCE = 60.0
"""Seconds more than ten times what its tests take."""
PASSED, FAILED, INTERRUPTED, USAGE, NONE_LEFT = 0, 1, 2, 4, 5
"""Exit codes of pytest. Tests that cannot be imported interrupt it; a conftest.py so is wrong use."""


def trial(mutant: Mutant, tests: set[str], seconds: dict[str, float], marks: str) -> Task:
    """Run the tests with the mutant: files of the folder's own tests come first, then the quick ones."""
    changed = (mutant.file, mutant.text)
    return Task(mutant, _limit(tests, seconds), _work(mutant, tests, seconds, marks), changed)


def confirmation(done: Ended, seconds: dict[str, float], marks: str) -> Task:
    """Run the tests of a trial that one of them ended, once more, with the code as it is.

    A test may fail by itself: it may need another one of its file that was left out, or a file that is not
    code has changed since the tests were measured.
    """
    tests = set((done.answer or {})["ran"])
    return Task(done.key, _limit(tests, seconds), _work(done.key, tests, seconds, marks))


def _limit(tests: set[str], seconds: dict[str, float]) -> float:
    return PATIENCE + 10 * sum(seconds.get(test, 0.0) for test in tests)


def _work(
    mutant: Mutant, tests: set[str], seconds: dict[str, float], marks: str
) -> Callable[[Path], dict[str, Any]]:
    cost: dict[str, float] = {}
    for test in tests:
        file = test.partition("::")[0]
        cost[file] = cost.get(file, 0.0) + seconds.get(test, 0.0)
    own = Path(mutant.file).parent.name
    files = sorted(cost, key=lambda file: (Path(file).parent.name != own, cost[file], file))

    def work(copy: Path) -> dict[str, Any]:
        chosen = Chosen(tests, set(seconds))
        code = run_tests(copy, files, marks, "-x", plugin=chosen)
        return {"code": code, "failed": chosen.failed, "ran": chosen.ran}

    return work


def confirmed(done: Ended) -> str:
    """Return what is wrong with a trial's tests where they fail without the mutant, too; else nothing."""
    where = f"{done.key.file}:{done.key.line}"
    if not done.in_time or done.answer is None:
        return f"{where}: without the mutant its tests ended the process, or took too long"
    if done.answer["code"] in (PASSED, NONE_LEFT):
        return ""
    return f"{where}: {done.answer['failed'] or 'the import'} fails without the mutant, too"


def verdict(done: Ended) -> tuple[str, str]:
    """The result, and what noticed the mutant; raises BrokenError where pytest itself failed."""
    if not done.in_time:
        return TIMED_OUT, ""
    if done.answer is None:
        return KILLED, "the process: it ended"
    code = done.answer["code"]
    if code in (FAILED, INTERRUPTED, USAGE):
        return KILLED, done.answer["failed"] or "the import"
    if code in (PASSED, NONE_LEFT):
        return SURVIVED, ""
    raise BrokenError(f"pytest ended with exit code {code} at {done.key.file}:{done.key.line}")


class Chosen:
    """Leaves the tests out that do not run the lines, and notes the first that fails."""

    def __init__(self, tests: set[str], known: set[str]) -> None:
        self.tests, self.known = tests, known
        self.failed = ""
        self.ran: list[str] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """A test that the code as it is does not have stays: a mutant may name it anew."""
        out = [item for item in items if item.nodeid in self.known and item.nodeid not in self.tests]
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup":
            self.ran.append(report.nodeid)
        if report.failed and not self.failed:
            self.failed = report.nodeid
