"""What of a lab's file is refused before anything is reserved for it: by `up` at once, by `check` in a list.

What needs the site's facts alone is in `plan.preflight`; here is what also needs the kit's roles, or a look
at what the lab has already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.model.errors import UsageError
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.plan.bootvolumes import problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.resources import Snapshot
    from chi_helpers.sites.protocol import Site


def stacks(spec: LabSpec) -> None:
    """Raises `UsageError` for roles and options that do not exist."""
    named = {node.key: node.stack for node in spec.nodes if node.stack}
    if named or spec.options:
        from chi_helpers.provision.content import checked

        checked(spec, named)


def boot_volumes(spec: LabSpec, owner: str, site: Site, snapshot: Snapshot) -> None:
    """Raises `UsageError` for boot volumes that the site, or what the lab has already, does not allow."""
    if spec.launch != "terraform":
        return
    images = [node.image for node in spec.nodes if node.boot_volume]
    disks = site.disks(images) if images else {}
    if found := list(problems(spec, owner, site.name, snapshot, site.volumes(spec.lab, owner), disks)):
        raise UsageError(" ".join(found))


def stacks_told(spec: LabSpec) -> tuple[Outcome, ...]:
    """What `check` says of the stacks; nothing where there are none."""
    roles = sorted({role for node in spec.nodes for role in node.stack})
    return _told("stacks", lambda: stacks(spec), roles)


def boot_volumes_told(spec: LabSpec, owner: str, site: Site, snapshot: Snapshot) -> tuple[Outcome, ...]:
    """What `check` says of the boot volumes; nothing where there are none."""
    sizes = [f"{node.key} {node.boot_volume} GiB" for node in spec.nodes if node.boot_volume]
    return _told("boot volumes", lambda: boot_volumes(spec, owner, site, snapshot), sizes)


def _told(step: str, check: Callable[[], None], asked: list[str]) -> tuple[Outcome, ...]:
    try:
        check()
    except UsageError as error:
        return (Outcome(step, Result.REFUSED, str(error)),)
    return (Outcome(step, Result.DONE, ", ".join(asked)),) if asked else ()
