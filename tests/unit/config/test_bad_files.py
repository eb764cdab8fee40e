"""Every problem of a file is reported at once, with its line, its field, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from chi_helpers.config import ConfigError, load
from chi_helpers.config.marks import MOST_PARTS
from chi_helpers.model.errors import Exit

CORPUS = yaml.safe_load(Path(__file__).with_name("bad_files.yaml").read_text(encoding="utf-8"))
MANY = """\
version: 2
lab: Hello World
sit: KVM@TACC
timezone: America/Chicago
lifetime: {max: 6:00, warn: [15, 8h]}
lease: {duration: 8h, start: 2026-03-08 02:30, end_early: 2h}
duration: 6h
nodes:
  node1: {flavour: m1.small, image: CC-Ubuntu24.04, ports: [22, 99999, yes]}
  node2: {flavor: m1.small, node_type: gpu_p100, image: CC-Ubuntu24.04, floating_ip: maybe}
  node2: {flavor: m1.small}
network: {private: 8.8.8.0/24}
outages:
  - {site: KVM@TACC, from: 2026-01-29 00:00, to: 2026-01-28 00:00}
"""


@pytest.fixture
def problems(tmp_path, monkeypatch):
    """Load a file of this content, which must be wrong; the problems as the reader sees them."""
    monkeypatch.chdir(tmp_path)

    def look(content):
        raw = content if isinstance(content, bytes) else content.encode()
        Path("reservation.yaml").write_bytes(raw)
        with pytest.raises(ConfigError) as caught:
            load("reservation.yaml")
        return [str(problem) for problem in caught.value.problems]

    return look


def written(case):
    """The file of one case of the corpus."""
    if "all" in case:
        return case["all"]
    base = CORPUS["base"]
    if "add" in case:
        return base + case["add"]
    assert base.count(case["instead_of"]) == 1
    return base.replace(case["instead_of"], case["write"])


def test_the_base_of_the_corpus_is_right(tmp_path):
    """So whatever is said about a case is about what the case changed."""
    path = tmp_path / "reservation.yaml"
    path.write_text(CORPUS["base"], encoding="utf-8")
    assert load(path).lab == "hello"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CORPUS["cases"]])
def test_a_wrong_file_is_told_what_to_do(problems, case):
    """Exactly these problems, on these lines, in these words."""
    assert problems(written(case)) == [f"reservation.yaml{line}" for line in case["says"]]


def test_all_problems_are_reported_together(problems):
    """One wrong value hides no other: neither in another place nor of another kind."""
    assert problems(MANY) == [
        "reservation.yaml:1: version: must be 1, not 2",
        'reservation.yaml:2: lab: "Hello World" cannot name a lab: lower-case letters, digits, - and _, a letter or digit first, at most 63',
        "reservation.yaml:3: sit: unknown key: did you mean site?",
        "reservation.yaml:5: lifetime.max: 6:00 is a time of day, not a duration: write 6h",
        "reservation.yaml:5: lifetime.warn[0]: 15 has no unit: write 15h for hours or 15m for minutes",
        "reservation.yaml:6: lease.end_early: must be less than an hour: write for example 5m",
        "reservation.yaml:6: lease.start: 2026-03-08 02:30 does not exist in America/Chicago, where clocks go forward: write 2026-03-08 03:30-05:00 (CDT) or 2026-03-08 01:30-06:00 (CST)",
        "reservation.yaml:7: duration: unknown key here: it belongs under lease",
        "reservation.yaml:9: nodes.node1.flavour: unknown key: did you mean flavor?",
        "reservation.yaml:9: nodes.node1.ports[1]: 99999 must be a TCP port, 1 to 65535",
        'reservation.yaml:9: nodes.node1.ports[2]: must be a whole number, without quotes, not "yes"',
        "reservation.yaml:10: nodes.node2: has both flavor and node_type: keep flavor for a virtual machine, node_type for bare metal",
        'reservation.yaml:10: nodes.node2.floating_ip: must be true or false, not "maybe"',
        "reservation.yaml:11: nodes.node2: given twice, first in line 10: keep one",
        "reservation.yaml:12: network.private: 8.8.8.0/24 is not a private network: take one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
        "reservation.yaml:14: outages[0].to: is not after `from`: an outage ends after it begins",
        "reservation.yaml:14: outages[0].why: is missing: add for example `why: maintenance`",
    ]


def test_the_error_is_one_message_and_a_list(tmp_path):
    """`str()` is what a terminal shows, `problems` what a program reads; both name the file as it was given."""
    path = tmp_path / "lab.yaml"
    path.write_text("version: 1\nlab: hello\nsite: x\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    error = caught.value
    assert error.exit_code == Exit.USAGE
    assert str(error).splitlines()[0] == f"{path} has 2 problems:"
    assert [(problem.file, problem.line, problem.field) for problem in error.problems] == [
        (path, 1, "lifetime"),
        (path, 1, "nodes"),
    ]


def test_nothing_is_said_about_a_stand_in(problems):
    """A wrong lifetime.max is one problem, not also a lease that is longer than what stood in for it."""
    text = CORPUS["base"].replace("6h", "six hours") + "lease: {duration: 300d}\n"
    assert [line.split(":")[2] for line in problems(text)] == [" lifetime.max"]


def test_a_missing_file(problems, monkeypatch, tmp_path):
    """Said with what to do; no line, for there is none."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"^none.yaml: no such file: go to the lab's folder, or name the file with -f$"
    ):
        load("none.yaml")


def test_a_folder_is_no_file(tmp_path):
    """Said in the system's words."""
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory$"):
        load(tmp_path)


def test_not_utf_8(problems):
    """The line, and the byte."""
    content = CORPUS["base"].encode() + "# Zürich\n".encode("latin-1")
    assert problems(content) == ["reservation.yaml:11: byte 0xfc is not UTF-8: save the file as UTF-8"]


def test_a_huge_file(problems):
    """Not even read as YAML."""
    assert problems(b"#" * (1 << 20) + b"\n") == [
        "reservation.yaml: larger than a megabyte: this is not a lab's file"
    ]


def test_aliases_that_multiply(problems):
    """Nine lines that stand for ten to the ninth parts are refused before they are built."""
    layers = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (problem,) = problems("\n".join(layers))
    assert problem.endswith(f": more than {MOST_PARTS} parts: aliases (*name) multiply here")
