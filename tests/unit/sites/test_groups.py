"""A group's rules as values: the TCP ports that are open to the world, and whatever else is let in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chi_helpers.sites import groups

SSH = {
    "id": "ssh",
    "security_group_id": "G",
    "direction": "ingress",
    "ethertype": "IPv4",
    "protocol": "tcp",
    "port_range_min": 22,
    "port_range_max": 22,
    "remote_ip_prefix": "0.0.0.0/0",
    "remote_group_id": None,
}
PEERS = SSH | {
    "id": "peers",
    "protocol": None,
    "port_range_min": None,
    "port_range_max": None,
    "remote_ip_prefix": None,
    "remote_group_id": "G",
}
OUT = SSH | {"id": "out", "direction": "egress", "protocol": None}
OTHERS = {
    "a range": {"port_range_min": 1, "port_range_max": 65535},
    "all TCP": {"port_range_min": None, "port_range_max": None},
    "UDP": {"protocol": "udp"},
    "ICMP": {"protocol": "icmp", "port_range_min": None, "port_range_max": None},
    "everything": {"protocol": None, "port_range_min": None, "port_range_max": None},
    "IPv6": {"ethertype": "IPv6", "remote_ip_prefix": "::/0"},
    "one network": {"remote_ip_prefix": "192.0.2.0/24"},
    "another group": {"remote_ip_prefix": None, "remote_group_id": "g"},
}


def view(*rules):
    return groups.view(SimpleNamespace(id="G", name="n", description="", security_group_rules=list(rules)))


def test_a_port_open_to_the_world_is_a_port_and_what_goes_out_does_not_count():
    assert (view(SSH, OUT).tcp_ports, view(SSH, OUT).others) == (frozenset({22}), 0)
    anywhere = view(SSH | {"remote_ip_prefix": None, "protocol": "6"})
    assert (anywhere.tcp_ports, anywhere.others) == (frozenset({22}), 0)


def test_the_groups_own_members_are_peers_where_every_port_is_open_to_them():
    assert (view(SSH, PEERS).peers, view(SSH, PEERS).others) == (True, 0)
    for change in ({"remote_group_id": "H"}, {"protocol": "tcp"}, {"ethertype": "IPv6"}):
        assert (view(SSH, PEERS | change).peers, view(SSH, PEERS | change).others) == (False, 1)
    assert not view(SSH, PEERS | {"direction": "egress"}).peers
    assert not view(SSH, OUT).peers


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS.keys())
def test_any_other_rule_that_lets_something_in_is_counted(change):
    found = view(SSH, SSH | {"id": "x"} | change)
    assert (found.tcp_ports, found.others) == (frozenset({22}), 1)
