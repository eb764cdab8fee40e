"""What is read of Terraform's state and stream, and what is written for it to adopt."""

from __future__ import annotations

import json

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.parts import Part
from chi_helpers.provision.terraform_adopt import imports, of_node
from chi_helpers.provision.terraform_progress import Watcher
from chi_helpers.provision.terraform_state import addresses, require_own
from tests.unit.plan.test_up import STAMP

NODES = "module.nodes.openstack_"
NETWORK = "module.network[0].openstack_networking_"
PORTS = {"n1": (22, 80), "n2": ()}
PLACES = [
    (Part("instance", "X", "", "n2"), f'{NODES}compute_instance_v2.node["n2"]'),
    (Part("port", "X", "", "n1"), f'{NODES}networking_port_v2.node["n1"]'),
    (Part("floating IP", "X", "", "n1"), f'{NODES}networking_floatingip_v2.node["n1"]'),
    (Part("association", "X", "", "n1"), f'{NODES}networking_floatingip_associate_v2.node["n1"]'),
    (Part("volume", "X", "", "n1"), f'{NODES}blockstorage_volume_v3.boot["n1"]'),
    (Part("security group", "X", "", "n2"), f'{NODES}networking_secgroup_v2.node["n2"]'),
    (Part("security group", "X", ""), f"{NODES}networking_secgroup_v2.peers[0]"),
    (Part("rule", "X", "", "n1", 80), f'{NODES}networking_secgroup_rule_v2.port["n1/80"]'),
    (Part("rule", "X", ""), f"{NODES}networking_secgroup_rule_v2.peers[0]"),
    (Part("network", "X", ""), f"{NETWORK}network_v2.lab"),
    (Part("subnet", "X", ""), f"{NETWORK}subnet_v2.lab"),
    (Part("router", "X", ""), f"{NETWORK}router_v2.lab"),
    (Part("interface", "X", ""), f"{NETWORK}router_interface_v2.lab"),
]


def adopted(*parts, known=(), ports=PORTS, reachable=("n1",), booted=("n1",), private=True):
    return imports(parts, known, ports, reachable, booted, private=private)


@pytest.mark.parametrize(("part", "place"), PLACES, ids=lambda value: getattr(value, "kind", ""))
def test_each_kind_has_its_place(part, place):
    assert adopted(part) == f'import {{\n  to = {place}\n  id = "X"\n}}\n'
    assert adopted(part, known=[place]) == ""


def test_every_part_gets_a_block_of_its_own():
    text = adopted(*(part for part, _ in PLACES))
    assert text.count("import {\n") == text.count("\n}\n") == len(PLACES)
    assert "}\n\nimport {" in text


@pytest.mark.parametrize(
    "part",
    [
        Part("instance", "X", "", "n3"), Part("port", "X", ""), Part("security group", "X", "", "n3"),
        Part("association", "X", "", "n2"), Part("floating IP", "X", "", "n2"), Part("volume", "X", "", "n2"),
        Part("rule", "X", "", "n1", 443), Part("rule", "X", "", "n1"), Part("rule", "X", "", "n3", 22),
        Part("rule", "X", "", "", 22), Part("something", "X", "", "n1"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_left_out(part):
    assert adopted(part) == ""


@pytest.mark.parametrize("kind", ["security group", "rule"])
def test_one_node_alone_has_no_group_of_neighbours(kind):
    assert adopted(Part(kind, "X", ""), ports={"n1": (22,)}) == ""


@pytest.mark.parametrize("kind", ["network", "subnet", "router", "interface"])
def test_a_lab_on_the_shared_network_adopts_none(kind):
    assert adopted(Part(kind, "X", ""), private=False) == ""


def test_two_for_one_place_are_told_with_what_to_do():
    with pytest.raises(UsageError, match="two of one port of the lab: p-1 and p-2") as error:
        adopted(Part("port", "p-1", "", "n1"), Part("port", "p-2", "", "n1"))
    assert "chi-lab down" in error.value.do


def test_the_address_of_a_node_s_own():
    assert of_node("volume", "n1") == f'{NODES}blockstorage_volume_v3.boot["n1"]'


class TestState:
    def write(self, tmp_path, *resources):
        path = tmp_path / "terraform.tfstate"
        path.write_text(json.dumps({"resources": resources}))
        return path

    def resource(self, *instances, **changes):
        return {"mode": "managed", "type": "t", "name": "n", "instances": list(instances), **changes}

    def test_every_instance_of_every_resource_is_there(self, tmp_path):
        path = self.write(
            tmp_path,
            self.resource({"index_key": "a"}, {"index_key": "b"}, module="module.m[0]"),
            self.resource({"index_key": 0}),
            self.resource({}, name="single"),
            self.resource(name="none"),
            {**self.resource(name="other"), "instances": []},
            self.resource({}, mode="data"),
        )
        assert addresses(path) == {'module.m[0].t.n["a"]', 'module.m[0].t.n["b"]', "t.n[0]", "t.single"}

    @pytest.mark.parametrize("text", ["", "{}", '{"resources": null}'])
    def test_an_empty_state_holds_nothing(self, tmp_path, text):
        path = tmp_path / "terraform.tfstate"
        path.write_text(text)
        assert addresses(path) == frozenset()
        require_own(path, "hello", "sam")
        require_own(tmp_path / "none", "hello", "sam")

    @pytest.mark.parametrize("attributes", [None, {}, {"metadata": None}, {"description": "a port of mine"}])
    def test_what_carries_no_stamp_is_nobody_s(self, tmp_path, attributes):
        require_own(self.write(tmp_path, self.resource({"attributes": attributes}, {})), "hello", "sam")

    @pytest.mark.parametrize(
        "attributes", [{"metadata": STAMP.metadata()}, {"description": STAMP.description()}]
    )
    def test_a_stamp_of_another_counts_wherever_it_is(self, tmp_path, attributes):
        path = self.write(tmp_path, self.resource({}), self.resource({}, {"attributes": attributes}))
        require_own(path, "hello", "sam")
        for lab, owner in (("other", "sam"), ("hello", "alex")):
            said = f"is the Terraform state of the lab hello of sam, not of {lab} of {owner}"
            with pytest.raises(UsageError, match=said) as error:
                require_own(path, lab, owner)
            assert "Nothing was changed" in error.value.do

    @pytest.mark.parametrize("text", ["{", '{"resources": [{"type": "x"}]}', "[]", '{"resources": 7}'])
    def test_what_is_none_is_told_with_what_to_do(self, tmp_path, text):
        path = tmp_path / "terraform.tfstate"
        path.write_text(text)
        with pytest.raises(UsageError, match="is not a Terraform state") as error:
            require_own(path, "hello", "sam")
        assert str(path) in error.value.what
        assert "Move it away" in error.value.do


class TestWatcher:
    def see(self, *events):
        noted: list[str] = []
        watcher = Watcher(noted.append)
        for event in events:
            watcher.see(json.dumps(event))
        return watcher, noted

    @pytest.mark.parametrize(
        ("action", "words"),
        [
            ("create", "makes a.b"), ("delete", "deletes a.b"), ("update", "changes a.b"),
            ("replace", "replaces a.b"), ("read", "reads a.b"), ("import", "works on a.b"), (None, "works on a.b"),
        ],
    )  # fmt: skip
    def test_what_begins_is_told_in_words(self, action, words):
        hook = {"resource": {"addr": "a.b"}, **({"action": action} if action else {})}
        assert self.see({"type": "apply_start", "hook": hook})[1] == [words]

    def test_time_and_end_are_told(self):
        hook = {"resource": {"addr": "a.b"}, "elapsed_seconds": 20}
        events = ({"type": "apply_progress", "hook": hook}, {"type": "apply_complete", "hook": hook},
                  {"type": "apply_progress", "hook": {"resource": {"addr": "a.b"}}})  # fmt: skip
        assert self.see(*events)[1] == ["a.b: 20 s", "a.b done", "a.b: 0 s"]

    def test_an_event_without_details_is_no_matter(self):
        kinds = ("apply_start", "apply_progress", "apply_complete", "change_summary", "diagnostic", "version")
        watcher, noted = self.see(
            *({"type": kind} for kind in kinds), {"type": "apply_start", "hook": {"resource": None}}
        )
        assert (watcher.changed, watcher.errors) == (0, "")
        assert noted == ["works on ", ": 0 s", " done", "works on "]

    @pytest.mark.parametrize(
        ("changes", "count"),
        [
            ({"operation": "apply", "add": 1, "change": 20, "remove": 300, "import": 4000}, 4321),
            ({"operation": "destroy", "remove": 5}, 5),
            ({"operation": "plan", "add": 9}, 0),
            ({"add": 9}, 0),
        ],
    )
    def test_only_what_was_done_counts(self, changes, count):
        assert self.see({"type": "change_summary", "changes": changes})[0].changed == count

    def test_all_errors_are_told_in_one_line_each_with_its_resource(self):
        found = [
            {"severity": "error", "summary": "No\nroom", "detail": " for  it ", "address": "a.b"},
            {"severity": "warning", "summary": "old"},
            {"severity": "error", "summary": "x" * 700},
            {"severity": "error", "detail": "Only this."},
        ]
        watcher, _ = self.see(*({"type": "diagnostic", "diagnostic": one} for one in found))
        assert watcher.errors == f"a.b: No room for it; {'x' * 600}; Only this."
