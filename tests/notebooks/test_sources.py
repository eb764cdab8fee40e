"""Every notebook's source keeps the contract with its readers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = sorted(NOTEBOOKS.rglob("*.ipynb"))
MOST_CELLS, MOST_LINES = 12, 6
OPENING = ("**What you'll do**", "**What you'll learn:**", "**What you need:**", "**What it costs:**")

each = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_there_are_notebooks_and_they_are_numbered():
    assert ALL
    assert all(path.name[0].isdigit() for path in ALL)


@each
def test_it_is_a_valid_notebook_with_cell_ids_of_its_own(path):
    notebook = read(path)
    nbformat.validate(notebook)
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@each
def test_no_output_is_stored(path):
    for cell in code(path):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert "execution" not in cell.metadata


@each
def test_metadata_names_a_kernel_and_nothing_of_the_writers_machine(path):
    assert read(path).metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


@each
def test_code_is_short_enough_to_read(path):
    cells = code(path)
    assert len(cells) <= MOST_CELLS
    assert [cell["id"] for cell in cells if len(cell.source.splitlines()) > MOST_LINES] == []


@each
def test_a_notebook_defines_no_logic(path):
    words = ("def ", "class ", "while ", "try:", "lambda")
    assert [cell["id"] for cell in code(path) if any(word in cell.source for word in words)] == []


@each
def test_every_code_cell_is_told_about_before_it(path):
    cells = read(path).cells
    pairs = pairwise(cells)
    assert [b["id"] for a, b in pairs if a.cell_type == b.cell_type == "code"] == []


@each
def test_it_opens_with_what_you_do_learn_need_and_what_it_costs(path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert all(heading in first.source for heading in OPENING)


@each
def test_the_last_cell_gives_everything_back_and_proves_it(path):
    last = read(path).cells[-1]
    assert last.cell_type == "code"
    assert ".down()" in last.source
    assert "report.ok" in last.source


@each
def test_it_holds_no_address_and_no_secret(path):
    text = path.read_text()
    assert not [word for word in ("127.0", "password", "BEGIN", "OS_PASSWORD", "token") if word in text]
