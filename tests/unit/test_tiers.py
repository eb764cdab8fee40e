"""A test is in a tier that runs it: a nightly part that nobody could ask for is refused when tests are collected."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.tiers import OF_THE_KIT, PARTS, check_parts

TOP = Path(__file__).parents[2]


def marked(*marks) -> Any:
    """A test with these marks, as pytest collects it."""
    return SimpleNamespace(
        nodeid="tests/test_x.py::test_y",
        iter_markers=lambda name: (mark.mark for mark in marks if mark.name == name),
    )


@pytest.mark.parametrize("part", OF_THE_KIT)
def test_a_part_that_exists_is_taken(part):
    check_parts([marked(pytest.mark.slow, pytest.mark.nightly(part=part))])


@pytest.mark.parametrize(
    "mark",
    [
        pytest.mark.nightly,
        pytest.mark.nightly("faults"),
        pytest.mark.nightly(part="fualts"),
        pytest.mark.nightly(part=["faults"]),
        pytest.mark.nightly(part="pipeline"),
        pytest.mark.nightly(part="faults", only="x"),
    ],
)
def test_a_part_that_no_run_would_select_is_refused_with_the_test_and_the_parts(mark):
    with pytest.raises(pytest.UsageError, match=r"tests/test_x.py::test_y: .* one of lab, faults, "):
        check_parts([marked(mark)])


def test_a_test_is_in_one_part():
    check_parts([marked(pytest.mark.nightly(part="lab"), pytest.mark.nightly(part="lab"))])
    with pytest.raises(pytest.UsageError, match=r"test_y is in more than one nightly part: lab, faults"):
        check_parts([marked(pytest.mark.nightly(part="lab"), pytest.mark.nightly(part="faults"))])


def test_every_mark_in_the_tests_names_a_part():
    """Where pytest-xdist runs the tests, nothing else would say so: they would be in no tier."""
    wrong = []
    for file in {*(TOP / "tests").rglob("*.py")} - {Path(__file__)}:
        tree = ast.parse(file.read_text())
        called = {
            id(node.func): [(word.arg, ast.literal_eval(word.value)) for word in node.keywords]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "nightly"
        }
        wrong += [
            f"{file.relative_to(TOP)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr == "nightly"
            and called.get(id(node)) not in [[("part", part)] for part in OF_THE_KIT]
        ]
    assert wrong == []


def test_every_file_of_tests_is_where_pytest_looks():
    settings = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    looked = [TOP / path for path in settings["testpaths"]]
    found = list((TOP / "tests").rglob("test_*.py"))
    assert found
    assert [file for file in found if not any(file.is_relative_to(path) for path in looked)] == []


def test_contributing_says_of_every_part_when_to_run_it():
    rows = re.findall(r"^\| `(\w+)` \|", (TOP / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert rows == list(PARTS)
