"""What speaks against the boot volumes of a lab's file, said before anything is reserved. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chi_helpers.plan.nodes import GOING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from chi_helpers.model.lab import LabSpec, NodeSpec
    from chi_helpers.model.resources import Snapshot
    from chi_helpers.model.volumes import VolumeView

_AGAIN = (
    "Change the file back, or run `chi-lab down`, which ends what is there with all that is on it, and then "
    "`chi-lab up`."
)


def problems(
    spec: LabSpec,
    owner: str,
    site: str,
    snapshot: Snapshot,
    volumes: Collection[VolumeView] | None,
    disks: Mapping[str, int],
) -> Iterator[str]:
    """Every reason why the lab cannot have the boot volumes that its file asks for, with what to do.

    `volumes` are the lab's at the site, None where it has no block storage; `disks` are the GiB that each
    image needs.
    """
    wanted = [node for node in spec.nodes if node.boot_volume is not None]
    if volumes is None:
        if wanted:
            names = ", ".join(node.key for node in wanted)
            yield (
                f"{site} has no block storage, and so no volume that {names} could boot from. Take "
                "boot_volume out of the file, or choose another site."
            )
        return
    sizes = {volume.node: volume.size for volume in volumes}
    for node in wanted:
        needed = disks.get(node.image, 0)
        # A volume that is there keeps the image that it was made from.
        if node.key not in sizes and (node.boot_volume or 0) < needed:
            yield (
                f"boot_volume of {node.key} is {node.boot_volume} GiB, and the image {node.image} needs "
                f"{needed}. Write at least {needed}."
            )
    running = {
        instance.stamp.node
        for instance in snapshot.stamped(spec.lab, owner).instances
        # `up` deletes one in ERROR, and makes it anew.
        if instance.stamp is not None and instance.status not in GOING | {"ERROR"}
    }
    for node in spec.nodes:
        yield from _change(node, sizes.get(node.key), runs=node.key in running)


def _change(node: NodeSpec, there: int | None, *, runs: bool) -> Iterator[str]:
    """What a node boots from cannot change under it, and a volume cannot shrink."""
    asked = node.boot_volume
    if asked == there or (not runs and (there is None or (asked is not None and asked > there))):
        return
    now = "its flavor's disk" if there is None else f"a volume of {there} GiB"
    wish = "no boot_volume" if asked is None else f"boot_volume: {asked}"
    left = "boots from" if runs else "would boot from what is left of it,"
    yield f"The file says {wish} for {node.key}, which {left} {now}. {_AGAIN}"
