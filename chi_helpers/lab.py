"""`Lab`: one lab from its file to its end, for notebooks and for the command line alike.

    from chi_helpers import Lab

    lab = Lab.open("reservation.yaml")
    lease = lab.reserve()           # python-chi's Lease
    servers = lab.launch()          # python-chi's Servers, by the node's name in the file
    lab.address(), lab.trust()      # floating IPs; SSH host keys
    lab.status().time               # 'today 14:55 CST (20:55 UTC)'
    lab.down()                      # gives everything back, and looks whether it is gone

Each of them may be called again: what is there is kept, what is missing is made.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chi_helpers import refusals
from chi_helpers.apply.execute import Executor
from chi_helpers.apply.folder import lab_folder
from chi_helpers.apply.journal import opened
from chi_helpers.apply.known_hosts import NAME as KNOWN_HOSTS
from chi_helpers.apply.lock import held
from chi_helpers.config import load
from chi_helpers.config.owner import owner as owner_name
from chi_helpers.login import Login, logins
from chi_helpers.model.errors import LabKitError, LeftoverError, RefusedError, UsageError
from chi_helpers.model.outcome import Outcome, Progress, Result, Silent
from chi_helpers.model.span import span
from chi_helpers.plan import Plan, Stage, plan_down, plan_up
from chi_helpers.plan.leftovers import left
from chi_helpers.plan.preflight import key_pair, preflight
from chi_helpers.plan.status import LabStatus, status_of
from chi_helpers.plan.terraform import deletable, with_terraform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chi_helpers.apply.report import Report
    from chi_helpers.model.lab import LabSpec, NodeSpec
    from chi_helpers.model.resources import InstanceView, Snapshot
    from chi_helpers.provision import Host, ProvisionReport
    from chi_helpers.sites.protocol import Site

SHORTEST = timedelta(minutes=2)
"""Blazar counts whole minutes, so one minute may be over at once."""
_UP = (Stage.DELETE, Stage.RESERVE, Stage.LAUNCH, Stage.ADDRESS, Stage.TRUST)


@dataclass
class Lab:
    """One lab of one owner at one site. Make it with `Lab.open`."""

    spec: LabSpec
    owner: str
    connect: Callable[[], Site] = field(repr=False)
    progress: Progress = field(default_factory=Silent, repr=False)
    on_behalf: bool = False
    """The owner was named on purpose, so that `down` may give back what another user made for them."""

    @classmethod
    def open(
        cls,
        path: str | Path = "reservation.yaml",
        *,
        site: str | None = None,
        owner: str | None = None,
        cloud: str | None = None,
        lifetime: timedelta | None = None,
        progress: Progress | None = None,
    ) -> Lab:
        """Read a lab's file. The site is asked nothing yet.

        `site` overrides the file's, as CHI_LAB_SITE does; `owner` is else CHI_LAB_OWNER, else USER; `cloud`
        is a name in clouds.yaml; `lifetime` may shorten the lease, never lengthen it.
        Raises `ConfigError` (with every problem of the file) and `UsageError`.
        """
        spec = load(Path(path))
        chosen = site or os.environ.get("CHI_LAB_SITE") or spec.site
        spec = replace(spec, site=chosen)
        if lifetime is not None:
            spec = shortened(spec, lifetime)

        def connect_now() -> Site:
            from chi_helpers.sites import connect

            return connect(chosen, cloud=cloud, project=spec.project)

        named = bool(owner or os.environ.get("CHI_LAB_OWNER"))
        return cls(spec, owner_name(owner, os.environ), connect_now, progress or Silent(), on_behalf=named)

    @cached_property
    def site(self) -> Site:
        """The site, logged in to at first use."""
        return self.connect()

    @cached_property
    def folder(self) -> Path:
        """Where the kit remembers this lab: journal, lock, host keys."""
        return lab_folder(self.spec.lab, self.owner, self.spec.site, start=self.spec.source.resolve().parent)

    @property
    def lease_name(self) -> str:
        return self.spec.lease_name(self.owner)

    def reserve(self) -> Any:
        """Reserve: return python-chi's `Lease`, active, or waiting for its start where that is later."""
        self._require(self._bring_up(Stage.DELETE, Stage.RESERVE), waiting=True)
        alive = [lease for lease in self._look().leases if lease.name == self.lease_name and not lease.over]
        if not alive:
            raise LeftoverError("The lease is gone again.", do="Look with `lab.status()`.")
        return self.site.chi_lease(alive[0].id)

    def launch(self) -> dict[str, Any]:
        """Launch what is not there yet: return python-chi's `Server` of every node, by the node's name."""
        self._require(self._bring_up(Stage.DELETE, Stage.RESERVE, Stage.LAUNCH))
        images = {node.key: node.image for node in self.spec.nodes}
        return {
            node: self.site.chi_server(instance, images[node], self.spec.network.shared)
            for node, instance in self._instances(self._look()).items()
        }

    def address(self) -> dict[str, str]:
        """Give each node that the file wants reachable its floating IP: return them by the node's name."""
        self._require(self._bring_up(*_UP[:4]))
        return {
            node: instance.floating_ips[0]
            for node, instance in self._instances(self._look()).items()
            if instance.floating_ips
        }

    def trust(self) -> Path:
        """Learn the nodes' SSH host keys from their consoles: return the lab's known_hosts file."""
        self._require(self._bring_up(*_UP))
        return self.folder / KNOWN_HOSTS

    def up(self) -> Report:
        """Bring the whole lab up: reserve, launch, address, trust, and provision where a node has a stack."""
        report = self._bring_up(*_UP)
        if report.ok and any(node.stack for node in self.spec.nodes):
            return replace(report, outcomes=(*report.outcomes, *self._provisioned()))
        return report

    def provision(self, *, check: bool = False) -> ProvisionReport:
        """Apply the Ansible roles that the file names; the second time nothing changes.

        `check` only says what would change. Raises `UsageError` where no node is reachable, and
        `ProvisionError` where Ansible itself did not work; a node that failed is in the report.
        """
        from chi_helpers.provision import provision
        from chi_helpers.provision.inventory import away

        reached = {login.node: login for login in self.logins()}
        known = self._instances(self._look(), active=False)

        def host(node: NodeSpec) -> Host:
            if node.key in reached:
                return reached[node.key].host(node.stack)
            addresses = known[node.key].addresses if node.key in known else ()
            return away(node.key, node.stack, next(iter(addresses), ""))

        hosts = [host(node) for node in self.spec.nodes]
        deadline = self.status().deadline
        if deadline is None:
            raise UsageError(f"The lease {self.lease_name} is not active.", do="Run `chi-lab up`.")
        with self._at_work("provision") as executor:
            executor.journal.write("started", step="provision")
            report = provision(
                self.spec, self.owner, deadline, hosts, self.folder, self.progress, check=check
            )
            for done in report.outcomes:
                executor.journal.write(
                    "finished", step=done.step, result=str(done.result), detail=done.detail
                )
            return report

    def down(self) -> Report:
        """Give everything back, and look whether it is gone: `left` in the report says what is not."""
        from chi_helpers.provision.secrets import forget
        from chi_helpers.provision.unfinished import PREFIX, clear

        with self._at_work("down") as executor:
            plan = self._plan_down()
            report = executor.run(plan)
            self.progress.started("look again")
            remains = (*self._left(), *plan.left)
            executor.journal.write("proof", left=list(remains))
            detail = f"still there: {'; '.join(remains)}" if remains else "nothing is left"
            outcome = Outcome("look again", Result.FAILED if remains else Result.DONE, detail)
            if not remains:
                clear(self.folder, PREFIX)
                forget(self.folder)
            self.progress.finished(outcome)
            return replace(report, outcomes=(*report.outcomes, outcome), left=remains, proved=True)

    def status(self) -> LabStatus:
        """Look how the lab stands: lease, nodes, time left, and what outlived the lease."""
        return status_of(self.spec, self.owner, self._look(), site=self.site.name)

    def check(self) -> tuple[Outcome, ...]:
        """Look, before anything is made, whether the lab would run; say what to do about each problem."""
        images = [node.image for node in self.spec.nodes]
        facts = self.site.facts(images, node_types=any(node.node_type for node in self.spec.nodes))
        try:
            pair = self.site.keypair()
            key = key_pair(pair, self.site.keypair_at_site(pair.name))
        except UsageError as error:
            key = Outcome("key pair", Result.REFUSED, str(error))
        snapshot = self._look()
        found = preflight(self.spec, self.owner, self.site.name, facts, snapshot)
        volumes = refusals.boot_volumes_told(self.spec, self.owner, self.site, snapshot)
        return (*found, *volumes, key, *refusals.stacks_told(self.spec))

    def plan(self) -> Plan:
        """The steps that `up` would take now; nothing is done."""
        if self.spec.launch == "terraform":
            from chi_helpers.provision.terraform import program

            program()  # refuse before a lease is made
        refusals.stacks(self.spec)
        snapshot = self._look()
        refusals.boot_volumes(self.spec, self.owner, self.site, snapshot)
        return plan_up(
            self.spec,
            self.owner,
            snapshot,
            site=self.site.name,
            flavors={name: flavor.id for name, flavor in self.site.flavors().items()},
            images=self.site.images(node.image for node in self.spec.nodes),
            networks=self.site.networks(),
            key=self.site.keypair(),
            now=snapshot.at,
        )

    def logins(self) -> tuple[Login, ...]:
        """How to log in to the nodes that are reachable. Raises `UsageError` where none is.

        One without a floating IP is reached through one that has it.
        """
        found = logins(
            self._instances(self._look()),
            private_key=self.site.keypair().private_key,
            known_hosts=self.folder / KNOWN_HOSTS,
            jump=self.spec.jump,
        )
        if not found:
            raise UsageError(
                f"No node of {self.lease_name} is reachable.", do="Bring the lab up with `chi-lab up`."
            )
        return found

    def _provisioned(self) -> tuple[Outcome, ...]:
        try:
            outcomes = self.provision().outcomes
        except LabKitError as error:
            failed = Outcome("provision", Result.FAILED, str(error))
            self.progress.finished(failed)
            return (failed,)
        # A node that Ansible did not come to is not provisioned.
        return tuple(replace(o, result=Result.FAILED) if o.result is Result.SKIPPED else o for o in outcomes)

    def _left(self) -> tuple[str, ...]:
        found = left(self.spec.lab, self.owner, self.lease_name, self._look(), on_behalf=self.on_behalf)
        if not self._terraformed:
            return found
        parts = self.site.parts(self.spec.lab, self.owner)
        return (*found, *(f"{part.kind} {part.name}" for part in deletable(parts)))

    def _plan_down(self) -> Plan:
        snapshot = self._look()
        plan = plan_down(
            self.spec.lab,
            self.owner,
            self.lease_name,
            snapshot,
            site=self.site.name,
            now=snapshot.at,
            on_behalf=self.on_behalf,
        )
        if not self._terraformed:
            return plan
        return with_terraform(plan, self.site.parts(self.spec.lab, self.owner))

    @property
    def _terraformed(self) -> bool:
        """Whether Terraform has a part in the lab, or had: the file may have been changed since."""
        from chi_helpers.provision.terraform import state_file

        return self.spec.launch == "terraform" or state_file(self.folder).exists()

    def _bring_up(self, *stages: Stage) -> Report:
        with self._at_work("up") as executor:
            plan = self.plan()
            return executor.run(plan, plan.of(*stages))

    @contextmanager
    def _at_work(self, what: str) -> Iterator[Executor]:
        site = self.site
        with held(self.folder, what), opened(self.folder) as journal:
            yield Executor(site, self.folder, journal, self.progress)

    def _require(self, report: Report, *, waiting: bool = False) -> None:
        """Turn what failed into an exception, for callers that want a result and not a report."""
        for outcome in report.outcomes:
            if not outcome.ok:
                kind = RefusedError if outcome.result is Result.REFUSED else LabKitError
                raise kind(f"{outcome.step}: {outcome.detail}", request_id=outcome.request_id)
        if report.waits and not waiting:
            skipped = next(o.detail for o in report.outcomes if o.result is Result.SKIPPED)
            raise LabKitError(skipped)

    def _look(self) -> Snapshot:
        names = {self.lease_name, *(self.spec.instance_name(n, self.owner) for n in self.spec.nodes)}
        return self.site.snapshot(self.spec.lab, self.owner, names)

    def _instances(self, snapshot: Snapshot, *, active: bool = True) -> dict[str, InstanceView]:
        ours = snapshot.stamped(self.spec.lab, self.owner).instances
        found = {
            i.stamp.node: i for i in ours if i.stamp is not None and (not active or i.status == "ACTIVE")
        }
        return {node.key: found[node.key] for node in self.spec.nodes if node.key in found}


def shortened(spec: LabSpec, lifetime: timedelta) -> LabSpec:
    """The same lab with a shorter life. Raises `UsageError` where it would be longer, or too short."""
    if lifetime > spec.lifetime.max:
        raise UsageError(
            f"--lifetime {span(lifetime)} is above the {span(spec.lifetime.max)} of lifetime.max.",
            do="It may only shorten a lab's life; the file sets the limit.",
        )
    if lifetime < SHORTEST:
        raise UsageError(f"--lifetime {span(lifetime)} is too short.", do=f"At least {span(SHORTEST)}.")
    duration = min(spec.lease.duration, lifetime)
    return replace(
        spec,
        lease=replace(spec.lease, duration=duration),
        lifetime=replace(spec.lifetime, max=lifetime),
    )
