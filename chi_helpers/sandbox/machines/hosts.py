"""The hosts that a site pretends to have, and what both drivers tell Nova about them."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "CHI_SANDBOX_HOSTS"
"""Names the JSON file: {host name: {"vcpus", "memory_mb", "local_gb", "resources": {}, "traits": []}}."""

UPTIME = " 00:00:00 up 1 day,  0:00,  0 users,  load average: 0.00, 0.00, 0.00"
"""Nova parses the output of uptime(1); hypervisor details fail for a driver that has none."""

_SIZES = ("vcpus", "memory_mb", "local_gb")


@dataclass(frozen=True, slots=True)
class Host:
    """One compute host: what Placement shall believe that it has."""

    name: str
    vcpus: int
    memory_mb: int
    local_gb: int
    resources: Mapping[str, int] = field(default_factory=dict)
    """Custom resource classes, for example {"CUSTOM_GPU_H100": 4}."""
    traits: tuple[str, ...] = ()

    def sizes(self) -> dict[str, int]:
        """Totals by resource class, standard and custom."""
        return {
            "VCPU": self.vcpus,
            "MEMORY_MB": self.memory_mb,
            "DISK_GB": self.local_gb,
            **self.resources,
        }


def load(path: Path) -> dict[str, Host]:
    """Read the hosts' file. Raises UsageError that names every problem in it."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"The hosts' file {path} cannot be read: {error}.") from error
    if not isinstance(content, dict) or not content:
        raise UsageError(f"The hosts' file {path} must hold an object with at least one host.")
    problems = [problem for name, entry in content.items() for problem in _problems(name, entry)]
    if problems:
        raise UsageError(f"The hosts' file {path} is wrong: {'; '.join(problems)}.")
    return {
        name: Host(
            name,
            vcpus=entry["vcpus"],
            memory_mb=entry["memory_mb"],
            local_gb=entry["local_gb"],
            resources=dict(entry.get("resources", {})),
            traits=tuple(entry.get("traits", ())),
        )
        for name, entry in content.items()
    }


def read() -> dict[str, Host]:
    """Read the file that `CHI_SANDBOX_HOSTS` names. Raises UsageError."""
    path = os.environ.get(VARIABLE)
    if not path:
        raise UsageError(f"{VARIABLE} is not set.", do="It names the file that describes the site's hosts.")
    return load(Path(path))


def _problems(name: str, entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [f"{name}: not an object"]
    unknown = sorted(set(entry) - {*_SIZES, "resources", "traits"})
    found = [f"{name}.{key}: unknown key" for key in unknown]
    found += [
        f"{name}.{size}: must be a positive whole number"
        for size in _SIZES
        if type(entry.get(size)) is not int or entry[size] < 1
    ]
    resources = entry.get("resources", {})
    if not isinstance(resources, dict):
        found.append(f"{name}.resources: not an object")
    else:
        found += [
            f"{name}.resources.{key}: must be CUSTOM_... with a positive whole number"
            for key, total in resources.items()
            if not key.startswith("CUSTOM_") or type(total) is not int or total < 1
        ]
    traits = entry.get("traits", [])
    if not isinstance(traits, list) or not all(str(trait).startswith("CUSTOM_") for trait in traits):
        found.append(f"{name}.traits: must be a list of CUSTOM_... names")
    return found


def node_uuid(site: uuid.UUID, nodename: str) -> str:
    """Return the node's UUID: the same for ever, as Nova demands. `site` is Nova's local node identity."""
    return str(uuid.uuid5(site, nodename))


def inventory(host: Host, ratios: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return the inventory for Placement, custom classes included.

    `ratios` are the allocation ratios by standard resource class; what is custom is never overcommitted.
    """
    return {
        resource_class: {
            "total": total,
            "min_unit": 1,
            "max_unit": total,
            "step_size": 1,
            "reserved": 0,
            "allocation_ratio": ratios.get(resource_class, 1.0),
        }
        for resource_class, total in host.sizes().items()
    }


def provide(provider_tree: Any, nodename: str, host: Host, ratios: Mapping[str, float]) -> None:
    """Write the host's inventory and traits into Nova's provider tree.

    Classes that others put there stay: Blazar adds one for each reservation.
    """
    present = dict(provider_tree.data(nodename).inventory)
    provider_tree.update_inventory(nodename, {**present, **inventory(host, ratios)})
    provider_tree.add_traits(nodename, *host.traits)


def cpu_info() -> str:
    """Return what Nova shows of a host's processors: JSON."""
    topology = {"cores": 1, "threads": 1, "sockets": 1}
    return json.dumps(
        {"arch": os.uname().machine, "model": "container", "vendor": "", "features": [], "topology": topology}
    )
