"""Run one task on one node of the cluster, as the user does: proof.py ADDRESS SECONDS.

ADDRESS is the node's own. Waits until the node has joined, and ends with 1 after SECONDS.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def joined(address: str) -> str | None:
    """The node's name in the cluster, or None as long as it is not there."""
    alive = (node for node in ray.nodes() if node["Alive"])
    return next((node["NodeID"] for node in alive if node["NodeManagerAddress"] == address), None)


def answer(left: float, right: float) -> float:
    """What the task computes, with a package that the whole lab has at one version."""
    import numpy as np

    return float(np.dot([left], [right]))


def main() -> int:
    address, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
    ray.init(logging_level=logging.ERROR, log_to_driver=False)
    while (name := joined(address)) is None:
        if time.monotonic() > end:
            print(f"{address} has not joined {ray.get_runtime_context().gcs_address}", file=sys.stderr)
            return 1
        time.sleep(1)
    there: Any = NodeAffinitySchedulingStrategy(name, soft=False)
    task = ray.remote(answer).options(scheduling_strategy=there, num_cpus=0)
    left, right = 6.0, 7.0
    found = ray.get(task.remote(left, right), timeout=max(10.0, end - time.monotonic()))
    return 0 if found == left * right else 1


if __name__ == "__main__":
    sys.exit(main())
