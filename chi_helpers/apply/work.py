"""How each kind of step is done. One object lives as long as one run, and knows what the run has made."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never, cast

from chi_helpers.apply import launching, trust
from chi_helpers.apply.known_hosts import NAME as KNOWN_HOSTS
from chi_helpers.apply.known_hosts import forget, knows
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.lab import USER
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import InstanceWant
from chi_helpers.plan import steps as s
from chi_helpers.plan.fit import serves
from chi_helpers.plan.nodes import ALL
from chi_helpers.provision.openssh import settings
from chi_helpers.sites.waiting import ticks

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from chi_helpers.model.resources import InstanceView, LeaseView
    from chi_helpers.sites.protocol import Site

LEASE_TIMEOUT = 300.0
ADDRESS_TIMEOUT = 60.0
INSTANCE_TIMEOUT = 1200.0
"""Seconds; bare metal takes ten to twenty minutes (python-chi's own limit, chi/server.py:141)."""
WORTH_WAITING = timedelta(minutes=2)
"""A lease that starts within this is waited for."""


class Missing(Exception):  # noqa: N818 - not an error of its own: the step that it needs has failed
    """What a step needs was not made."""


class LaterError(Exception):
    """The lease starts later; the rest is for another run."""


AnyStep = (
    s.UseKey
    | s.CreateLease
    | s.AwaitLease
    | s.UseGroup
    | s.CreateInstance
    | s.AwaitInstance
    | s.ApplyTerraform
    | s.DestroyTerraform
    | s.DeletePart
    | s.UpdateStamp
    | s.CreateAddress
    | s.UseAddress
    | s.TrustHost
    | s.ReleaseAddress
    | s.DeleteInstance
    | s.DeleteLease
    | s.DeleteGroup
)


@dataclass(slots=True)
class Work:
    site: Site
    folder: Path
    plan: s.Plan
    note: Callable[[str, str], None]
    began: float = field(default_factory=time.monotonic)
    lease_id: str | None = None
    lease: LeaseView | None = None
    """Once it is active."""
    waits: str | None = None
    """Why the rest is for later."""
    key_name: str | None = None
    groups: dict[str, str] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    """Node -> instance, made or found."""
    kept: set[str] = field(default_factory=set)
    """Nodes that Terraform found as they should be."""
    active: dict[str, InstanceView] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def do(self, any_step: s.Step) -> Outcome:  # noqa: C901, PLR0911, PLR0912 - one case a kind
        """Do one step. Raises `Missing`, `LaterError` or a `LabKitError`."""
        step = cast("AnyStep", any_step)
        match step:
            case s.UseKey():
                uploaded = self.site.ensure_keypair(step.pair)
                self.key_name = step.pair.name
                return _outcome(step, done=uploaded, detail="uploaded" if uploaded else "")
            case s.CreateLease():
                if self.key_name is None:
                    raise Missing("Without its key pair at the site a lease would be of no use.")
                self.lease_id = self.site.create_lease(step.want).id
                return _outcome(step, resource_id=self.lease_id)
            case s.AwaitLease():
                return self._await_lease(step)
            case s.UseGroup():
                return self._use_group(step)
            case s.CreateInstance():
                return self._create_instance(step)
            case s.AwaitInstance():
                return self._await_instance(step)
            case s.ApplyTerraform():
                return self._apply_terraform(step)
            case s.DestroyTerraform():
                gone = launching.destroy(self.site, self.folder, self.plan, self._noted(step))
                return _outcome(step, done=gone > 0, detail=f"{gone} resources deleted" if gone else "")
            case s.DeletePart():
                self.site.delete_part(step.part)
                return _outcome(step, resource_id=step.part.id)
            case s.UpdateStamp():
                self.site.stamp_instance(self._instance(step.node).id, self._stamp(step.node))
                return _outcome(step, resource_id=step.instance_id)
            case s.CreateAddress():
                made = self.site.create_address(self._instance(step.node).id, self._stamp(step.node))
                self.addresses[step.node] = made.address
                return _outcome(step, detail=made.address, resource_id=made.id)
            case s.UseAddress():
                if not step.right:
                    self.site.attach_address(
                        step.address_id, self._instance(step.node).id, self._stamp(step.node)
                    )
                self.addresses[step.node] = step.address
                return _outcome(step, done=not step.right, resource_id=step.address_id)
            case s.TrustHost():
                return self._trust(step)
            case s.ReleaseAddress():
                self.site.delete_address(step.address_id)
                forget(self.folder, step.address)
                return _outcome(step, resource_id=step.address_id)
            case s.DeleteInstance():
                self.site.delete_instance(step.instance_id)
                return _outcome(step, resource_id=step.instance_id)
            case s.DeleteLease():
                self.site.delete_lease(step.lease_id)
                return _outcome(step, resource_id=step.lease_id)
            case s.DeleteGroup():
                self.site.delete_group(step.group_id)
                return _outcome(step, resource_id=step.group_id)
            case _:
                assert_never(step)

    def _await_lease(self, step: s.AwaitLease) -> Outcome:
        lease_id = step.lease_id or self.lease_id
        if lease_id is None:
            raise Missing("The lease was not created.")
        self.lease_id = lease_id
        now = self._now()
        if step.starts - now > WORTH_WAITING:
            self.waits = f"The lease starts {step.starts:%Y-%m-%d %H:%M} UTC; run `chi-lab up` again then."
            raise LaterError(self.waits)
        limit = LEASE_TIMEOUT + max(0.0, (step.starts - now).total_seconds())
        for look, _ in enumerate(ticks(limit, first=0.3, longest=3.0)):
            lease = self.site.lease(lease_id)
            if lease is None or lease.over:
                raise RefusedError("The lease has ended, or was deleted, before it was active.")
            if lease.status == "ACTIVE":
                self.lease = lease
                return _outcome(step, done=look > 0 or step.lease_id is None, resource_id=lease_id)
            if lease.status == "ERROR":
                raise RefusedError(
                    f"The lease {lease_id} went to ERROR: the site could not start it.",
                    do="Run `chi-lab up` again: it is then deleted, and another is made.",
                )
            self.note(step.title, f"it is {lease.status}")
        raise SiteError(f"The lease is not active after {limit:.0f} s.", do="Run `chi-lab up` again.")

    def _use_group(self, step: s.UseGroup) -> Outcome:
        group_id, stamp = step.group_id, self._stamp(step.node)
        if self.lease_id is None and any(isinstance(other, s.CreateLease) for other in self.plan.steps):
            raise Missing("The lease was not created.")
        if not step.right:
            group_id = group_id or self.site.create_group(step.name, stamp).id
            self.site.set_ports(group_id, step.ports, stamp, peers=step.peers)
        if group_id is not None:
            self.groups.setdefault(step.node, group_id)
        return _outcome(step, done=not step.right, resource_id=group_id)

    def _create_instance(self, step: s.CreateInstance) -> Outcome:
        lease = self._active_lease()
        joined = any(isinstance(other, s.UseGroup) and other.node == ALL for other in self.plan.steps)
        groups = [step.node, ALL] if joined else [step.node]
        if not self.groups.keys() >= set(groups):
            raise Missing("Its security group was not created.")
        if self.key_name is None:
            raise Missing("The site has no key pair to put on it.")
        reservation = next((r for r in lease.reservations if serves(r, step.reserved)), None)
        if reservation is None:
            raise RefusedError(f"The lease holds no reservation of {step.reserved.label}.")
        want = InstanceWant(
            name=step.name,
            image=step.image,
            key_name=self.key_name,
            network=step.network,
            group_ids=tuple(self.groups[of] for of in groups),
            stamp=self._stamp(step.node),
            reservation_id=reservation.id,
            flavor=step.reserved.flavor_id is not None,
        )
        made = self.site.create_instance(want)
        self.instances[step.node] = made.id
        return _outcome(step, resource_id=made.id)

    def _apply_terraform(self, step: s.ApplyTerraform) -> Outcome:
        lease = self._active_lease()
        if self.key_name is None:
            raise Missing("The site has no key pair to put on the instances.")
        stamp = self._stamp(ALL)
        made = launching.apply(self.site, self.folder, step, lease, stamp, self.key_name, self._noted(step))
        self.instances |= made.instances
        self.kept |= set() if made.changed else made.instances.keys()
        self.addresses |= made.addresses
        return _outcome(step, done=made.changed > 0, detail=f"{made.changed} changes" if made.changed else "")

    def _noted(self, step: s.Step) -> Callable[[str], None]:
        return lambda detail: self.note(step.title, detail)

    def _await_instance(self, step: s.AwaitInstance) -> Outcome:
        instance_id = step.instance_id or self.instances.get(step.node)
        if self.waits:
            raise LaterError(self.waits)
        if instance_id is None:
            raise Missing("The instance was not created.")
        for look, _ in enumerate(ticks(INSTANCE_TIMEOUT, first=0.4, longest=5.0)):
            instance = self.site.instance(instance_id)
            if instance is None:
                raise RefusedError("The instance is gone: it was deleted, or its lease ended.")
            if instance.status == "ACTIVE":
                self.instances[step.node] = instance_id
                self.active[step.node] = instance
                done = look > 0 or (step.instance_id is None and step.node not in self.kept)
                return _outcome(step, done=done, resource_id=instance_id)
            if instance.status == "ERROR":
                raise RefusedError(
                    f"The instance went to ERROR: {instance.fault or 'Nova gives no reason'}",
                    do="Run `chi-lab up` again: it is then replaced.",
                )
            if instance.status not in ("BUILD", "REBUILD", "REBOOT", "HARD_REBOOT"):
                raise RefusedError(
                    f"The instance is {instance.status}.",
                    do=f"Start it with `openstack server start {instance_id}`, then run `chi-lab up` again.",
                )
            self.note(step.title, f"it is {instance.status}")
        raise SiteError(f"The instance is not active after {INSTANCE_TIMEOUT:.0f} s.")

    def _trust(self, step: s.TrustHost) -> Outcome:
        if step.bare_metal:
            raise RefusedError(
                "A bare-metal node has no console from which its SSH host keys could be learnt.",
                do="Compare the key by hand when you log in.",
            )
        instance = self._instance(step.node)
        jump = None if step.jump is None else self._jump(step.jump)
        address = self.addresses.get(step.node) if jump is None else self._private(instance)
        if address is None:
            raise Missing("The node has no floating IP.")
        learnt = trust.learn(
            self.site, self.folder, instance.id, address, lambda detail: self.note(step.title, detail), jump
        )
        return _outcome(step, done=learnt, detail=address)

    def _jump(self, node: str) -> trust.Jump:
        address = self.addresses.get(node)
        if address is None or not knows(self.folder / KNOWN_HOSTS, address):
            raise Missing(f"It is reached through {node}, which is not reachable itself.")
        found = settings(self.folder / KNOWN_HOSTS, self.site.keypair().private_key)
        return trust.Jump(f"{USER}@{address}", found)

    def _private(self, instance: InstanceView) -> str:
        """Its address among the lab's nodes, which Nova may show only some seconds after it is active."""
        for _ in ticks(ADDRESS_TIMEOUT, first=0.3):
            if instance.addresses:
                return instance.addresses[0]
            instance = self.site.instance(instance.id) or instance
        raise SiteError("Nova shows no address of the instance.", do="Run `chi-lab up` again.")

    def _now(self) -> datetime:
        """The site's clock: what it said when the plan was made, and the time since."""
        return self.plan.made + timedelta(seconds=time.monotonic() - self.began)

    def _stamp(self, node: str) -> Stamp:
        if self.plan.deadline is None:
            raise Missing("The plan has no deadline.")
        return Stamp(self.plan.owner, self.plan.lab, self.plan.deadline, node)

    def _active_lease(self) -> LeaseView:
        if self.waits:
            raise LaterError(self.waits)
        if self.lease is None:
            raise Missing("The lease is not active.")
        return self.lease

    def _instance(self, node: str) -> InstanceView:
        if self.waits:
            raise LaterError(self.waits)
        if node not in self.active:
            raise Missing("The instance is not active.")
        return self.active[node]


def _outcome(step: s.Step, *, done: bool = True, detail: str = "", resource_id: str | None = None) -> Outcome:
    return Outcome(step.title, Result.DONE if done else Result.ALREADY, detail, resource_id)
