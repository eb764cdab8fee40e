"""What the reaper remembers from run to run. Everything here is about one project at one site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.model.reaping import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chi_helpers.model.inventory import Inventory, Resource
    from chi_helpers.model.reaping import Verdict


def known_since(memory: Memory, resource: Resource) -> datetime | None:
    """Since when this thing is known; None: it is new, or it cannot be told from another of the same name.

    Object containers and key pairs have no other id than their name: what was made after it was "first seen"
    is another one.
    """
    if resource.created is None:
        return None
    return _since(memory, resource)


def _since(memory: Memory, resource: Resource) -> datetime | None:
    since = memory.first_seen.get(resource.ref)
    renewed = since is not None and resource.created is not None and resource.created > since
    return None if renewed else since


def remember(memory: Memory, inventory: Inventory, now: datetime) -> Memory:
    """Take in what was seen at `now`; forget what is gone, where its kind was listed completely.

    `memory` must be of this project alone: what another project has would be forgotten here.
    """
    present = {resource.ref: resource for resource in inventory.resources}
    first_seen = {ref: at for ref, at in memory.first_seen.items() if not inventory.complete(ref.kind)}
    for ref, resource in present.items():
        first_seen[ref] = _since(memory, resource) or now
    told = {
        ref: deadline
        for ref, deadline in memory.warned.items()
        if ref in present or not inventory.complete(ref.kind)
    }
    return Memory(first_seen, told)


def warned(memory: Memory, verdicts: Iterable[Verdict]) -> Memory:
    """Note that these verdicts' owners were told of their deadlines, and that the message was delivered."""
    told = {verdict.ref: verdict.deadline for verdict in verdicts if verdict.deadline is not None}
    return Memory(memory.first_seen, {**memory.warned, **told})
