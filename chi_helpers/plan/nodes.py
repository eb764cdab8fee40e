"""The part of a plan that is about single nodes: their groups, instances and addresses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chi_helpers.model.errors import UsageError
from chi_helpers.plan import fit
from chi_helpers.plan.steps import (
    ApplyTerraform,
    AwaitInstance,
    CreateAddress,
    CreateInstance,
    DeleteInstance,
    ReleaseAddress,
    Step,
    TerraformNode,
    TrustHost,
    UpdateStamp,
    UseAddress,
    UseGroup,
)

if TYPE_CHECKING:
    from chi_helpers.model.lab import LabSpec, NodeSpec
    from chi_helpers.model.resources import FloatingIPView, InstanceView, LeaseView, Snapshot
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.model.wants import ReservationWant

GOING = {"DELETING", "DELETED", "SOFT_DELETED"}
ALL = ""
"""In place of a node, where something is of all of them: as in a stamp."""
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Nodes:
    """Plans node by node; `lease` is the one that is kept, None where one is yet to be made."""

    spec: LabSpec
    owner: str
    snapshot: Snapshot
    wants: tuple[ReservationWant, ...]
    deadline: datetime
    lease: LeaseView | None
    notes: list[str] = field(default_factory=list)

    def groups(self) -> list[Step]:
        """One security group a node, so that each has exactly its own ports open; and one that joins them.

        A site lets nothing in from a neighbour either, unless a group says so.
        """
        steps: list[Step] = []
        for node in self.spec.nodes:
            ports = tuple(sorted(node.ports))
            shown = ", ".join(map(str, ports)) or "none"
            name = self._name(node)
            steps += self._group(UseGroup(f"security group {name}: TCP {shown}", node.key, name, ports))
        if self.spec.joined:
            name = self.spec.peers_name(self.owner)
            title = f"security group {name}: all, from the lab's own nodes"
            steps += self._group(UseGroup(title, ALL, name, (), peers=True))
        return steps

    def _group(self, want: UseGroup) -> list[Step]:
        """What `want` says, for each group that is there for it; more than one is what a lost answer made."""
        found = sorted(
            (g for g in self.snapshot.security_groups if self._of(g.stamp, want.node)), key=lambda g: g.id
        )
        steps: list[Step] = []
        for number, group in enumerate(found):
            exact = (group.tcp_ports, group.peers, group.others) == (frozenset(want.ports), want.peers, 0)
            right = exact and self._current(group.stamp)
            again = f" ({number + 1} of {len(found)} of that name)" if number else ""
            steps.append(replace(want, title=want.title + again, group_id=group.id, right=right))
        return steps or [want]

    def cleared(self) -> list[Step]:
        """What must go. It goes before a lease is made: beside a new one it would look like its own."""
        return [
            DeleteInstance(f"delete instance {i.name}, which is {why}", i.id, i.name)
            for node in self.spec.nodes
            for i, why in self._sort(node)[1]
        ]

    def instances(self) -> list[Step]:
        """First what is to be made, then the waiting: so instances start side by side."""
        made: list[Step] = []
        awaited: list[Step] = []
        stamped: list[Step] = []
        for node in self.spec.nodes:
            keep, _ = self._sort(node)
            name = self._name(node)
            if keep is None:
                made.append(
                    CreateInstance(
                        f"create instance {name}: {node.image}",
                        node.key,
                        name,
                        node.image,
                        self.spec.network.shared,
                        fit.reserved_for(node, self.wants),
                    )
                )
            awaited.append(AwaitInstance(f"instance {name} active", node.key, keep.id if keep else None))
            if keep is not None and not self._current(keep.stamp):
                # Nova changes the metadata of an active instance only (nova/compute/api.py).
                stamped.append(UpdateStamp(f"new deadline on instance {name}", node.key, keep.id))
        return made + awaited + stamped

    def terraform(self) -> list[Step]:
        """The same as groups, instances and addresses, in one step: Terraform sees itself what is there."""
        made = tuple(
            TerraformNode(
                node.key,
                self._name(node),
                node.image,
                node.floating_ip,
                tuple(sorted(node.ports)),
                fit.reserved_for(node, self.wants),
                node.boot_volume,
            )
            for node in self.spec.nodes
        )
        network, name = self.spec.network, self.spec.lease_name(self.owner)
        private = None if network.private is None else str(network.private)
        count = f"{len(made)} node{'s' if len(made) > 1 else ''}"
        title = f"terraform apply {name}: {count} on {private or network.shared}"
        awaited = [AwaitInstance(f"instance {node.name} active", node.key) for node in made]
        return [ApplyTerraform(title, name, made, network.shared, private), *awaited]

    def addresses(self) -> list[Step]:
        steps: list[Step] = []
        for node in self.spec.nodes:
            keep, _ = self._sort(node)
            mine = [f for f in self.snapshot.floating_ips if self._of(f.stamp, node.key) and not f.reserved]
            mine.sort(key=lambda f: (keep is None or f.address not in keep.floating_ips, f.id))
            if node.floating_ip and mine:
                steps.append(self._use(node, mine[0], keep))
            elif node.floating_ip:
                steps.append(CreateAddress(f"floating IP for {node.key}", node.key))
            steps += [
                ReleaseAddress(f"release {f.address}, which {node.key} does not need", f.id, f.address)
                for f in (mine[1:] if node.floating_ip else mine)
            ]
        return steps

    def trusts(self) -> list[Step]:
        """First the nodes that are reachable themselves: the others are reached through one of them."""
        jump = self.spec.jump
        if jump is None:
            return []
        in_order = sorted(self.spec.nodes, key=lambda node: not node.floating_ip)
        return [
            TrustHost(
                f"SSH host keys of {node.key}",
                node.key,
                bare_metal=node.node_type is not None,
                jump=None if node.floating_ip else jump.key,
            )
            for node in in_order
        ]

    def _use(self, node: NodeSpec, fip: FloatingIPView, keep: InstanceView | None) -> UseAddress:
        right = keep is not None and fip.address in keep.floating_ips and self._current(fip.stamp)
        return UseAddress(f"floating IP for {node.key}: {fip.address}", node.key, fip.id, fip.address, right)

    def _sort(self, node: NodeSpec) -> tuple[InstanceView | None, list[tuple[InstanceView, str]]]:
        """The instance to keep, and those to delete, with why."""
        name = self._name(node)
        useless: list[tuple[InstanceView, str]] = []
        good: list[InstanceView] = []
        for instance in self.snapshot.instances:
            ours = self._of(instance.stamp, node.key)
            if not ours and instance.name == name and instance.status not in GOING:
                raise UsageError(
                    f"An instance {name} is there that this kit did not make: it has no stamp of the lab.",
                    do="Delete it with `openstack server delete`, or work as another --owner.",
                )
            if not ours:
                continue
            if instance.status in GOING:
                useless.append((instance, "on its way out"))
            elif self._stale(instance):
                useless.append((instance, "of a lease that has ended"))
            elif instance.status == "ERROR":
                useless.append((instance, f"in ERROR ({instance.fault or 'no reason given'})"))
            else:
                good.append(instance)
        good.sort(key=lambda i: (i.created or _LAST, i.id))
        useless += [(i, f"a second one for {node.key}") for i in good[1:]]
        return (good[0] if good else None), useless

    def _stale(self, instance: InstanceView) -> bool:
        """Whether it outlived the lease that it was made in: whatever lease is there now is another."""
        if self.lease is None:
            return True
        stamped, created = instance.stamp, instance.created
        return bool(
            (stamped and stamped.deadline <= self.lease.start) or (created and created < self.lease.start)
        )

    def _of(self, stamp: Stamp | None, node: str) -> bool:
        return stamp is not None and stamp.of(self.spec.lab, self.owner) and stamp.node == node

    def _current(self, stamp: Stamp | None) -> bool:
        """What is kept from an older lease gets the new deadline: a reaper goes by the stamp."""
        return stamp is not None and stamp.deadline == self.deadline

    def _name(self, node: NodeSpec) -> str:
        return self.spec.instance_name(node, self.owner)
