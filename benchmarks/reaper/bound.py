"""The least number of calls that can do it, and be sure.

For each project: a page of every kind that is listed, one call for each deletion (a subnet goes with its
network), one for each router interface that is taken off, and one confirming listing. Tokens and the
discovery of the services are left out, so that the bound is below what any real client needs.
"""

from __future__ import annotations

from math import ceil

from benchmarks.reaper.scene import Scene

LISTED = (
    "lease", "instance", "floating IP", "port", "image", "network", "subnet", "router", "security group",
    "key pair", "volume", "volume snapshot", "object container",
)  # fmt: skip
"""The kinds that the sandbox has a service for."""
_PAGE = 1000
"""Nova's and Glance's `max_limit`; Neutron and Blazar give all at once."""
_CALLS = ("instance", "floating IP", "port", "router", "network", "security group", "router interface")


def calls(scene: Scene) -> int:
    found = 0
    for project, go in scene.go.items():
        stay = scene.stay[project]
        pages = sum(max(1, ceil((len(go.get(k, ())) + len(stay.get(k, ()))) / _PAGE)) for k in LISTED)
        confirming = sum(max(1, ceil(len(stay.get(k, ())) / _PAGE)) for k in LISTED)
        found += pages + confirming + sum(len(go.get(k, ())) for k in _CALLS)
    return found
