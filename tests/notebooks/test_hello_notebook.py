"""The first notebook, top to bottom, as a student runs it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.labs import node

NOTEBOOK = Path(__file__).parents[2] / "notebooks/student/1_hello_chameleon.ipynb"

pytestmark = [pytest.mark.machines, pytest.mark.slow]


def run_all(student, lab):
    """Execute the notebook; what each code cell said, by the cell's id."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute(env={**student.env, "CHI_LAB_FILE": str(lab), "CHI_LAB_SITE": student.site.region})
    return {cell["id"]: said(cell) for cell in notebook.cells if cell.cell_type == "code"}


def said(cell):
    parts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "".join(parts)


def checked(student, lab):
    """Execute the notebook, and see that each cell said what it is there for, and that nothing is left."""
    cells = run_all(student, lab)
    assert "✗" not in "".join(cells.values())
    assert f"Now using {student.site.region}" in cells["check"]
    assert "m1.small has 1 core(s), 2048 MB" in cells["flavor"]
    assert "Status: ACTIVE" in cells["reserve"]
    assert "<Flavor 'reservation:" in cells["reserve"]
    assert re.search(r"[0-5]h\d+m left, until .*UTC", cells["time"])
    assert f"Server: hello_chameleon-{student.owner}" in cells["launch"]
    assert f"'{student.owner}'" in cells["launch"], "the stamp, in the metadata"
    assert re.search(r"node1 is at \d+\.\d+\.\d+\.\d+", cells["address"])
    assert "Linux" in cells["login"]
    assert re.search(r"Provision node1: \d+ of \d+ tasks changed something", cells["provision"])
    assert f"owner     {student.owner}" in cells["provision"]
    assert "version: 1" in cells["own"], "the file was uploaded"
    assert cells["down"].endswith("Nothing is left.\n")
    assert not student.holdings()


def small(lab_file):
    return lab_file(nodes={"node1": node(flavor="m1.small", stack=["base"])})


def test_run_all_works_and_leaves_nothing(student, lab_file):
    checked(student, small(lab_file))


@pytest.mark.nightly(part="lab")
def test_run_all_works_twice_in_a_row(student, lab_file):
    lab = small(lab_file)
    for _ in range(2):
        checked(student, lab)


@pytest.mark.nightly(part="lab")
def test_run_all_takes_up_a_lab_that_is_there_already(student, lab_file):
    lab = lab_file(nodes={"node1": node(stack=["base"])})
    up = student.chi_lab("up", "-f", str(lab))
    assert up.returncode == 0, up.stderr
    before = student.holdings()
    cells = run_all(student, lab)
    assert before.leases[0]["id"] in cells["reserve"]
    assert before.instances[0].id in cells["launch"]
    assert before.floating_ips[0].floating_ip_address in cells["address"]
    assert "nothing to change" in cells["provision"]
    assert not student.holdings()
