"""The site in memory with what Terraform makes besides: rules, ports, volumes, and networks with their routers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chi_helpers.model.parts import DELETABLE, Part
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.volumes import VolumeView
from tests.support.fake_site import FakeSite

CREDENTIALS = {"OS_AUTH_URL": "http://fake/identity", "OS_USERNAME": "sam", "OS_PASSWORD": "s3cret"}


@dataclass(frozen=True)
class Other:
    """A thing of a kind that `FakeSite` has no dictionary for."""

    id: str
    kind: str
    name: str
    stamp: Stamp | None
    of: str = ""
    """A rule's group, a port's or subnet's network, an interface's router."""
    port: int | None = None
    size: int = 0


class TerraformSite(FakeSite):
    """`others` holds what only Terraform makes, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.others: dict[str, Other] = {}
        self.shared = {"sharednet1", "sharednet2"}
        self.on_network: dict[str, str] = {}
        """Instance -> its network."""

    def networks(self) -> frozenset[str]:
        return frozenset(self.shared)

    def environment(self) -> dict[str, str]:
        return dict(CREDENTIALS)

    def make(self, kind: str, name: str, stamp: Stamp | None, **more: object) -> str:
        self._called(f"create_{kind}")
        made = Other(self._id(kind), kind, name, stamp, **more)  # type: ignore[arg-type]
        self.others[made.id] = made
        self._open(made)
        return made.id

    def remove(self, thing_id: str) -> None:
        """Delete one of `others`, and what ends with it."""
        gone = self.others.pop(thing_id)
        if gone.kind == "rule":
            group = self.groups[gone.of]
            peers = group.peers and gone.port is not None
            self.groups[gone.of] = replace(group, tcp_ports=group.tcp_ports - {gone.port}, peers=peers)
        for other in [one for one in self.others.values() if one.of == thing_id]:
            self.others.pop(other.id)

    def volumes(self, lab: str, owner: str) -> tuple[VolumeView, ...] | None:
        known = super().volumes(lab, owner)
        if known is None:
            return None
        made = [one for one in self._ours(lab, owner) if one.kind == "volume"]
        return (
            *known,
            *(VolumeView(v.id, v.name, _node(v.stamp), v.size, "in-use") for v in made),
        )

    def delete_group(self, group_id: str) -> None:
        super().delete_group(group_id)
        for rule in [one for one in self.others.values() if one.of == group_id]:
            self.others.pop(rule.id)

    def parts(self, lab: str, owner: str) -> tuple[Part, ...]:
        self._called("parts")
        return tuple(self._parts(lab, owner))

    def delete_part(self, part: Part) -> None:
        self._called("delete_part")
        assert part.kind in DELETABLE
        if part.id in self.others:
            self.remove(part.id)

    def _open(self, made: Other) -> None:
        if made.kind != "rule":
            return
        group = self.groups[made.of]
        opened = group.tcp_ports | ({made.port} if made.port is not None else set())
        self.groups[made.of] = replace(group, tcp_ports=opened, peers=group.peers or made.port is None)

    def _ours(self, lab: str, owner: str) -> list[Other]:
        return [one for one in self.others.values() if one.stamp is not None and one.stamp.of(lab, owner)]

    def _parts(self, lab: str, owner: str) -> Iterator[Part]:
        seen = self.snapshot(lab, owner, ()).stamped(lab, owner)
        for instance in seen.instances:
            yield Part("instance", instance.id, instance.name, _node(instance.stamp))
        for fip in seen.floating_ips:
            yield Part("floating IP", fip.id, fip.id, _node(fip.stamp))
            if fip.port_id:
                yield Part("association", fip.id, fip.id, _node(fip.stamp))
        for group in seen.security_groups:
            yield Part("security group", group.id, group.name, _node(group.stamp))
            for rule in self._inside(group.id, "rule"):
                yield Part("rule", rule.id, group.name, _node(group.stamp), rule.port)
        for one in self._ours(lab, owner):
            yield Part(one.kind, one.id, one.name, _node(one.stamp))
            for interface in self._inside(one.id, "interface"):
                yield Part("interface", interface.id, one.name)

    def _inside(self, thing_id: str, kind: str) -> list[Other]:
        return [one for one in self.others.values() if (one.of, one.kind) == (thing_id, kind)]


def _node(stamp: Stamp | None) -> str:
    return stamp.node if stamp else ""
