"""Labs as values, for tests of planning."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from chi_helpers.model.lab import LabSpec, LeaseSpec, Lifetime, NodeSpec

IMAGE = "CC-Ubuntu24.04"
SIX = timedelta(hours=6)


def lab(*nodes: NodeSpec, **changes: Any) -> LabSpec:
    """`hello` for six hours; one m1.small with a floating IP unless `nodes` say otherwise."""
    spec = LabSpec(
        lab="hello",
        site="CHI@Fake",
        lifetime=Lifetime(SIX, (timedelta(hours=1),)),
        lease=LeaseSpec(SIX),
        nodes=nodes or (node(),),
        timezone=ZoneInfo("America/Chicago"),
        source=Path("reservation.yaml"),
    )
    return replace(spec, **changes)


def node(key: str = "node1", **changes: Any) -> NodeSpec:
    return replace(NodeSpec(key, IMAGE, flavor="m1.small", floating_ip=True), **changes)
