"""From Nova's values to podman's options, and what the end of a container means."""

from __future__ import annotations

import os
from typing import Any

import pytest

from chi_helpers.sandbox.machines import guest, networks
from chi_helpers.sandbox.machines.events import Meaning, judge
from chi_helpers.sandbox.machines.podman import Podman


def vif(gateway: str | None = "10.56.0.1") -> dict[str, Any]:
    return {
        "address": "fa:16:3e:00:00:01",
        "network": {
            "id": "n1",
            "meta": {"mtu": 1450},
            "subnets": [
                {
                    "cidr": "10.56.0.0/22",
                    "gateway": {"address": gateway} if gateway else None,
                    "ips": [
                        {"type": "fixed", "address": "10.56.0.7"},
                        {"type": "floating", "address": "127.78.1.5"},
                    ],
                }
            ],
        },
    }


def test_a_port_takes_fixed_addresses_and_the_prefix_of_their_subnet() -> None:
    port = networks.port(vif())
    assert port.addresses == ("10.56.0.7",)
    assert port.interfaces == ("10.56.0.7/22",)
    assert port.wants_route
    assert not networks.port(vif(gateway=None)).wants_route


def test_podman_sets_addresses_on_routed_networks_only() -> None:
    port = networks.port(vif())
    mac = ("mac", "fa:16:3e:00:00:01")
    assert networks.options(networks.Network("x", "podman1", routed=True), port) == [mac, ("ip", "10.56.0.7")]
    assert networks.options(networks.Network("x", "podman1", routed=False), port) == [mac]


def test_a_flavor_limits_and_the_baremetal_flavor_does_not() -> None:
    assert guest.Size(1, 2048).options() == ["--cpus=1", "--memory=2048m", "--shm-size=1024m"]
    assert guest.Size(4096, 2048).options()[0] == f"--cpus={os.cpu_count()}"
    assert guest.Size(1, 1).options() == []


def test_a_guest_cannot_set_this_machines_clock_or_load_modules() -> None:
    options = guest.boot_options()
    for capability in ("SYS_TIME", "SYS_MODULE", "SYS_RAWIO"):
        assert options.index(f"--cap-drop={capability}") > options.index("--cap-add=all")
    assert not [option for option in options if "privileged" in option or option.startswith("--device=")]


def test_limits_never_exceed_this_processs_own() -> None:
    for option in guest.ulimits():
        name, soft, hard = option.removeprefix("--ulimit=").replace("=", ":").split(":")
        assert soft == hard
        assert 0 < int(hard) <= (1048576 if name == "nofile" else 2**22)


@pytest.mark.parametrize(
    ("expected", "running", "status", "meaning"),
    [
        (True, False, 0, Meaning.NOTHING),
        (True, False, 129, Meaning.NOTHING),
        (False, True, 0, Meaning.NOTHING),
        (False, False, 129, Meaning.REBOOT),
        (False, False, 0, Meaning.POWEROFF),
        (False, False, 137, Meaning.POWEROFF),
    ],
)
def test_what_the_end_of_a_container_means(
    expected: bool, running: bool, status: int, meaning: Meaning
) -> None:
    assert judge(expected=expected, running=running, status=status) is meaning


def test_names_and_filters_of_two_sites_never_meet() -> None:
    west, east = Podman("west-1"), Podman("west-2")
    assert west.container("u") != east.container("u")
    assert west.network("n") != east.network("n")
    assert west.mine == "label=chi.site=west-1"


def test_much_console_output_loses_its_middle_and_keeps_the_host_keys() -> None:
    lines = [f"line {number:07}".encode() for number in range(200_000)]
    output = b"\n".join([b"-----BEGIN SSH HOST KEY KEYS-----", *lines])
    short = guest.shorten(output)
    assert len(short) <= 1024 * 1024 + 100
    assert short.startswith(b"-----BEGIN SSH HOST KEY KEYS-----\nline 0000000\n")
    assert short.endswith(b"line 0199999")
    kept = [line for line in short.splitlines()[1:] if line != b"[... left out ...]"]
    assert set(kept) <= set(lines), "a line was cut in two"


def test_little_console_output_is_whole() -> None:
    assert guest.shorten(b"a\nb") == b"a\nb"
