"""The part of a plan that Terraform carries out: what it makes, and how it is given back."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import NetworkSpec
from chi_helpers.model.parts import Part
from chi_helpers.model.wants import ReservationWant
from chi_helpers.plan import plan_down
from chi_helpers.plan import steps as s
from chi_helpers.plan.terraform import deletable, with_terraform
from tests.support.fake_site import NOW
from tests.unit.plan.labs import IMAGE, lab, node
from tests.unit.plan.test_up import ALL, NAME, kinds, plan, steps

PRIVATE = NetworkSpec(private=IPv4Network("192.168.1.0/24"))
TWO = lab(
    node("a", ports=(8888, 22), boot_volume=200),
    node("b", flavor="m1.medium", floating_ip=False),
    launch="terraform",
)


def test_terraform_makes_groups_instances_and_addresses_in_one_step():
    assert kinds(plan(spec=TWO)) == [
        "UseKey",
        "CreateLease",
        "AwaitLease",
        "ApplyTerraform",
        "AwaitInstance",
        "AwaitInstance",
        "TrustHost",
        "TrustHost",
    ]


def test_terraform_is_told_everything_that_it_makes_of_a_node():
    found = plan(spec=TWO)
    [apply] = steps(found, s.ApplyTerraform)
    small, medium = ReservationWant(1, "2", label="m1.small"), ReservationWant(1, "3", label="m1.medium")
    assert apply == s.ApplyTerraform(
        "terraform apply hello-sam: 2 nodes on sharednet1",
        "hello-sam",
        (
            s.TerraformNode("a", "a-hello-sam", IMAGE, True, (22, 8888), small, 200),
            s.TerraformNode("b", "b-hello-sam", IMAGE, False, (22,), medium),
        ),
        "sharednet1",
    )
    assert steps(found, s.AwaitInstance) == [
        s.AwaitInstance("instance a-hello-sam active", "a"),
        s.AwaitInstance("instance b-hello-sam active", "b"),
    ]


def test_one_node_on_a_network_of_the_labs_own_is_told_so():
    [apply] = steps(plan(spec=lab(launch="terraform", network=PRIVATE)), s.ApplyTerraform)
    assert apply.title == "terraform apply hello-sam: 1 node on 192.168.1.0/24"
    assert (apply.shared, apply.private) == ("sharednet1", "192.168.1.0/24")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": NetworkSpec("mine")}, "CHI@Fake has no network mine"),
        ({"nodes": (node(), node("b", image="none"))}, "CHI@Fake has no image none"),
    ],
)
def test_what_terraform_cannot_launch_is_refused_before_a_lease_is_made(change, said):
    with pytest.raises(UsageError, match=said):
        plan(spec=lab(launch="terraform", **change))


PARTS = [
    Part("volume", "v", "volume-v"),
    Part("network", "n", "network-n"),
    Part("instance", "i", "instance-i"),
    Part("subnet", "s", "subnet-s"),
    Part("port", "p", "port-p"),
    Part("router", "r", "router-r"),
    Part("rule", "u", "rule-u"),
]


def test_only_what_terraform_alone_makes_goes_and_in_the_order_in_which_it_can():
    assert [part.kind for part in deletable(PARTS)] == ["port", "router", "subnet", "network", "volume"]


def test_terraform_destroys_first_and_what_it_left_goes_before_the_groups():
    """A group cannot go while a port carries it."""
    found = with_terraform(plan_down("hello", "sam", NAME, ALL, site="CHI@Fake", now=NOW), PARTS)
    assert [step.title for step in found.steps] == [
        "terraform destroy",
        "release floating IP 192.0.2.1",
        "delete instance hello-sam",
        "delete lease hello-sam",
        "delete port port-p",
        "delete router router-r",
        "delete subnet subnet-s",
        "delete network network-n",
        "delete volume volume-v",
        "delete security group hello-sam",
    ]
    assert isinstance(found.steps[0], s.DestroyTerraform)
    assert [step.part.id for step in steps(found, s.DeletePart)] == ["p", "r", "s", "n", "v"]


def test_all_else_of_the_plan_stays():
    before = plan_down("hello", "sam", NAME, replace(ALL, user_id="staff"), site="CHI@Fake", now=NOW)
    found = with_terraform(before, ())
    assert replace(found, steps=()) == replace(before, steps=())
