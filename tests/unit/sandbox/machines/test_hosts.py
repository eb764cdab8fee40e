"""The file that describes a site's hosts, and what Placement is told from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.sandbox.machines import hosts

KVM = {"vcpus": 96, "memory_mb": 1024, "local_gb": 10}


def written(folder: Path, content: Any) -> Path:
    path = folder / "hosts.json"
    path.write_text(json.dumps(content))
    return path


def test_hosts_come_with_custom_resources_and_traits(tmp_path: Path) -> None:
    entry = {**KVM, "resources": {"CUSTOM_GPU_H100": 4}, "traits": ["CUSTOM_CHI_KVM"]}
    assert hosts.load(written(tmp_path, {"h1": entry, "h2": KVM})) == {
        "h1": hosts.Host("h1", 96, 1024, 10, {"CUSTOM_GPU_H100": 4}, ("CUSTOM_CHI_KVM",)),
        "h2": hosts.Host("h2", 96, 1024, 10),
    }


def test_every_problem_of_the_file_is_named_at_once(tmp_path: Path) -> None:
    wrong = {
        "h1": {**KVM, "vcpus": 0, "colour": "red"},
        "h2": {**KVM, "resources": {"GPU": 1, "CUSTOM_GPU": "many"}, "traits": ["KVM"]},
        "h3": 7,
    }
    with pytest.raises(UsageError) as caught:
        hosts.load(written(tmp_path, wrong))
    for part in ("h1.vcpus", "h1.colour", "h2.resources.GPU", "h2.resources.CUSTOM_GPU", "h2.traits", "h3"):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [{}, [], "x"])
def test_a_file_without_hosts_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(UsageError, match="at least one host"):
        hosts.load(written(tmp_path, content))


def test_a_missing_file_or_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"absent\.json"):
        hosts.load(tmp_path / "absent.json")
    monkeypatch.delenv(hosts.VARIABLE, raising=False)
    with pytest.raises(UsageError, match="CHI_SANDBOX_HOSTS is not set"):
        hosts.read()


def test_a_nodes_identity_depends_on_site_and_name_only() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert hosts.node_uuid(one, "kvm1") == hosts.node_uuid(one, "kvm1")
    assert len({hosts.node_uuid(site, name) for site in (one, other) for name in ("kvm1", "kvm2")}) == 4


class Tree:
    """Nova's provider tree, as far as it is used."""

    def __init__(self, inventory: dict[str, Any]) -> None:
        self.inventory = inventory
        self.traits: set[str] = set()

    def data(self, _node: str) -> Tree:
        return self

    def update_inventory(self, _node: str, inventory: dict[str, Any]) -> None:
        self.inventory = inventory

    def add_traits(self, _node: str, *traits: str) -> None:
        self.traits |= set(traits)


def test_inventory_counts_custom_classes_and_keeps_what_blazar_added() -> None:
    reservation = {"total": 1}
    tree = Tree({"CUSTOM_RESERVATION_X": reservation})
    host = hosts.Host("h", 8, 1024, 10, {"CUSTOM_BAREMETAL": 1}, ("CUSTOM_CHI_BAREMETAL",))
    hosts.provide(tree, "h", host, {"VCPU": 2.0})
    assert tree.inventory["CUSTOM_RESERVATION_X"] is reservation
    assert {k: v["total"] for k, v in tree.inventory.items()} == {
        "CUSTOM_RESERVATION_X": 1, "VCPU": 8, "MEMORY_MB": 1024, "DISK_GB": 10, "CUSTOM_BAREMETAL": 1,
    }  # fmt: skip
    assert tree.inventory["VCPU"]["allocation_ratio"] == 2.0
    assert tree.inventory["CUSTOM_BAREMETAL"]["allocation_ratio"] == 1.0
    assert tree.traits == {"CUSTOM_CHI_BAREMETAL"}
