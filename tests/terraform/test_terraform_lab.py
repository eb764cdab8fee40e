"""`launch: terraform` on a real site: up, no change, a lost or foreign state, down with nothing left."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.terraform.owned import owned

pytestmark = pytest.mark.site


@pytest.fixture(autouse=True)
def _with_provider(provided):
    """Needs the provider."""


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def results(done):
    return {outcome["result"] for outcome in json.loads(done.stdout)["outcomes"]}


@pytest.mark.nightly(part="terraform")
def test_a_lab_of_one_node_comes_up_changes_nothing_and_goes(student, lab_file):
    lab = lab_file(launch="terraform")
    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, said(up)
    held = student.holdings()
    assert held.counts == (1, 1, 1, 1)
    again = student.chi_lab("up", "--json", lab=lab)
    assert again.returncode == 0, said(again)
    assert results(again) == {"already so"}
    assert student.holdings() == held
    down = student.chi_lab("down", lab=lab)
    assert down.returncode == 0, said(down)
    assert student.holdings().counts == (0, 0, 0, 0)


def test_a_lost_state_makes_nothing_twice_and_a_foreign_one_is_refused(networker, lab_file):
    """On a network of the lab's own, so that there is one of each kind to be found again."""
    student = networker
    lab = lab_file(launch="terraform", network={"private": "192.168.59.0/24"})
    first = student.chi_lab("up", lab=lab)
    assert first.returncode == 0, said(first)
    everything = owned(student)
    assert {kind for kind, _ in everything} >= {"network", "subnet", "router"}
    held = student.holdings()
    [state] = student.folder.rglob("terraform.tfstate")
    foreign = state.read_text().replace(student.owner, "somebody")
    shutil.rmtree(state.parent)
    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, said(up)
    now = student.holdings()
    assert [i.id for i in now.instances] == [i.id for i in held.instances]
    assert owned(student) == everything
    assert state.stat().st_mode & 0o077 == 0

    right = state.read_text()
    state.write_text(foreign)
    up = student.chi_lab("up", lab=lab)
    assert up.returncode != 0
    assert "of somebody, not of" in said(up)
    assert owned(student) == everything
    state.write_text(right)
    shutil.rmtree(state.parent)
    down = student.chi_lab("down", lab=lab)
    assert down.returncode == 0, said(down)
    assert owned(student) == set()
