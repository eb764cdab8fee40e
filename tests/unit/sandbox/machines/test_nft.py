"""The nftables table, from Neutron's rules to the text that nft reads."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.errors import SandboxError
from chi_helpers.sandbox.machines import guard, networks, sweep, tables
from chi_helpers.sandbox.machines.nft import Floating, Opening, Table, openings, render, table_name

CLIENT = IPv4Address("127.0.0.1")
TABLE = Table("chi_west", ("127.78.1.0-127.78.255.255",))


def rule(**changes: object) -> dict[str, object]:
    return {
        "ethertype": "IPv4",
        "protocol": "tcp",
        "port_range_min": 22,
        "port_range_max": 22,
        "remote_ip_prefix": None,
        "remote_group_id": None,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Opening("tcp", (22, 22))),
        ({"port_range_max": 30}, Opening("tcp", (22, 30))),
        ({"protocol": "6"}, Opening("tcp", (22, 22))),
        ({"protocol": "udp", "remote_ip_prefix": "0.0.0.0/0"}, Opening("udp", (22, 22))),
        ({"remote_ip_prefix": "127.0.0.0/8"}, Opening("tcp", (22, 22))),
        ({"port_range_min": None, "port_range_max": None}, Opening("tcp")),
        ({"protocol": None, "port_range_min": None, "port_range_max": None}, Opening()),
        ({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}, Opening("icmp")),
    ],
)
def test_a_rule_for_the_world_opens_its_ports(changes: dict[str, object], expected: Opening) -> None:
    assert openings([rule(**changes)], CLIENT) == (expected,)


@pytest.mark.parametrize(
    "changes",
    [
        {"ethertype": "IPv6"},
        {"protocol": "sctp"},
        {"remote_ip_prefix": "10.0.0.0/8"},
        {"remote_group_id": "5f0c"},
        {"remote_address_group_id": "5f0c"},
    ],
)
def test_a_rule_that_is_not_for_this_client_opens_nothing(changes: dict[str, object]) -> None:
    assert openings([rule(**changes)], CLIENT) == ()


def test_the_same_rule_in_two_groups_is_one_opening() -> None:
    assert openings([rule(), rule()], CLIENT) == (Opening("tcp", (22, 22)),)


def test_each_opening_of_each_address_is_rewritten_to_its_fixed_address() -> None:
    text = render(
        TABLE,
        [
            Floating("127.78.1.5", "10.56.4.7", (Opening("tcp", (22, 22)), Opening("tcp", (8000, 8010)))),
            Floating("127.78.1.6", "10.56.4.8", (Opening(),)),
        ],
    )
    assert "  ip daddr 127.78.1.5 tcp dport 22 dnat to 10.56.4.7\n" in text
    assert "  ip daddr 127.78.1.5 tcp dport 8000-8010 dnat to 10.56.4.7\n" in text
    assert "  ip daddr 127.78.1.6 dnat to 10.56.4.8\n" in text


def test_what_is_not_rewritten_is_refused_or_dropped_within_the_range_only() -> None:
    refuse = render(TABLE, [])
    assert "ip daddr { 127.78.1.0-127.78.255.255 } meta l4proto tcp reject with tcp reset" in refuse
    assert "ip daddr { 127.78.1.0-127.78.255.255 } drop" in render(
        Table(TABLE.name, TABLE.ranges, drop=True), []
    )
    assert "127.78.0." not in refuse, "the API's addresses are none of the table's business"


def test_only_connections_of_bound_addresses_live_on() -> None:
    text = render(TABLE, [Floating("127.78.1.5", "10.56.4.7", ())])
    assert "ct status dnat ct original ip daddr != { 127.78.1.5 } drop" in text


def test_the_table_is_replaced_in_one_transaction() -> None:
    assert render(TABLE, []).splitlines()[:3] == [
        "table ip chi_west",
        "delete table ip chi_west",
        "table ip chi_west {",
    ]


def test_nft_understands_it() -> None:
    """`nft --check` parses; it changes nothing."""
    floating = [
        Floating("127.78.1.5", "10.56.4.7", (Opening("tcp", (22, 30)), Opening("icmp"), Opening())),
        Floating("127.78.1.6", "10.56.4.8", (Opening("udp", (53, 53)), Opening("tcp"))),
    ]
    texts = [guard.render("west", []), guard.render("west", ["podman1", "podman2"])]
    for table in (TABLE, Table("chi_two", ("127.78.1.0-127.78.1.9", "127.78.3.0-127.78.3.9"), drop=True)):
        texts += [render(table, entries) for entries in ([], floating)]
    for text in texts:
        done = subprocess.run(
            ["nft", "--check", "-f", "-"], input=text, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{done.stderr}\n{text}"


def test_a_sites_label_becomes_a_name_that_nft_takes() -> None:
    assert table_name("west-1a2b3c4d") == "chi_west_1a2b3c4d"


def test_the_guard_keeps_guests_from_the_hosts_loopback_with_and_without_networks() -> None:
    for bridges in ([], ["podman1"]):
        assert 'iifname != "lo" ip daddr 127.0.0.0/8 drop' in guard.render("west", bridges)


def test_only_guests_of_the_site_open_connections_to_its_guests() -> None:
    lines = [line.strip() for line in guard.render("west", ["podman2", "podman1", "podman2"]).splitlines()]
    rules = lines[lines.index("type filter hook forward priority -1") + 1 :][:2]
    assert rules == [
        "ct state established,related accept",
        'oifname { "podman1", "podman2" } iifname != { "podman1", "podman2" } drop',
    ]


def test_the_guard_is_in_force_before_loopback_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """And where it cannot be put in force, the guest does not start."""
    from chi_helpers.sandbox.machines.guest import Guest
    from chi_helpers.sandbox.machines.podman import Podman

    done: list[str] = []

    def run(_self: object, *args: str, **_more: object) -> str:
        done.append(" ".join(args))
        return ""

    def refuse(_text: str) -> None:
        done.append("guard")
        raise tables.TableError("nft refused the packet rules")

    monkeypatch.setattr(Podman, "run", run)
    monkeypatch.setattr(tables, "load", refuse)
    monkeypatch.setattr(networks, "let_loopback_through", lambda _network: done.append("loopback"))
    with pytest.raises(SandboxError, match="nft refused"):
        Guest(Podman("west"), Path("/nonexistent"), "u1").start()
    assert done[-1] == "guard"
    assert not [call for call in done if call.startswith(("start", "loopback"))]


def test_without_nft_the_tables_count_as_unknown_not_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SBIN", ())
    with pytest.raises(SandboxError, match="apt-get install nftables"):
        tables.names()
    with pytest.raises(SandboxError, match="podman"):
        sweep.leftovers("west")
