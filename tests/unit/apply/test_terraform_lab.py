"""A lab with `launch: terraform` from beginning to end, on the site in memory, by the fake Terraform."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network

import pytest

from chi_helpers.apply import launching
from chi_helpers.lab import Lab
from chi_helpers.model.errors import RefusedError, SiteError, UsageError
from chi_helpers.model.lab import NetworkSpec
from chi_helpers.model.outcome import Result
from chi_helpers.model.stamp import Stamp
from chi_helpers.plan.steps import ApplyTerraform
from tests.support.fake_site import NOW
from tests.support.terraform_site import TerraformSite
from tests.unit.plan.labs import lab, node

PRIVATE = NetworkSpec(private=IPv4Network("192.168.7.0/24"))
NODES = (node("head", ports=(22, 80)), node("w1", floating_ip=False, ports=()))
TWO = lab(*NODES, launch="terraform")
"""Two nodes, of which one is reached through the other."""
OWN = replace(TWO, network=PRIVATE)
MADE = {
    "instance": 2, "port": 2, "security group": 3, "rule": 3, "floating IP": 1, "association": 1,
}  # fmt: skip
NETWORK = {"network": 1, "subnet": 1, "router": 1, "interface": 1}


@pytest.fixture
def site_(fake_terraform) -> TerraformSite:
    found: TerraformSite = fake_terraform.site
    return found


def kinds(site):
    return Counter(part.kind for part in site.parts("hello", "sam"))


def results(report):
    return [o.result for o in report.outcomes]


def told(report, step):
    return next(o for o in report.outcomes if o.step.startswith(step))


@pytest.mark.parametrize(
    ("spec", "made"), [(TWO, MADE), (OWN, {**MADE, **NETWORK})], ids=["shared", "private"]
)
def test_it_comes_up_changes_nothing_the_second_time_and_goes(a_lab, site_, spec, made):
    first = a_lab(spec).up()
    assert first.ok, first.outcomes
    assert set(results(first)) == {Result.DONE}
    assert kinds(site_) == made
    assert told(first, "terraform apply").detail == f"{sum(made.values())} changes"
    second = a_lab(spec).up()
    assert second.ok
    assert set(results(second)) == {Result.ALREADY}
    assert told(second, "terraform apply").detail == ""

    down = a_lab(spec).down()
    assert (down.ok, down.proved, down.left) == (True, True, ())
    assert told(down, "terraform destroy").detail == f"{sum(made.values())} resources deleted"
    assert kinds(site_) == {}
    assert (site_.leases, site_.others, site_.addresses) == ({}, {}, {})
    assert told(a_lab(spec).down(), "terraform destroy").detail == ""


def test_what_is_made_is_what_the_file_says(a_lab, site_):
    one = a_lab(replace(TWO, network=NetworkSpec(shared="sharednet2")))
    assert one.up().ok
    [lease] = site_.leases.values()
    instances = {i.stamp.node: i for i in site_.instances.values()}
    groups = {g.stamp.node: g for g in site_.groups.values()}
    for key in ("head", "w1"):
        instance, stamp = instances[key], Stamp("sam", "hello", lease.end, key)
        assert (instance.name, instance.key_name, instance.stamp) == (f"{key}-hello-sam", "me", stamp)
        assert site_.on_network[instance.id] == "sharednet2"
        assert site_.in_group[instance.id] == (groups[key].id, groups[""].id)
        assert site_.of_reservation[instance.id] == lease.reservations[0].id
        assert (groups[key].name, groups[key].stamp) == (instance.name, stamp)
    assert {key: set(g.tcp_ports) for key, g in groups.items()} == {"head": {22, 80}, "w1": set(), "": set()}
    assert (groups[""].name, groups[""].peers) == ("hello-sam-nodes", True)
    [address] = site_.addresses.values()
    assert (address.port_id, address.stamp.node) == (f"port-{instances['head'].id}", "head")

    assert one.address() == {"head": address.address}
    assert {key: server.id for key, server in one.launch().items()} == {
        key: i.id for key, i in instances.items()
    }
    assert [(login.node, login.address) for login in one.logins()] == [
        ("head", address.address),
        ("w1", instances["w1"].addresses[0]),
    ]


def test_the_outcomes_name_instances_and_addresses(a_lab, site_):
    report = a_lab(TWO).up()
    [address] = site_.addresses.values()
    for instance in site_.instances.values():
        assert told(report, f"instance {instance.name}").resource_id == instance.id
    assert told(report, "SSH host keys of head").detail == address.address


def test_only_a_node_that_terraform_changed_is_told_as_done(a_lab, site_):
    """Of two nodes that Terraform had to look after, those that are active count as the run's own."""
    a_lab(TWO).up()
    [w1] = [i for i in site_.instances.values() if i.stamp.node == "w1"]
    site_.delete_instance(w1.id)
    report = a_lab(TWO).up()
    assert told(report, "terraform apply").detail == "1 changes"
    assert told(report, "instance w1-").result is Result.DONE
    assert kinds(site_) == MADE


def test_terraform_is_given_the_site_s_login_and_is_heard(a_lab, fake_terraform):
    noted = []

    class Watching:
        def started(self, step):
            pass

        def note(self, step, detail):
            noted.append((step, detail))

        def finished(self, outcome):
            pass

    one = Lab(TWO, "sam", lambda: fake_terraform.site, Watching())
    assert one.up().ok
    assert one.down().ok
    assert {call["env"]["OS_AUTH_URL"] for call in fake_terraform.calls} == {"http://fake/identity"}
    apply = [detail for step, detail in noted if step.startswith("terraform apply")]
    assert 'makes module.nodes.openstack_compute_instance_v2.node["w1"]' in apply
    destroy = [detail for step, detail in noted if step == "terraform destroy"]
    assert 'deletes module.nodes.openstack_compute_instance_v2.node["w1"]' in destroy


@pytest.mark.parametrize("count", range(1, 11))
def test_terraform_that_dies_after_any_thing_makes_nothing_twice(a_lab, site_, fake_terraform, count):
    """The last one is at the site and not in the state: the next run adopts it. Here is one of each of ten kinds."""
    spec = lab(launch="terraform", network=PRIVATE)
    fake_terraform.die_after = count
    report = a_lab(spec).up()
    assert "it ended with 137" in told(report, "terraform apply").detail
    assert told(report, "instance hello-").result is Result.SKIPPED
    before = {part.id for part in site_.parts("hello", "sam")}
    fake_terraform.die_after = None
    assert a_lab(spec).up().ok
    assert kinds(site_) == dict.fromkeys((*MADE, *NETWORK), 1)
    assert before <= {part.id for part in site_.parts("hello", "sam")}
    assert a_lab(spec).down().ok
    assert (kinds(site_), site_.others) == ({}, {})


def test_a_lost_state_hinders_neither_up_nor_down(a_lab, site_):
    one = a_lab(OWN)
    one.up()
    before = set(site_.parts("hello", "sam"))
    shutil.rmtree(one.folder / "terraform")
    assert a_lab(OWN).up().ok
    assert set(site_.parts("hello", "sam")) == before
    shutil.rmtree(one.folder / "terraform")
    down = a_lab(OWN).down()
    assert (down.ok, down.left) == (True, ())
    assert (kinds(site_), site_.others) == ({}, {})


def test_what_terraform_cannot_delete_is_deleted_after_it_or_told(a_lab, site_):
    a_lab(OWN).up()
    site_.fail["delete_instance"] = [SiteError("Nova is busy.")]
    down = a_lab(OWN).down()
    assert "Nova is busy." in told(down, "terraform destroy").detail
    assert not down.ok, "a failure is not hidden by what comes after it"
    assert down.left == ()
    assert (kinds(site_), site_.others) == ({}, {})

    a_lab(OWN).up()
    site_.fail["delete_instance"] = [SiteError("Nova is busy.")]
    site_.fail["delete_part"] = [SiteError("In use.")] * 5
    down = a_lab(OWN).down()
    assert set(down.left) == {"port head-hello-sam", "port w1-hello-sam", "network hello-sam",
                              "subnet hello-sam", "router hello-sam"}  # fmt: skip
    assert "router hello-sam" in down.outcomes[-1].detail
    assert a_lab(OWN).down().ok
    assert site_.others == {}


def test_a_file_that_does_without_terraform_now_still_gives_back_what_it_made(a_lab, site_):
    a_lab(OWN).up()
    plain = lab(*NODES)
    down = a_lab(plain).down()
    assert (down.ok, down.left) == (True, ())
    assert (kinds(site_), site_.others) == ({}, {})
    assert not any("terraform" in o.step for o in a_lab(plain).down().outcomes)


@pytest.mark.parametrize("verb", ["up", "down"])
def test_another_lab_s_state_is_not_touched(a_lab, site_, verb):
    one = a_lab(TWO)
    one.up()
    state = one.folder / "terraform" / "terraform.tfstate"
    text = state.read_text()
    state.write_text(text.replace('"sam"', '"alex"'))
    before = set(site_.parts("hello", "sam"))
    report = getattr(a_lab(TWO), verb)()
    failed = told(report, "terraform")
    assert failed.result is Result.REFUSED
    assert "of alex, not of hello of sam" in failed.detail
    if verb == "up":
        assert set(site_.parts("hello", "sam")) == before


def test_a_lease_that_was_shortened_stamps_everything_anew(a_lab, site_):
    a_lab(TWO).up()
    [lease] = site_.leases.values()
    site_.leases[lease.id] = replace(lease, end=lease.end - timedelta(hours=2))
    assert a_lab(TWO).up().ok
    things = (*site_.instances.values(), *site_.addresses.values(), *site_.groups.values())
    assert {thing.stamp.deadline for thing in things} == {lease.end - timedelta(hours=2)}


def test_bare_metal_is_launched_by_its_reservation(a_lab, site_):
    spec = lab(node(flavor=None, node_type="gpu_a100_pcie"), launch="terraform")
    report = a_lab(spec).up()
    assert told(report, "terraform apply").result is Result.DONE
    [instance] = site_.instances
    [lease] = site_.leases.values()
    assert site_.of_reservation[instance] == lease.reservations[0].id


def test_each_node_is_launched_by_the_reservation_of_its_flavor(a_lab, site_):
    """And none without one."""
    spec = lab(node("a"), node("b", flavor="m1.tiny"), node("c", flavor="m1.medium"), launch="terraform")
    one = a_lab(spec)
    assert one.up().ok
    [lease] = site_.leases.values()
    flavors = {r.id: r.flavor_id for r in lease.reservations}
    found = {i.stamp.node: flavors[site_.of_reservation[i.id]] for i in site_.instances.values()}
    assert found == {"a": "2", "b": "1", "c": "3"}

    [step] = [s for s in one.plan().steps if isinstance(s, ApplyTerraform)]
    without = replace(lease, reservations=lease.reservations[:2])
    with pytest.raises(RefusedError, match=r"The lease holds no reservation of m1\.medium"):
        launching.apply(site_, one.folder, step, without, Stamp("sam", "hello", NOW), "me", lambda _: None)


def test_a_lab_that_shrinks_to_one_node_loses_the_group_of_neighbours(a_lab, site_):
    """The day after: the lease of two nodes has ended, and what Terraform made for them is there."""
    a_lab(TWO).up()
    site_.end_lease(next(iter(site_.leases)))
    site_.now += timedelta(days=1)
    head = lab(NODES[0], launch="terraform")
    report = a_lab(head).up()
    assert report.ok, report.outcomes
    assert kinds(site_) == {
        "instance": 1, "port": 1, "security group": 1, "rule": 2, "floating IP": 1, "association": 1,
    }  # fmt: skip


def test_a_boot_volume_is_made_and_goes_with_the_lab(a_lab, site_):
    spec = lab(node(boot_volume=40), launch="terraform")
    assert a_lab(spec).up().ok
    [volume] = [one for one in site_.others.values() if one.kind == "volume"]
    assert (volume.size, volume.stamp.node) == (40, "node1")
    assert set(results(a_lab(spec).up())) == {Result.ALREADY}
    assert a_lab(spec).down().ok
    assert site_.others == {}


def test_without_the_program_no_lease_is_made(a_lab, site_, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="terraform or tofu"):
        a_lab(TWO).up()
    assert not site_.leases


def test_without_its_key_or_lease_terraform_is_not_started(a_lab, site_, fake_terraform):
    for verb, said in (
        ("ensure_keypair", "The site has no key pair"),
        ("create_lease", "The lease is not active"),
    ):
        site_.fail[verb] = [SiteError("No.")]
        failed = told(a_lab(TWO).up(), "terraform apply")
        assert failed.result is Result.SKIPPED
        assert failed.detail.startswith((said, "The lease is not active"))
    assert not fake_terraform.calls


def test_a_failure_at_the_site_is_told_and_the_next_run_goes_on(a_lab, site_):
    site_.fail["create_port"] = [SiteError("Quota exceeded for resources: ['port'].")]
    report = a_lab(TWO).up()
    failed = told(report, "terraform apply")
    assert failed.result is Result.FAILED
    assert "Quota exceeded" in failed.detail
    assert 'module.nodes.openstack_networking_port_v2.node["head"]' in failed.detail
    assert a_lab(TWO).up().ok
    assert kinds(site_) == MADE


def test_terraform_is_given_exactly_these_variables(a_lab, site_):
    one = a_lab(OWN)
    one.up()
    given = json.loads((one.folder / "terraform" / "lab" / "terraform.tfvars.json").read_text())
    [lease] = site_.leases.values()
    each = {"image": "CC-Ubuntu24.04", "boot_volume": None, "flavor_id": lease.reservations[0].id}
    assert given == {
        "name": "hello-sam",
        "nodes": {
            "head": {"name": "head-hello-sam", "floating_ip": True, "ports": [22, 80], **each},
            "w1": {"name": "w1-hello-sam", "floating_ip": False, "ports": [], **each},
        },
        "stamp": {
            "owner": "sam",
            "lab": "hello",
            "delete_at": (NOW.replace(second=0) + timedelta(hours=6)).isoformat(),
        },
        "key_name": "me",
        "shared_network": "sharednet1",
        "private_network": "192.168.7.0/24",
    }
