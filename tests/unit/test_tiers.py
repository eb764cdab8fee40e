"""A test is in a tier that runs it: a nightly part that nobody could ask for is refused when tests are collected."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.tiers import PARTS, check_parts

TOP = Path(__file__).parents[2]


def marked(*marks) -> Any:
    """A test with these marks, as pytest collects it."""
    return SimpleNamespace(
        nodeid="tests/test_x.py::test_y",
        iter_markers=lambda name: (mark.mark for mark in marks if mark.name == name),
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_exists_is_taken(part):
    check_parts([marked(pytest.mark.slow, pytest.mark.nightly(part=part))])


@pytest.mark.parametrize(
    "mark", [pytest.mark.nightly, pytest.mark.nightly("faults"), pytest.mark.nightly(part="fualts")]
)
def test_a_part_that_no_run_would_select_is_refused_with_the_test_and_the_parts(mark):
    with pytest.raises(pytest.UsageError, match=r"tests/test_x.py::test_y: .* one of lab, faults, "):
        check_parts([marked(mark)])


def test_contributing_says_of_every_part_when_to_run_it():
    rows = re.findall(r"^\| `(\w+)` \|", (TOP / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert rows == list(PARTS)
