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


def sample(project: Path, *options: str, code: int = 0) -> str:
    """What is said on stdout, or on stderr where the exit code is 2."""
    command = [
        sys.executable,
        str(SCRIPT),
        "--top",
        str(project),
        "--jobs",
        "1",
        "--tests",
        "tests",
        *options,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr if code == 2 else done.stdout


def test_killed_and_surviving_mutants_are_told_apart_and_the_code_stays_as_it_is(project):
    """A line of the module itself is tried with the tests of all its functions; one that no test runs is said."""
    lines = [f"rooms/lab.py:{line}" for line in (10, 5, 14)]
    said = json.loads(sample(project, "--json", *(f"--at={line}" for line in lines)))
    assert {(row["place"], row["after"]): row["result"] for row in said["mutants"]} == {
        (lines[0], "return nodes > LIMIT"): "SURVIVED",
        (lines[0], "return nodes < LIMIT"): "killed",
        (lines[0], "return None"): "killed",
        (lines[1], "LIMIT: int | None = 7"): "SURVIVED",
        (lines[1], "LIMIT: int | None = 5"): "SURVIVED",
        (lines[2], "return None"): "NO TEST",
        (lines[2], "return 'unseenXX'"): "NO TEST",
    }
    assert (project / "rooms/lab.py").read_text() == CODE


def test_the_same_seed_draws_the_same_mutants_and_too_few_noticed_fail_the_run(project):
    first, second = (
        sample(project, "rooms", "--count", "3", "--seed", "5", "--at-least", "100", code=1) for _ in range(2)
    )
    assert "% of 3 mutants were noticed" in first
    assert first == second


def test_a_test_that_fails_without_a_mutant_ends_the_run(project):
    (project / "rooms/lab.py").write_text(CODE.replace("LIMIT: int | None = 6", "LIMIT: int | None = 8"))
    said = sample(project, "--at", "rooms/lab.py:10", code=2)
    assert "The tests fail without a mutant:\ntests/test_lab.py: test_seven_nodes_are_too_many" in said


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("rooms/lab.py:2", "rooms/lab.py:2: there is nothing to change"),
        ("rooms/lab.py:99", "rooms/lab.py:99: there is nothing to change"),
        ("rooms/lab.py", "--at rooms/lab.py: give FILE.py:LINE"),
        ("rooms/lab.py:x", "--at rooms/lab.py:x: give FILE.py:LINE"),
        ("rooms/none.py:1", "rooms/none.py is not there"),
        ("tests/test_lab.py:4", "only the program is changed, not tests/test_lab.py"),
    ],
)
def test_a_place_that_cannot_be_changed_is_refused(project, place, said):
    assert said in sample(project, "--at", place, code=2)


NEEDY = """
from rooms.lab import full

MADE = []

def test_that_makes():
    MADE.append(1)

def test_that_needs_the_other():
    full(7)
    assert MADE
"""


def test_a_test_that_fails_by_itself_is_not_taken_for_one_that_notices(project):
    """It needs a test that does not run the mutant's lines."""
    (project / "tests/test_lab.py").write_text(NEEDY)
    said = sample(project, "--at", "rooms/lab.py:10", code=2)
    assert "test_that_needs_the_other fails without the mutant, too" in said
