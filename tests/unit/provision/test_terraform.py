"""Terraform for one lab: its state, what is adopted, its progress, and how it is started."""

from __future__ import annotations

import json
import os
import stat
import sys

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.parts import Part
from chi_helpers.provision import terraform
from chi_helpers.provision.terraform import Terraform, TerraformError, program
from chi_helpers.provision.terraform_adopt import imports
from chi_helpers.provision.terraform_progress import Watcher
from chi_helpers.provision.terraform_state import addresses, require_own
from tests.unit.plan.test_up import STAMP

PORTS = {"node1": (22,), "node2": ()}


def state(tmp_path, **metadata):
    path = tmp_path / "terraform.tfstate"
    instances = [{"index_key": "node1", "attributes": {"metadata": metadata}}]
    one = {"mode": "managed", "type": "openstack_compute_instance_v2", "name": "node", "instances": instances}
    group = {**one, "type": "openstack_networking_secgroup_v2", "name": "peers"}
    group["instances"] = [{"index_key": 0, "attributes": {}}]
    data = {**one, "mode": "data"}
    path.write_text(json.dumps({"resources": [{**one, "module": "module.nodes"}, group, data]}))
    return path


def test_the_state_tells_what_is_in_it(tmp_path):
    assert addresses(state(tmp_path)) == {
        'module.nodes.openstack_compute_instance_v2.node["node1"]',
        "openstack_networking_secgroup_v2.peers[0]",
    }
    assert addresses(tmp_path / "none") == frozenset()


def test_another_lab_s_state_is_refused_and_one_s_own_is_not(tmp_path):
    path = state(tmp_path, **STAMP.metadata())
    require_own(path, STAMP.lab, STAMP.owner)
    for lab, owner in ((STAMP.lab, "alex"), ("other", STAMP.owner)):
        with pytest.raises(UsageError, match="Terraform state of the lab") as error:
            require_own(path, lab, owner)
        assert "Nothing was changed" in error.value.do


@pytest.mark.parametrize("text", ["{", "[]", '{"resources": [7]}', '{"resources": [{"type": "x"}]}'])
def test_what_is_no_state_is_refused(tmp_path, text):
    path = tmp_path / "terraform.tfstate"
    path.write_text(text)
    with pytest.raises(UsageError, match="is not a Terraform state"):
        addresses(path)


def adopted(*parts, known=(), private=False, reachable=("node1",), booted=("node1",)):
    return imports(parts, known, PORTS, reachable, booted, private=private)


def test_what_is_at_the_site_and_not_in_the_state_is_imported():
    text = adopted(
        Part("instance", "i-1", "lab-sam", node="node1"),
        Part("security group", "g-1", "lab-sam", node="node1"),
        Part("rule", "r-1", "", node="node1", port=22),
        Part("security group", "g-2", "lab-sam-nodes"),
        Part("volume", "v-1", "lab-sam", node="node1"),
    )
    assert 'to = module.nodes.openstack_blockstorage_volume_v3.boot["node1"]\n  id = "v-1"' in text
    assert 'to = module.nodes.openstack_compute_instance_v2.node["node1"]\n  id = "i-1"' in text
    assert 'to = module.nodes.openstack_networking_secgroup_v2.node["node1"]\n  id = "g-1"' in text
    assert 'openstack_networking_secgroup_rule_v2.port["node1/22"]\n  id = "r-1"' in text
    assert 'openstack_networking_secgroup_v2.peers[0]\n  id = "g-2"' in text


@pytest.mark.parametrize(
    "part",
    [
        Part("instance", "i-1", "", node="node9"),
        Part("rule", "r-1", "", node="node1", port=80),
        Part("floating IP", "f-1", "", node="node2"),
        Part("network", "n-1", ""),
        Part("volume", "v-1", "", node="node2"),
        Part("volume", "v-1", "", node=""),
    ],
    ids=lambda part: f"{part.kind} of {part.node or 'none'}",
)
def test_what_the_file_does_not_want_is_not_imported(part):
    assert adopted(part) == ""


def test_what_is_in_the_state_is_not_imported_again():
    known = ['module.nodes.openstack_compute_instance_v2.node["node1"]']
    assert adopted(Part("instance", "i-1", "", node="node1"), known=known) == ""


def test_a_network_of_the_lab_s_own_is_imported_where_it_has_one():
    text = adopted(Part("network", "n-1", ""), private=True)
    assert "to = module.network[0].openstack_networking_network_v2.lab" in text


def test_two_for_one_place_are_refused():
    with pytest.raises(UsageError, match="i-1 and i-2"):
        adopted(Part("instance", "i-1", "", node="node1"), Part("instance", "i-2", "", node="node1"))


def test_two_volumes_of_one_node_are_refused():
    with pytest.raises(UsageError, match="There are two of one volume of the lab: v-1 and v-2"):
        adopted(Part("volume", "v-1", "", node="node1"), Part("volume", "v-2", "", node="node1"))


def test_progress_and_errors_are_told_by_resource():
    said: list[str] = []
    watcher = Watcher(said.append)
    hook = {"resource": {"addr": "module.nodes.x"}, "action": "create", "elapsed_seconds": 10}
    for event in (
        {"type": "apply_start", "hook": hook},
        {"type": "apply_progress", "hook": hook},
        {"type": "apply_complete", "hook": hook},
        {"type": "change_summary", "changes": {"operation": "plan", "add": 9}},
        {"type": "change_summary", "changes": {"operation": "apply", "add": 2, "change": 1, "import": 3}},
        {
            "type": "diagnostic",
            "diagnostic": {"severity": "error", "summary": "No room", "detail": "quota", "address": "a.b"},
        },
        {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old"}},
    ):
        watcher.see(json.dumps(event))
    for noise in ("", "not json", "[1]", "{}"):
        watcher.see(noise)
    assert said == ["makes module.nodes.x", "module.nodes.x: 10 s", "module.nodes.x done"]
    assert watcher.changed == 6
    assert watcher.errors == "a.b: No room quota"


FAKE = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as log:
    log.write(json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ)}}) + "\\n")
answer = json.loads((here / "answers").read_text())
code, out, err = answer.get(sys.argv[1], [0, "", ""])
print(out)
print(err, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """`fake(**answers)` puts a program in Terraform's place: verb -> (exit code, stdout, stderr)."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(**answers):
        path = folder / "terraform"
        path.write_text(FAKE.format(python=sys.executable))
        path.chmod(0o755)
        (folder / "answers").write_text(json.dumps(answers))
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return lambda: [json.loads(line) for line in (folder / "calls").read_text().splitlines()]

    return put


NODES = json.dumps({"nodes": {"value": {"node1": {"instance_id": "i-1", "floating_ip": ""}}}})
DONE = json.dumps({"type": "change_summary", "changes": {"operation": "apply", "add": 4}})


def test_it_gets_the_chosen_cloud_alone_and_no_secret_in_its_arguments(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("OS_CLOUD", "the hub's")
    monkeypatch.setenv("OS_PASSWORD", "hub-secret")
    monkeypatch.setenv("TF_LOG", "trace")
    calls = fake(apply=[0, DONE, ""], output=[0, NODES, ""])
    runner = Terraform(tmp_path, {"OS_AUTH_URL": "http://site", "OS_PASSWORD": "s3cret"}, lambda _: None)
    assert runner.apply({"name": "lab-sam"}, "") == (4, {"node1": {"instance_id": "i-1", "floating_ip": ""}})
    assert [call["argv"][0] for call in calls()] == ["init", "apply", "output"]
    for call in calls():
        os_ = {name: value for name, value in call["env"].items() if name.startswith(("OS_", "TF_LOG"))}
        assert os_ == {"OS_AUTH_URL": "http://site", "OS_PASSWORD": "s3cret"}
        assert not any("s3cret" in word for word in call["argv"])
    (applied,) = (call["argv"] for call in calls() if call["argv"][0] == "apply")
    assert f"-state={tmp_path}/terraform/terraform.tfstate" in applied


def test_what_it_writes_is_for_the_owner_alone(fake, tmp_path):
    fake(apply=[0, DONE, ""], output=[0, NODES, ""])
    Terraform(tmp_path, {}, lambda _: None).apply({"name": "lab-sam"}, "")
    for name in ("terraform.tfvars.json", "imports.tf"):
        assert stat.S_IMODE((tmp_path / "terraform" / "lab" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "terraform").stat().st_mode) == 0o700


def test_a_provider_that_cannot_be_had_is_told_with_what_to_do(fake, tmp_path):
    fake(init=[1, "", "╷\n│ Error: Failed to query available provider packages\n│ \n│ no such host\n╵"])
    with pytest.raises(UsageError, match="Failed to query available provider packages no such host") as error:
        Terraform(tmp_path, {}, lambda _: None).apply({}, "")
    assert "make terraform-provider" in error.value.do


def test_a_failed_apply_says_why(fake, tmp_path):
    why = {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "Quota exceeded"}}
    fake(apply=[1, json.dumps(why), ""])
    with pytest.raises(TerraformError, match="Quota exceeded"):
        Terraform(tmp_path, {}, lambda _: None).apply({}, "")


def test_nothing_is_started_to_destroy_what_no_state_knows(fake, tmp_path):
    calls = fake()
    assert Terraform(tmp_path, {}, lambda _: None).destroy() == 0
    with pytest.raises(FileNotFoundError):
        calls()


def test_where_there_is_no_program_that_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="terraform or tofu"):
        program()
    for name in ("tofu", "terraform"):
        path = tmp_path / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        assert program() == str(path), "terraform comes first"
    assert terraform.PROGRAMS == ("terraform", "tofu")
