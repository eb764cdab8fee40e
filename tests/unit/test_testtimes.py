"""Times of tests are read from pytest's own report, kept, and compared with the day taken off."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]

SAMPLE = """
import time, pytest
class TestOne:
    @pytest.mark.parametrize("n", [1, 2])
    def test_in_a_class(self, n): pass
def test_that_fails(): assert 0
def test_that_skips(): pytest.skip("why")
@pytest.fixture
def broken():
    yield
    assert 0
def test_whose_end_fails(broken): pass
"""


@pytest.fixture(scope="module")
def testtimes():
    spec = importlib.util.spec_from_file_location("testtimes", TOP / "scripts/testtimes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["testtimes"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("testtimes", None)


def test_a_report_names_each_test_as_pytest_does_with_its_outcome(testtimes, tmp_path):
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests" / "deep" / "test_sample.py").write_text(SAMPLE)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml", "tests"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    found = {case.name: case.outcome for case in testtimes.read_junit(tmp_path / "report.xml")}
    file = "tests/deep/test_sample.py"
    assert found == {
        f"{file}::TestOne::test_in_a_class[1]": "passed",
        f"{file}::TestOne::test_in_a_class[2]": "passed",
        f"{file}::test_that_fails": "failed",
        f"{file}::test_that_skips": "skipped",
        f"{file}::test_whose_end_fails": "failed",
    }
    [first, *_] = testtimes.read_junit(tmp_path / "report.xml", "pipeline")
    assert first.name.startswith("pipeline/tests/deep/test_sample.py::")


LANES = """
import pytest
pytestmark = pytest.mark.xdist_group("tests/a.py")
@pytest.mark.parametrize("n", ["at@home", "none"])
def test_one(n): pass
def test_two(): pass
"""


def test_a_test_is_called_the_same_with_lanes_and_without(testtimes, tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_lanes.py").write_text(LANES)
    for words in (["-n", "1", "--dist", "loadgroup"], []):
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml", *words],
            cwd=tmp_path, capture_output=True, check=True,
        )  # fmt: skip
        assert {case.name for case in testtimes.read_junit(tmp_path / "report.xml")} == {
            "tests/test_lanes.py::test_one[at@home]",
            "tests/test_lanes.py::test_one[none]",
            "tests/test_lanes.py::test_two",
        }, words


def cases(testtimes, **seconds):
    return [testtimes.Case(name, float(value), "passed") for name, value in seconds.items()]


def test_a_test_that_takes_twice_as_long_is_told(testtimes):
    before = {"a": 10.0, "b": 10.0, "c": 10.0}
    [line] = testtimes.compared(before, cases(testtimes, a=10, b=10, c=21))
    assert line == "c took 21 s, 10 s before"


def test_a_slow_day_makes_no_test_slower(testtimes):
    before = {"a": 10.0, "b": 10.0, "c": 10.0}
    assert testtimes.compared(before, cases(testtimes, a=30, b=30, c=31)) == []
    [line] = testtimes.compared(before, cases(testtimes, a=30, b=30, c=61))
    assert line == "c took 61 s, 10 s before (the run as a whole: 3.0 times)"


def test_a_few_seconds_more_are_not_told(testtimes):
    assert testtimes.compared({"a": 1.0, "b": 1.0, "c": 1.0}, cases(testtimes, a=1, b=1, c=5)) == []


def test_times_are_kept_beside_those_of_other_tests_that_still_exist(testtimes, tmp_path):
    file = tmp_path / "times.tsv"
    here, gone = "tests/unit/test_testtimes.py::old", "tests/unit/test_no_such_file.py::old"
    new = "tests/unit/test_testtimes.py::new"
    testtimes.write_times([testtimes.Case(here, 3, "passed"), testtimes.Case(gone, 3, "passed")], file)
    assert testtimes.read_times(file) == {here: 3, gone: 3}
    later = [
        testtimes.Case(new, 4.26, "passed"),
        testtimes.Case("quick", 0.01, "passed"),
        testtimes.Case(here, 9, "failed"),
    ]
    testtimes.write_times(later, file)
    assert testtimes.read_times(file) == {here: 3, new: 4.3}
