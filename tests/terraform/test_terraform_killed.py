"""`chi-lab up` with `launch: terraform`, killed with SIGKILL while Terraform applies, and run again."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.labs import node
from tests.terraform.owned import counts

pytestmark = [pytest.mark.machines, pytest.mark.timeout(1200), pytest.mark.nightly(part="terraform")]

NODES = {"head": node(), "w1": node(floating_ip=False, ports=[]), "w2": node(floating_ip=False, ports=[])}
WHOLE = {
    "lease": 1, "instance": 3, "port": 3, "floating IP": 1, "security group": 4,
    "network": 1, "subnet": 1, "router": 1,
}  # fmt: skip
_SECONDS = 300.0


@pytest.fixture
def site(stack_site):
    """The site that the other tests of `make test-nightly PART=terraform` have, too."""
    return stack_site


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def made(student, kind):
    cloud = student.site.connection()
    things = {
        "network": cloud.network.networks,
        "port": cloud.network.ports,
        "instance": cloud.compute.servers,
    }
    if kind == "volume":  # not every site has them
        things["volume"] = cloud.block_storage.volumes
    return any(student.owner in f"{one.name}" for one in things[kind]())


def killed_at(student, lab, kind, kill):
    """Start `up`, and kill it as soon as the site lists the first thing of that kind."""
    process = student.start("up", lab=lab)
    deadline = time.monotonic() + _SECONDS
    while not made(student, kind):
        assert process.poll() is None, student.said
        assert time.monotonic() < deadline, student.said
    kill(process.pid, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL, student.said


def during(student):
    """The step that the journal says was begun and not ended."""
    [journal] = student.lab_files("journal.jsonl")
    last = json.loads(journal.read_text().splitlines()[-1])
    assert last["event"] == "started", last
    return last["step"]


@pytest.mark.parametrize(
    ("kind", "kill"),
    [("network", os.killpg), ("port", os.kill), ("instance", os.killpg)],
    ids=["a-network-is-there", "a-port-is-there-and-terraform-is-not-killed", "an-instance-is-there"],
)
def test_up_killed_while_terraform_applies_is_ended_by_the_next(planned, networker, lab_file, kind, kill):
    """With `killpg` Terraform dies with it, between a request and its record as may be."""
    student = networker
    lab = lab_file(launch="terraform", network={"private": "192.168.58.0/24"}, nodes=NODES)
    killed_at(student, lab, kind, kill)
    assert during(student).startswith("terraform apply"), "it was killed too late to show anything"

    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, said(up)
    assert counts(student) == WHOLE
    plan = planned()
    assert plan.returncode == 0, said(plan)
    again = student.chi_lab("up", "--json", lab=lab)
    assert {outcome["result"] for outcome in json.loads(again.stdout)["outcomes"]} == {"already so"}

    down = student.chi_lab("down", "--json", lab=lab)
    assert down.returncode == 0, said(down)
    assert json.loads(down.stdout)["left"] == []
    assert counts(student) == {}
