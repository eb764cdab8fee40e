"""Times of tests are read from pytest's own report, kept, and compared with the day taken off."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PLAIN = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""pytest without plug-ins starts sooner."""

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
        cwd=tmp_path, env=PLAIN, capture_output=True, check=False,
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
    for words in (["-p", "xdist", "-n", "1", "--dist", "loadgroup"], []):
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml", *words],
            cwd=tmp_path, env=PLAIN, capture_output=True, check=True,
        )  # fmt: skip
        assert {case.name for case in testtimes.read_junit(tmp_path / "report.xml")} == {
            "tests/test_lanes.py::test_one[at@home]",
            "tests/test_lanes.py::test_one[none]",
            "tests/test_lanes.py::test_two",
        }, words


def cases(testtimes, **seconds):
    return [testtimes.Case(name, float(value), "passed") for name, value in seconds.items()]


BEFORE = dict.fromkeys("abcdef", 10.0)


def test_a_test_that_takes_twice_as_long_is_told(testtimes):
    [line] = testtimes.compared(BEFORE, cases(testtimes, **dict.fromkeys("abcde", 10), f=21))
    assert line == "f took 21 s, 10 s before"


@pytest.mark.parametrize("others", [{}, {"a": 10}, {"a": 100, "b": 100}])
def test_the_growth_of_few_tests_is_not_taken_for_the_day_s(testtimes, others):
    told = testtimes.compared(BEFORE, cases(testtimes, **others, f=100))
    assert "f took 100 s, 10 s before" in told


@pytest.mark.parametrize(
    ("usual", "quick", "slow", "day"), [(30, 59, 61, "3.0"), (5, 9, 11, "0.5")], ids=["slow", "quick"]
)
def test_the_day_is_taken_off(testtimes, usual, quick, slow, day):
    others = dict.fromkeys("abcde", usual)
    assert testtimes.compared(BEFORE, cases(testtimes, **others, f=quick)) == []
    [line] = testtimes.compared(BEFORE, cases(testtimes, **others, f=slow))
    assert line == f"f took {slow} s, 10 s before (the run as a whole: {day} times)"


def test_a_few_seconds_more_are_not_told(testtimes):
    assert testtimes.compared({"a": 1.0, "b": 0.0}, cases(testtimes, a=5.9, b=4.9)) == []
    assert len(testtimes.compared({"a": 1.0, "b": 0.0}, cases(testtimes, a=6.1, b=5.1))) == 2


def test_a_report_that_is_cut_off_is_told_and_a_file_that_was_not_collected_is_named(testtimes, tmp_path):
    report = tmp_path / "report.xml"
    report.write_text("<testsuites><testsuite><testcase")
    with pytest.raises(testtimes.UnreadableError, match=r"report\.xml is not a whole JUnit report"):
        testtimes.read_junit(report)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_broken.py").write_text("import no_such_module")
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml"],
        cwd=tmp_path, env=PLAIN, capture_output=True, check=False,
    )  # fmt: skip
    assert testtimes.read_junit(report) == [testtimes.Case("tests/test_broken.py", 0.0, "failed")]


def test_times_are_kept_beside_those_of_other_tests_that_still_exist(testtimes, tmp_path):
    file = tmp_path / "times.tsv"
    here, gone, new, other = (
        "tests/test_a.py::here",
        "tests/test_a.py::gone",
        "tests/test_a.py::new",
        "pipeline/x",
    )
    first = [testtimes.Case(name, 3, "passed") for name in (here, gone)]
    testtimes.write_times(first, {here, gone}, ".", file)
    testtimes.write_times([testtimes.Case(other, 2, "passed")], {other}, "pipeline", file)
    assert testtimes.read_times(file) == {here: 3, gone: 3, other: 2}
    later = [testtimes.Case(new, 0.04, "passed"), testtimes.Case(here, 9, "failed")]
    testtimes.write_times(later, {here, new}, ".", file)
    assert testtimes.read_times(file) == {here: 3, new: 0.0, other: 2}
