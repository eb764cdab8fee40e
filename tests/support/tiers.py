"""The parts of the nightly tier. `make test` runs every test that has no mark `nightly`."""

from __future__ import annotations

import pytest

PARTS = {
    "lab": "one lab's life at a real site: leases that end, several nodes, both notebooks, JupyterLab",
    "faults": "`up` and `down` killed at every step, and through lost, late and unwilling answers",
    "reaper": "the reaper killed, through storms, for several projects; 20,000 random steps; its how-to",
    "sandbox": "a sandbox's whole life, its crashes, its storage, other people's clients",
    "roles": "each Ansible role on a real node",
    "terraform": "Terraform with the real provider: twenty nodes, networks, volumes, kills, a class",
    "stack": "the whole stack on one node, with a stand-in GPU too",
    "cluster": "the stack over three nodes, with Ray",
    "pipeline": "the sample pipeline's own long tests, which its project marks `slow`",
}
"""Each part, and what it proves."""
OF_THE_KIT = tuple(part for part in PARTS if part != "pipeline")
"""The parts that a mark in `tests/` may name; the others are tests of another project."""


def check_parts(items: list[pytest.Item]) -> None:
    """Raise `pytest.UsageError` for a test that no part of the nightly tier would select, or more than one."""
    for item in items:
        marks = list(item.iter_markers("nightly"))
        named = [None if mark.args or len(mark.kwargs) != 1 else mark.kwargs.get("part") for mark in marks]
        if not all(part in OF_THE_KIT for part in named):
            raise pytest.UsageError(
                f"{item.nodeid}: pytest.mark.nightly(part=...) takes one of {', '.join(OF_THE_KIT)}"
            )
        if len(set(named)) > 1:
            raise pytest.UsageError(
                f"{item.nodeid} is in more than one nightly part: {', '.join(map(str, named))}"
            )
