"""Which podman network a neutron network becomes."""

from __future__ import annotations

import pytest

from chi_helpers.sandbox.machines import networks, tables
from chi_helpers.sandbox.machines.podman import Podman, PodmanError

SUBNET = networks.Subnet("10.56.4.0/22", "10.56.4.1", ("10.56.4.7",))


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a podman was asked that refuses the subnet, as podman 4.3 says it."""
    calls: list[str] = []

    def run(_self: Podman, *args: str, timeout: float = 300) -> str:
        calls.append(" ".join(args))
        if "--subnet" in args:
            raise PodmanError("podman network create: subnet 10.56.4.0/22 is already used on the host")
        return "podman9 no" if "inspect" in args else ""

    monkeypatch.setattr(Podman, "run", run)
    monkeypatch.setattr(Podman, "exists", lambda *_: False)
    monkeypatch.setattr(networks, "_known", {})
    return calls


def test_the_sites_own_network_is_refused_where_its_subnet_is_taken(called: list[str]) -> None:
    """As a bare one it would boot instances that no floating IP leads to."""
    with pytest.raises(
        PodmanError, match=r"sharednet1's subnet 10\.56\.4\.0/22 is already used .* `ip route`"
    ):
        networks.ensure(
            Podman("west"), networks.Port("n1", "fa:16:3e:00:00:01", 1500, (SUBNET,), "sharednet1")
        )
    assert len(called) == 1, "nothing else was tried"


def test_a_private_network_whose_subnet_is_taken_becomes_a_bare_one(called: list[str]) -> None:
    port = networks.Port("n1", "fa:16:3e:00:00:01", 1500, (SUBNET,), "mine")
    assert not networks.ensure(Podman("west"), port).routed
    assert "chi.routed=no" in called[1]


def test_a_port_knows_its_networks_name() -> None:
    """Nova's network model calls it a label."""
    vif = {"address": "fa:16:3e:00:00:01",
           "network": {"id": "n1", "label": "sharednet1", "meta": {}, "subnets": []}}  # fmt: skip
    assert networks.port(vif).network == networks.SHARED


def test_a_guard_that_was_flushed_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [True, False]
    loaded: list[str] = []
    monkeypatch.setattr(tables, "there", lambda _name: there.pop(0))
    monkeypatch.setattr(tables, "load", loaded.append)
    monkeypatch.setattr(Podman, "networks", lambda _self: [])
    networks.restore_guard(Podman("west"))
    assert loaded == []
    networks.restore_guard(Podman("west"))
    assert [text.splitlines()[0] for text in loaded] == ["table ip chi_west_guard"]
