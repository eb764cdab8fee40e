"""What nova.conf and neutron.conf must hold for the machines of a site, and how Nova finds the driver."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from chi_helpers.sandbox.machines import nft

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["podman", "none"]
Value = str | int | bool | Sequence[str]
"""A sequence is an option that is given several times, once for each."""

_DRIVERS: Mapping[Kind, tuple[str, str]] = {
    "podman": ("podman_driver", "PodmanDriver"),
    "none": ("bare_driver", "BareDriver"),
}


def register_driver(kind: Kind) -> None:
    """Make the driver importable where Nova looks; call it in nova's process before computes start.

    Nova imports drivers from below `nova.virt.` only (nova/virt/driver.py: load_compute_driver).
    """
    name, _ = _DRIVERS[kind]
    module = importlib.import_module(f"chi_helpers.sandbox.machines.{name}")
    sys.modules[f"nova.virt.chi_{name}"] = module


def vendor_data(folder: Path) -> Path:
    """Where a site keeps its vendor data; `vendordata.write` writes it at every `up`."""
    return folder / "vendordata.json"


def nova(
    kind: Kind, *, label: str, image: str, podman_args: Sequence[str], folder: Path
) -> dict[str, dict[str, Value]]:
    """Return what belongs into nova.conf.

    `label` marks the site's containers, `image` is the node image (`image.ensure`), `podman_args` is
    what the probe found, `folder` holds the site's state.
    """
    name, driver = _DRIVERS[kind]
    common: dict[str, Value] = {"compute_driver": f"chi_{name}.{driver}"}
    if kind == "none":
        return {"DEFAULT": common}
    return {
        "DEFAULT": {
            **common,
            "force_config_drive": "true",
            # After a reboot of this machine, or `down` and `up`, what ran shall run again.
            "resume_guests_state_on_host_boot": "true",
            # Guests have this many seconds to shut down when they are stopped.
            "shutdown_timeout": "20",
            "sync_power_state_interval": "600",
        },
        "api": {
            "vendordata_providers": "StaticJSON",
            "vendordata_jsonfile_path": str(vendor_data(folder)),
        },
        "podman": {"site": label, "image": image, "podman_args": ",".join(podman_args)},
    }


def neutron(kind: Kind, *, label: str, floating_range: tuple[str, str]) -> dict[str, dict[str, Value]]:
    """Return what belongs into neutron.conf, beside the core plugin.

    `floating_range` is the first and the last address that can become a floating IP: what is closed
    there is refused. It must not hold the address of the API.
    """
    plugins = ["chi_sandbox_router", *(["chi_sandbox_floating"] if kind == "podman" else [])]
    found: dict[str, dict[str, Value]] = {
        "DEFAULT": {"service_plugins": ",".join(plugins)},
        "ml2": {"mechanism_drivers": "chi_sandbox"},
    }
    if kind == "podman":
        found["floating"] = {"table": nft.table_name(label), "ranges": "-".join(floating_range)}
    return found
