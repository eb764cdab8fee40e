"""Problems in the order of the file, in words; places as people write them; names that were meant."""

from __future__ import annotations

from pathlib import Path

import pytest

import chi_helpers.config as package
from chi_helpers.config.problems import ConfigError, Problem, did_you_mean, dotted

FILE = Path("lab.yaml")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(FILE, 3, "lab", "is empty"), "lab.yaml:3: lab: is empty"),
        (Problem(FILE, 3, "", "is not YAML"), "lab.yaml:3: is not YAML"),
        (Problem(FILE, 0, "", "is empty"), "lab.yaml: is empty"),
        (Problem(FILE, 0, "lab", "is missing"), "lab.yaml: lab: is missing"),
    ],
)
def test_a_problem_names_its_file_line_and_field(problem, text):
    assert str(problem) == text


def test_problems_stand_in_the_order_of_the_file_and_then_of_the_fields():
    third, second, first = Problem(FILE, 10, "a", "x"), Problem(FILE, 9, "b", "x"), Problem(FILE, 9, "a", "x")
    error = ConfigError([third, second, first])
    assert error.problems == (first, second, third)
    assert str(error) == ("lab.yaml has 3 problems:\nlab.yaml:9: a: x\nlab.yaml:9: b: x\nlab.yaml:10: a: x")


def test_one_problem_has_no_heading_and_two_have():
    one = Problem(FILE, 1, "a", "x")
    assert str(ConfigError([one])) == "lab.yaml:1: a: x"
    assert str(ConfigError([one, one])).startswith("lab.yaml has 2 problems:\n")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), ""),
        (("nodes",), "nodes"),
        (("nodes", "a", "ports", 0), "nodes.a.ports[0]"),
        (("outages", 1, "from"), "outages[1].from"),
    ],
)
def test_a_place_is_dotted_and_an_item_has_its_number(place, text):
    assert dotted(place) == text


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("flavour", "flavor"),
        ("FLAVOR", "flavor"),
        ("imag", "Image"),
        ("colour", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_meant_or_none(word, meant):
    assert did_you_mean(word, ["flavor", "Image", "ports"]) == meant


def test_the_package_gives_its_two_ways_in_and_nothing_else():
    assert package.load.__module__ == "chi_helpers.config.labfile"
    assert package.load_roster.__module__ == "chi_helpers.config.roster"
    with pytest.raises(AttributeError, match=r"^module 'chi_helpers\.config' has no attribute 'lead'$"):
        package.lead  # noqa: B018 - looking is the test
