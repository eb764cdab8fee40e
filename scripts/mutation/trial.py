"""The trial of one mutant: the tests that run its lines, until the first fails."""

from __future__ import annotations

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
    """Files of the folder's own tests come first, then the quick ones."""
    cost: dict[str, float] = {}
    for test in tests:
        file = test.partition("::")[0]
        cost[file] = cost.get(file, 0.0) + seconds[test]
    own = Path(mutant.file).parent.name
    files = sorted(cost, key=lambda file: (Path(file).parent.name != own, cost[file], file))

    def work(copy: Path) -> dict[str, Any]:
        chosen = Chosen(tests, set(seconds))
        code = run_tests(copy, files, marks, "-x", plugin=chosen)
        return {"code": code, "failed": chosen.failed}

    return Task(mutant, PATIENCE + 10 * sum(cost.values()), work, (mutant.file, mutant.text))


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

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """A test that the code as it is does not have stays: a mutant may name it anew."""
        out = [item for item in items if item.nodeid in self.known and item.nodeid not in self.tests]
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid
