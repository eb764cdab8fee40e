"""scripts/mutation_sample.py tells a change that the tests notice from one that they do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/mutation_sample.py"
CODE = '''"""What a lab may hold."""

from __future__ import annotations

LIMIT: int | None = 6


def full(nodes: int) -> bool:
    """Tell whether no node may be added."""
    return nodes >= LIMIT


def never_run() -> str:
    return "unseen"
'''
TESTS = """from rooms.lab import full

def test_seven_nodes_are_too_many():
    assert full(7)

def test_six_are_counted(tmp_path):
    full(6)
"""


@pytest.fixture
def project(tmp_path):
    """A checkout of one module with two tests, of which one asserts."""
    for name, text in {
        "rooms/__init__.py": "",
        "rooms/lab.py": CODE,
        "tests/__init__.py": "",
        "tests/test_lab.py": TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def sample(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--top", str(project), "--tests", "tests", "--jobs", "1", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def results(project: Path, *options: str) -> dict[tuple[str, str], str]:
    done = sample(project, "--json", *options)
    assert done.returncode == 0, done.stderr
    return {(row["place"], row["after"]): row["result"] for row in json.loads(done.stdout)["mutants"]}


def test_killed_and_surviving_mutants_are_told_apart_and_the_code_stays_as_it_is(project):
    """A line of the module itself is tried with the tests of all its functions; one that no test runs is said."""
    assert results(
        project, "--at", "rooms/lab.py:10", "--at", "rooms/lab.py:5", "--at", "rooms/lab.py:14"
    ) == {
        ("rooms/lab.py:10", "return nodes > LIMIT"): "SURVIVED",
        ("rooms/lab.py:10", "return nodes < LIMIT"): "killed",
        ("rooms/lab.py:10", "return None"): "killed",
        ("rooms/lab.py:5", "LIMIT: int | None = 7"): "SURVIVED",
        ("rooms/lab.py:5", "LIMIT: int | None = 5"): "SURVIVED",
        ("rooms/lab.py:14", "return None"): "NO TEST",
        ("rooms/lab.py:14", "return 'unseenXX'"): "NO TEST",
    }
    assert (project / "rooms/lab.py").read_text() == CODE


def test_the_same_seed_draws_the_same_mutants_and_too_few_noticed_fail_the_run(project):
    first, second = (results(project, "rooms", "--count", "2", "--seed", "5") for _ in range(2))
    assert first == second
    assert len(first) == 2
    assert sample(project, "rooms", "--count", "3", "--at-least", "100").returncode == 1


def test_a_test_that_fails_without_a_mutant_ends_the_run(project):
    results(project, "--at", "rooms/lab.py:10")
    (project / "rooms/lab.py").write_text(CODE.replace("LIMIT: int | None = 6", "LIMIT: int | None = 8"))
    done = sample(project, "--at", "rooms/lab.py:10")
    assert done.returncode == 2
    assert "The tests fail without a mutant:\ntests/test_lab.py: test_seven_nodes_are_too_many" in done.stderr
