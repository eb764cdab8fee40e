"""Names of leases and instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.model.errors import Exit, LabKitError, RefusedError, SiteError, UsageError
from chi_helpers.model.lab import LabSpec, LeaseSpec, Lifetime, NodeSpec
from chi_helpers.model.span import span

HOUR = timedelta(hours=1)
NODE = NodeSpec("node1", "CC-Ubuntu24.04", flavor="m1.small")
LAB = LabSpec(
    lab="hello_chameleon",
    site="CHI@Sandbox",
    lifetime=Lifetime(6 * HOUR),
    lease=LeaseSpec(6 * HOUR),
    nodes=(NODE,),
    timezone=ZoneInfo("UTC"),
    source=Path("reservation.yaml"),
)


def test_one_node_is_named_as_the_lease():
    """As in Chameleon's own labs: `hello_chameleon-<user>` for both."""
    assert LAB.lease_name("alice") == LAB.instance_name(NODE, "alice") == "hello_chameleon-alice"


def test_several_nodes_have_names_of_their_own():
    """As in Chameleon's own labs: the node's name first."""
    both = replace(LAB, nodes=(NODE, replace(NODE, key="node2")))
    assert [both.instance_name(node, "alice") for node in both.nodes] == [
        "node1-hello_chameleon-alice",
        "node2-hello_chameleon-alice",
    ]


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (6 * HOUR, "6h"),
        (2.5 * HOUR, "2h30m"),
        (24 * HOUR, "1d"),
        (25 * HOUR, "1d1h"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(minutes=5, seconds=59), "5m"),
        (timedelta(seconds=1), "1s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(milliseconds=900), "0m"),
        (timedelta(hours=23, minutes=59), "23h59m"),
        (timedelta(days=2, minutes=1), "2d1m"),
        (timedelta(0), "0m"),
        (-HOUR, "0m"),
    ],
)
def test_spans_are_written_as_the_file_writes_them(length, text):
    """Rounded down, so that nobody is promised time that is not there."""
    assert span(length) == text


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (LabKitError, Exit.PARTIAL),
        (UsageError, Exit.USAGE),
        (SiteError, Exit.SITE),
        (RefusedError, Exit.SITE),
    ],
)
def test_an_error_says_what_to_do_and_knows_its_exit_code(kind, code):
    """The whole message: what failed, what to do, which request."""
    error = kind("The lease was refused.", do="Try a smaller one.", request_id="req-1")
    assert str(error) == "The lease was refused. Try a smaller one. (request req-1)"
    assert error.exit_code == code
    assert (error.what, error.do, error.request_id) == (
        "The lease was refused.",
        "Try a smaller one.",
        "req-1",
    )
    assert str(kind("The lease was refused.")) == "The lease was refused."


def test_the_exit_codes_are_those_of_the_reference():
    """Scripts and cron go by them."""
    assert {code.name: int(code) for code in Exit} == {
        "OK": 0,
        "PARTIAL": 1,
        "USAGE": 2,
        "SITE": 3,
        "BREAKER": 4,
        "DOUBT": 5,
    }


def test_the_nodes_of_a_lab_reach_each_other_where_there_are_several():
    both = replace(LAB, nodes=(NODE, replace(NODE, key="node2")))
    assert (LAB.joined, both.joined) == (False, True)
    assert both.peers_name("alice") == "hello_chameleon-alice-nodes"


@pytest.mark.parametrize(
    ("nodes", "jump"),
    [
        ((NODE,), None),
        ((NODE, replace(NODE, key="b", floating_ip=True), replace(NODE, key="c", floating_ip=True)), "b"),
        (
            (
                replace(NODE, key="a", floating_ip=True, flavor=None, node_type="gpu_p100"),
                replace(NODE, key="b", floating_ip=True),
            ),
            "b",
        ),
        ((NODE, replace(NODE, key="a", floating_ip=True, flavor=None, node_type="gpu_p100")), "a"),
    ],
    ids=["none is reachable", "the first", "a virtual machine first", "bare metal where there is no other"],
)
def test_the_others_are_reached_through_a_node_with_a_floating_ip(nodes, jump):
    found = replace(LAB, nodes=nodes).jump
    assert (found.key if found else None) == jump
