"""A contestant: openstacksdk's `project_cleanup`, one project after the other.

    python -m benchmarks.reaper.cleanup filters|callback CUTOFF LAB SPARED CLOUD...

`filters`: what `openstack project cleanup --created-before` does. `callback`: the same rule as the loop's, as
`resource_evaluation_fn`, and no filters, because with filters it never lets go of a floating IP on a port.
Its limit of 120 s for each service is raised, so that it can come to its end.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import openstack

from benchmarks.reaper.rule import Rule

_SECONDS = 3600


def main() -> None:
    mode, cutoff, lab, spared, *clouds = sys.argv[1:]
    logging.basicConfig(level=logging.ERROR)

    rule = Rule.told(cutoff, lab, spared)

    def goes(thing: Any, _filters: Any, _identified: Any) -> bool:
        return rule.goes(thing)

    how = {"filters": {"created_at": cutoff}} if mode == "filters" else {"resource_evaluation_fn": goes}
    for cloud in clouds:
        connection = openstack.connect(cloud=cloud)
        connection.project_cleanup(dry_run=False, wait_timeout=_SECONDS, **how)


if __name__ == "__main__":
    main()
