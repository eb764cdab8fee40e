"""The preflight's rules: would the lab run, and if not, what is to be done? Pure; all problems at once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.plan import fit
from chi_helpers.plan.unbuilt import unbuilt
from chi_helpers.policy.clock import describe
from chi_helpers.policy.lifetime import Refusal, lease_window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chi_helpers.model.facts import SiteFacts
    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.resources import Snapshot
    from chi_helpers.model.wants import KeyPair

SKEW = timedelta(seconds=30)
"""A clock that is further off than this makes wrong deadlines."""


def preflight(
    spec: LabSpec, owner: str, site: str, facts: SiteFacts, snapshot: Snapshot
) -> tuple[Outcome, ...]:
    """Check what the lab needs against what the site said. Key pairs are checked by who can read files."""
    checks = (
        *_file(spec),
        _credentials(spec, facts),
        _clock(facts),
        _window(spec, owner, facts, snapshot),
        *_resources(spec, site, facts),
        *_images(spec, site, facts),
        *_quota(spec, owner, facts, snapshot),
    )
    return tuple(checks)


def _file(spec: LabSpec) -> Iterator[Outcome]:
    if reason := unbuilt(spec):
        yield _no("file", reason)


def _credentials(spec: LabSpec, facts: SiteFacts) -> Outcome:
    step = "credentials"
    if spec.project and spec.project not in (facts.project, facts.project_id):
        return _no(
            step,
            f"{facts.source} are for project {facts.project}, and the file says {spec.project}. "
            "Choose a cloud of that project with OS_CLOUD, or take `project` out of the file.",
        )
    if facts.restricted:
        return _no(
            step,
            "This application credential is restricted, so it cannot make leases. Make one that is not: "
            "`openstack application credential create --unrestricted NAME`, or tick *Unrestricted* in the "
            "site's dashboard.",
        )
    return _yes(step, f"{facts.user} in project {facts.project}, from {facts.source}")


def _clock(facts: SiteFacts) -> Outcome:
    seconds = facts.skew.total_seconds()
    if abs(facts.skew) > SKEW:
        way = "ahead of" if seconds > 0 else "behind"
        return _no(
            "clock",
            f"This clock is {abs(seconds):.0f} s {way} the site's. Set it, with `timedatectl set-ntp true`.",
        )
    return _yes("clock", f"{abs(seconds):.0f} s off the site's")


def _window(spec: LabSpec, owner: str, facts: SiteFacts, snapshot: Snapshot) -> Outcome:
    now = snapshot.at
    lease = next(iter(fit.usable(spec.lease_name(owner), snapshot)), None)
    if lease is not None and snapshot.is_anothers(lease):
        return _no("time", f"The lease {lease.name} ({lease.id}) is another user's ({lease.user_id}).")
    if lease is not None and all(node.flavor in facts.flavors for node in spec.nodes if node.flavor):
        # `up` keeps a lease that serves, and refuses beside one that does not.
        wants = fit.wanted(spec, {name: flavor.id for name, flavor in facts.flavors.items()})
        if reason := fit.misfit(spec, lease, wants, now):
            return _no(
                "time", f"A lease {lease.name} is there already, and {reason}. `chi-lab down` ends it."
            )
        start = "now" if lease.start <= now else describe(lease.start, spec.timezone, now=now)
        until = describe(lease.end, spec.timezone, now=now)
        return _yes("time", f"{start} until {until}, by the lease that is there")
    window = lease_window(spec, now)
    if isinstance(window, Refusal):
        return _no("time", f"{window.reason} {window.do}")
    start = "now" if window.immediate else describe(window.start, spec.timezone, now=now)
    notes = "".join(f" {note}" for note in window.notes)
    return _yes("time", f"{start} until {describe(window.end, spec.timezone, now=now)}{notes}")


def _resources(spec: LabSpec, site: str, facts: SiteFacts) -> Iterator[Outcome]:
    for flavor in sorted({n.flavor for n in spec.nodes if n.flavor}):
        step = f"flavor {flavor}"
        if flavor in facts.flavors:
            found = facts.flavors[flavor]
            yield _yes(step, f"{found.vcpus} VCPU, {found.ram} MiB, {found.disk} GiB")
        else:
            yield _no(step, f"{site} does not have it. It has {', '.join(sorted(facts.flavors))}.")
    for node_type in sorted({n.node_type for n in spec.nodes if n.node_type}):
        step = f"node type {node_type}"
        if facts.node_types is None:
            yield Outcome(step, Result.SKIPPED, "the site does not show its hosts")
        elif node_type in facts.node_types:
            yield _yes(step)
        else:
            known = ", ".join(sorted(facts.node_types)) or "none"
            yield _no(step, f"{site} does not have it. Its node types: {known}.")
    step = f"network {spec.network.shared}"
    if spec.network.shared in facts.networks:
        yield _yes(step)
    else:
        yield _no(step, f"{site} does not have it. It has {', '.join(sorted(facts.networks))}.")


def _images(spec: LabSpec, site: str, facts: SiteFacts) -> Iterator[Outcome]:
    for image in sorted({n.image for n in spec.nodes}):
        count = facts.images.get(image, 0)
        step = f"image {image}"
        if count == 1:
            yield _yes(step)
        elif count == 0:
            yield _no(step, f"{site} does not have it. `openstack image list` names those that are there.")
        else:
            yield _no(step, f"{site} has {count} of that name; python-chi then uses none of them.")


def _quota(spec: LabSpec, owner: str, facts: SiteFacts, snapshot: Snapshot) -> Iterator[Outcome]:
    """Count only what is still to be made: what the lab already has, it keeps."""
    mine = snapshot.stamped(spec.lab, owner)
    there = {i.stamp.node for i in mine.instances if i.stamp is not None}
    absent = [node for node in spec.nodes if node.key not in there]
    sizes = [facts.flavors[n.flavor] for n in absent if n.flavor and n.flavor in facts.flavors]
    need = Counter(
        {
            "instances": len(absent),
            "cores": sum(f.vcpus for f in sizes),
            "ram": sum(f.ram for f in sizes),
            "floatingip": max(0, sum(n.floating_ip for n in spec.nodes) - len(mine.floating_ips)),
            "security_group": max(0, len(spec.nodes) + spec.joined - len(mine.security_groups)),
        }
    )
    short = []
    for name, amount in need.items():
        quota = facts.quotas.get(name)
        free = None if quota is None else quota.free
        if free is not None and amount > free:
            short.append(f"{name}: {amount} needed, {free} of {quota.limit if quota else 0} free")
    if short:
        yield _no("quota", f"{'; '.join(short)}. Delete what is not needed, or ask the instructor for more.")
    elif facts.quotas:
        yield _yes("quota")
    else:
        yield Outcome("quota", Result.SKIPPED, "the site does not tell")


def key_pair(pair: KeyPair, held: str | None) -> Outcome:
    """Compare this machine's key pair with the public key that the site holds under its name, if any."""
    step = "key pair"
    if held is None:
        return _yes(step, f"{pair.private_key}; `up` uploads it as {pair.name}")
    # Comments aside, an OpenSSH public key is its type and its base64.
    if held.split()[:2] != pair.public_key.split()[:2]:
        return _no(
            step,
            f"{pair.name} at the site is another key than {pair.private_key}. Set OS_KEYPAIR_NAME to a new "
            "name, or OS_KEYPAIR_PRIVATE_KEY to the key that belongs to it.",
        )
    return _yes(step, f"{pair.name}, {pair.private_key}")


def _yes(step: str, detail: str = "") -> Outcome:
    return Outcome(step, Result.DONE, detail)


def _no(step: str, detail: str) -> Outcome:
    return Outcome(step, Result.REFUSED, detail)
