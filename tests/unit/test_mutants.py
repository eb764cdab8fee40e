"""The list of guards that scripts/mutants.py takes out fits the program, and its table is of these guards."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mutants():
    before = sys.dont_write_bytecode
    try:
        spec = importlib.util.spec_from_file_location("mutants", TOP / "scripts/mutants.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["mutants"] = module
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.dont_write_bytecode = before
        sys.modules.pop("mutants", None)


def test_every_guard_stands_in_the_program_exactly_once(mutants):
    assert len(mutants.GUARDS) > 25
    assert [line for guard in mutants.GUARDS if (line := mutants.misfit(guard))] == []


def test_the_table_names_a_test_for_every_guard(mutants):
    """`scripts/mutants.py --write` writes docs/reference/reaper-mutants.md."""
    rows = mutants.TABLE.read_text().splitlines()
    missing = [
        guard for guard in mutants.GUARDS if not any(row.startswith(mutants.opening(guard)) for row in rows)
    ]
    assert missing == []


def test_a_part_that_no_guard_has_is_refused_before_any_test_runs(mutants, monkeypatch, capsys):
    monkeypatch.setattr(mutants, "tried", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(sys, "argv", ["mutants.py", "--only", "no such guard"])
    assert mutants.main() == 2
    assert "no guard's file or text holds 'no such guard'" in capsys.readouterr().err


def test_tests_that_could_not_be_run_are_not_taken_for_a_guard_that_was_noticed(mutants):
    """The module was imported before it could be changed."""
    guard = mutants.GUARDS[0]
    name = guard.file.removesuffix(".py").replace("/", ".")
    importlib.import_module(name)
    with pytest.raises(SystemExit, match="the tests could not be run without"):
        list(mutants.tried([guard], 1))
