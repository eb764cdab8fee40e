"""What Terraform does for the driver, fake or real: the same tests run on both, so that the fake cannot drift."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta

import pytest

from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import LeaseWant, ReservationWant
from chi_helpers.provision.terraform import Terraform, TerraformError
from chi_helpers.provision.terraform_adopt import imports
from tests.support.site_contract import IMAGE, eventually

A, B = "a", "b"


class TerraformContract:
    """Subclasses give the fixtures `site_` (a Site), `person` (an owner of its own) and put Terraform on PATH."""

    LAB = "tfcontract"

    @pytest.fixture
    def lease(self, site_, person):
        until = site_.snapshot(self.LAB, person, []).at + timedelta(hours=1)
        two = ReservationWant(2, flavor_id=site_.flavors()["m1.tiny"].id, label="m1.tiny")
        made = site_.create_lease(LeaseWant(f"{self.LAB}-{person}", until, (two,)))
        yield eventually(lambda: site_.lease(made.id), lambda found: found and found.status == "ACTIVE")
        site_.delete_lease(made.id)

    @pytest.fixture
    def runner(self, site_, tmp_path, lease):  # noqa: ARG002 - the lease ends after what it holds
        folder = tmp_path / "lab"
        folder.mkdir()
        site_.ensure_keypair(site_.keypair())
        found = Terraform(folder, site_.environment(), lambda _: None)
        yield found
        found.destroy()

    @pytest.fixture
    def variables(self, site_, person, lease):
        """`variables(nodes, **changes)`: what the driver is given for nodes, of which `a` has a floating IP."""

        def write(*nodes, **changes):
            stamp = Stamp(person, self.LAB, lease.end)
            return {
                "name": f"{self.LAB}-{person}",
                "nodes": {
                    key: {
                        "name": f"{key}-{self.LAB}-{person}",
                        "image": IMAGE,
                        "floating_ip": key == A,
                        "ports": [22] if key == A else [],
                        "boot_volume": None,
                        "flavor_id": lease.reservations[0].id,
                    }
                    for key in nodes
                },
                "stamp": {
                    "owner": person,
                    "lab": self.LAB,
                    "delete_at": stamp.metadata()["delete_at"],
                },
                "key_name": site_.keypair().name,
                "shared_network": "sharednet1",
                "private_network": None,
                **changes,
            }

        return write

    def kinds(self, site, person):
        return Counter(part.kind for part in site.parts(self.LAB, person))

    def test_each_thing_is_made_once_and_destroyed(self, site_, person, runner, variables):
        """Everything counts as a change, once; what is as it should be does not."""
        changed, nodes = runner.apply(variables(A, B), "")
        made = {
            "instance": 2, "port": 2, "security group": 3, "rule": 2, "floating IP": 1, "association": 1,
        }  # fmt: skip
        assert self.kinds(site_, person) == made
        assert changed == sum(made.values())
        there = {i.stamp.node: i for i in site_.snapshot(self.LAB, person, []).instances}
        assert nodes.keys() == {A, B}
        for key, node in nodes.items():
            instance = site_.instance(node["instance_id"])
            assert (instance.id, instance.name) == (there[key].id, f"{key}-{self.LAB}-{person}")
            assert node["private_address"] in instance.addresses
            assert (node["floating_ip"],) == (there[key].floating_ips or (None,))
        assert there[A].floating_ips

        assert runner.apply(variables(A, B), "") == (0, nodes)
        assert runner.destroy() == changed
        assert self.kinds(site_, person) == {}
        assert runner.destroy() == 0

    def test_an_import_takes_over_what_the_lost_state_knew(self, site_, person, runner, variables):
        """With a network of the lab's own and a volume to boot from, so that there is one of each kind."""
        wanted = variables(A, private_network="192.168.61.0/24")
        wanted["nodes"][A]["boot_volume"] = 3
        changed, nodes = runner.apply(wanted, "")
        parts = set(site_.parts(self.LAB, person))
        assert {"network", "subnet", "router", "interface", "volume"} < {part.kind for part in parts}
        shutil.rmtree(runner.work)
        blocks = imports(parts, (), {A: [22]}, {A}, {A}, private=True)
        again, after = runner.apply(wanted, blocks)
        assert again >= changed == len(parts) == blocks.count("import {")
        assert after == nodes
        assert set(site_.parts(self.LAB, person)) == parts
        assert runner.apply(wanted, "") == (0, nodes)
        assert runner.destroy() == changed

    def test_a_node_goes_when_the_lab_drops_it_and_a_lost_one_hinders_nothing(
        self, site_, person, runner, variables
    ):
        """Also the group that joined the two; an instance that was deleted by hand is no error at the end."""
        _, nodes = runner.apply(variables(A, B), "")
        changed, rest = runner.apply(variables(A), "")
        assert changed > 0
        assert rest == {A: nodes[A]}
        assert self.kinds(site_, person)["security group"] == 1
        assert site_.instance(nodes[B]["instance_id"]) is None
        site_.delete_instance(nodes[A]["instance_id"])
        assert runner.destroy() > 0
        assert self.kinds(site_, person) == {}

    def test_an_import_of_nothing_is_refused(self, site_, person, runner, variables):
        nobody = "00000000-0000-4000-8000-000000000000"
        blocks = (
            f'import {{\n  to = module.nodes.openstack_networking_port_v2.node["a"]\n  id = "{nobody}"\n}}\n'
        )
        with pytest.raises(TerraformError, match="import non-existent remote object"):
            runner.apply(variables(A), blocks)
        assert self.kinds(site_, person) == {}

    def test_what_is_missing_is_refused_by_name(self, site_, person, runner, variables):
        """Each variable that has no default, and each such field of a node; an unknown variable is no error."""
        for name in ("name", "nodes", "stamp", "key_name"):
            given = variables(A)
            given[f"{name}s"] = given.pop(name)
            with pytest.raises(TerraformError, match=f'No value for required variable.*"{name}"'):
                runner.apply(given, "")
        for field in ("name", "image"):
            given = variables(A)
            del given["nodes"][A][field]
            with pytest.raises(TerraformError, match=f'attribute "{field}" is required'):
                runner.apply(given, "")
        assert self.kinds(site_, person) == {}

    def test_an_unknown_image_is_refused_before_anything_is_made(self, site_, person, runner, variables):
        given = variables(A)
        given["nodes"][A]["image"] = "no-such-image"
        with pytest.raises(TerraformError, match="Your query returned no results"):
            runner.apply(given, "")
        assert self.kinds(site_, person) == {}

    def test_a_refusal_leaves_what_was_made_to_the_next_run(self, site_, person, runner, variables):
        """The key pair is looked at last, by Nova."""
        with pytest.raises(TerraformError, match="Invalid key_name provided"):
            runner.apply(variables(A, key_name="nobody's"), "")
        assert self.kinds(site_, person)["port"] == 1
        assert runner.apply(variables(A), "")[1].keys() == {A}
        assert self.kinds(site_, person)["port"] == 1
