"""`launch: terraform` at the size of a class: a lab of 20 nodes, of which one has a floating IP."""

from __future__ import annotations

import json

import pytest

from tests.support.labs import node
from tests.terraform.owned import counts

pytestmark = [pytest.mark.machines, pytest.mark.timeout(1200), pytest.mark.nightly(part="terraform")]

NODES = {"head": node(), **{f"w{n:02}": node(floating_ip=False, ports=[]) for n in range(1, 20)}}


@pytest.fixture
def site(stack_site):
    """The site that the other tests of `make test-nightly PART=terraform` have, too."""
    return stack_site


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def test_a_lab_of_twenty_nodes_comes_up_changes_nothing_and_goes(planned, student, lab_file):
    lab = lab_file(launch="terraform", nodes=NODES)
    up = student.chi_lab("up", lab=lab, timeout=900)
    assert up.returncode == 0, said(up)
    made = {"lease": 1, "instance": 20, "port": 20, "floating IP": 1, "security group": 21}
    assert counts(student) == made
    held = student.holdings()
    assert {i.status for i in held.instances} == {"ACTIVE"}

    plan = planned()
    assert plan.returncode == 0, said(plan)
    assert "No changes." in plan.stdout
    again = student.chi_lab("up", "--json", lab=lab, timeout=300)
    assert again.returncode == 0, said(again)
    assert {outcome["result"] for outcome in json.loads(again.stdout)["outcomes"]} == {"already so"}
    assert student.holdings() == held

    down = student.chi_lab("down", "--json", lab=lab, timeout=600)
    assert down.returncode == 0, said(down)
    assert json.loads(down.stdout)["left"] == []
    assert counts(student) == {}
