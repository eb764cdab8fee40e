"""Lab files for tests: the top-level hello-chameleon lab, with what a test changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def lab_text(region: str, **changes: Any) -> str:
    """A one-node lab of the smallest flavor at `region`; `changes` replace top-level keys (None removes)."""
    lab: dict[str, Any] = {
        "version": 1,
        "lab": "hello_chameleon",
        "site": region,
        "lifetime": {"max": "6h", "warn": ["1h", "15m"]},
        "lease": {"start": "now", "duration": "6h"},
        "timezone": "America/New_York",
        "nodes": {"node1": node()},
    }
    lab |= changes
    return yaml.safe_dump({k: v for k, v in lab.items() if v is not None}, sort_keys=False)


def node(**changes: Any) -> dict[str, Any]:
    """One node of a lab file: m1.tiny, with a floating IP and SSH, nothing to provision."""
    return {
        "flavor": "m1.tiny",
        "image": "CC-Ubuntu24.04",
        "floating_ip": True,
        "ports": [22],
        "stack": [],
        **changes,
    }


def write_lab(path: Path, region: str, **changes: Any) -> Path:
    """Write `lab_text` to `path`; returns it."""
    path.write_text(lab_text(region, **changes))
    return path
