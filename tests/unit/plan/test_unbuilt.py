"""What this version of the kit cannot do is refused; what it can do is not."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from chi_helpers.model.lab import NetworkSpec
from chi_helpers.plan.unbuilt import unbuilt
from tests.unit.plan.labs import lab

PRIVATE = NetworkSpec(private=IPv4Network("192.168.1.0/24"))


def test_a_private_network_without_terraform_is_refused_with_what_to_do():
    assert unbuilt(lab(network=PRIVATE, launch="chi")) == (
        "`network.private` needs `launch: terraform`, which makes the network. "
        "Add that, or leave it out: the shared network joins the nodes."
    )


@pytest.mark.parametrize(
    ("network", "launch"),
    [(PRIVATE, "terraform"), (NetworkSpec(), "terraform"), (NetworkSpec(), "chi")],
    ids=["a private network by terraform", "the shared network by terraform", "the shared network by chi"],
)
def test_everything_else_can_be_done(network, launch):
    assert unbuilt(lab(network=network, launch=launch)) is None
