"""The services' configuration files, written from a sandbox's description.

Each service has a module with one function that returns its files as values. The settings are
the ones that were found to be needed; the comment beside each says what goes wrong without it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from chi_helpers.sandbox.conf import compute, identity, image, network, objects, reservation, volume
from chi_helpers.sandbox.conf.ini import distributed, render
from chi_helpers.sandbox.description import Description, write_private

_OPTIONAL = {"volumes": volume, "objects": objects}


def write_all(site: Description) -> None:
    """Write every service's configuration under `<folder>/etc`, 0600: they hold passwords."""
    etc = site.folder / "etc"
    modules = [identity, compute, image, network, reservation]
    modules += [_OPTIONAL[extra] for extra in site.extras]
    for module in modules:
        for name, sections in module.files(site).items():
            path = etc / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, sections if isinstance(sections, str) else render(sections))
    # nova-api looks for this file beside nova.conf only, whatever [wsgi]api_paste_config says.
    shutil.copyfile(distributed("nova", "api-paste.ini"), etc / "nova" / "api-paste.ini")
    for folder in ("images", "glance/staging", "glance/tasks", "nova", "neutron", "instances", "lock", "log"):
        (site.folder / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    _compute_id(site.folder / "nova" / "compute_id", site.site_id)


def _compute_id(path: Path, site_id: str) -> None:
    """From its second start on, nova-compute refuses to run without this file (nova/virt/node.py)."""
    if not path.exists():
        write_private(path, site_id)
