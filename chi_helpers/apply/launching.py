"""Instances by Terraform: what it is given, and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.plan.fit import serves
from chi_helpers.provision import terraform_state
from chi_helpers.provision.terraform import Terraform, state_file
from chi_helpers.provision.terraform_adopt import imports, of_node
from chi_helpers.sites.waiting import ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from chi_helpers.model.resources import LeaseView
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.plan.steps import ApplyTerraform, Plan
    from chi_helpers.sites.protocol import Site


VOLUME_TIMEOUT = 1800.0
"""Seconds; a large image takes its time to become a volume, where the site has to convert it."""


@dataclass(frozen=True, slots=True)
class Launched:
    changed: int
    instances: dict[str, str]
    """Node -> instance."""
    addresses: dict[str, str]
    """Node -> floating IP."""


def apply(
    site: Site,
    folder: Path,
    step: ApplyTerraform,
    lease: LeaseView,
    stamp: Stamp,
    key_name: str,
    note: Callable[[str], None],
) -> Launched:
    """Let Terraform make what `step` says; what is there and not in its state is adopted, not made twice.

    Raises `UsageError`, `SiteError` and `TerraformError`.
    """
    state = state_file(folder)
    terraform_state.require_own(state, stamp.lab, stamp.owner)
    booted = {node.key for node in step.nodes if node.boot_volume is not None}
    if booted:
        _settle(site, state, stamp, booted, note)
    adopted = imports(
        site.parts(stamp.lab, stamp.owner),
        terraform_state.addresses(state),
        {node.key: node.ports for node in step.nodes},
        {node.key for node in step.nodes if node.floating_ip},
        booted,
        private=step.private is not None,
    )
    runner = Terraform(folder, site.environment(), note)
    changed, nodes = runner.apply(_variables(step, lease, stamp, key_name), adopted)
    return Launched(
        changed,
        {key: str(node["instance_id"]) for key, node in nodes.items()},
        {key: str(node["floating_ip"]) for key, node in nodes.items() if node["floating_ip"]},
    )


def destroy(site: Site, folder: Path, plan: Plan, note: Callable[[str], None]) -> int:
    """Let Terraform delete what its state knows: return how many things went."""
    terraform_state.require_own(state_file(folder), plan.lab, plan.owner)
    return Terraform(folder, site.environment(), note).destroy()


def _settle(
    site: Site, state: Path, stamp: Stamp, booted: Collection[str], note: Callable[[str], None]
) -> None:
    """Wait until Cinder is done with what a run that was killed asked it for: Nova boots from nothing else.

    `booted` are the nodes that boot from a volume; others' are no matter. Raises `SiteError`; and
    `RefusedError` for a broken one that Terraform's state does not know: only what is in it is replaced.
    """
    for _ in ticks(VOLUME_TIMEOUT):
        there = site.volumes(stamp.lab, stamp.owner) or ()
        found = [volume for volume in there if volume.node in booted]
        if not (busy := [volume for volume in found if volume.settling]):
            break
        note(f"the volume {busy[0].name} is {busy[0].status}")
    else:
        volume = busy[0]
        raise SiteError(
            f"The volume {volume.name} ({volume.id}) is still {volume.status} after {VOLUME_TIMEOUT:.0f} s.",
            do="Run `chi-lab up` again.",
        )
    known = terraform_state.addresses(state)
    for volume in found:
        if volume.broken and of_node("volume", volume.node) not in known:
            raise RefusedError(
                f"The volume {volume.name} ({volume.id}) is {volume.status}.",
                do=f"Delete it, unless something on it is needed: `openstack volume delete {volume.id}`. "
                "Then run `chi-lab up` again.",
            )


def _variables(step: ApplyTerraform, lease: LeaseView, stamp: Stamp, key_name: str) -> dict[str, Any]:
    nodes = {}
    for node in step.nodes:
        found = next((r for r in lease.reservations if serves(r, node.reserved)), None)
        if found is None:
            raise RefusedError(f"The lease holds no reservation of {node.reserved.label}.")
        # Blazar's flavor of a reservation has the reservation's own id.
        how = "reservation_id" if node.reserved.flavor_id is None else "flavor_id"
        nodes[node.key] = {
            "name": node.name,
            "image": node.image,
            "floating_ip": node.floating_ip,
            "ports": list(node.ports),
            "boot_volume": node.boot_volume,
            how: found.id,
        }
    metadata = stamp.metadata()
    return {
        "name": step.name,
        "nodes": nodes,
        "stamp": {"owner": stamp.owner, "lab": stamp.lab, "delete_at": metadata["delete_at"]},
        "key_name": key_name,
        "shared_network": step.shared,
        "private_network": step.private,
    }
