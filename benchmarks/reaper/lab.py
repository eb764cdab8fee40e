"""The kit's part: the lab's file, and the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.reaper.scene import LAB, PROJECTS, SPARED
from benchmarks.reaper.site import BenchSite

_FILE = """version: 1
lab: {lab}
site: {site}
timezone: UTC
lifetime: {{max: 6h}}
lease: {{start: now, duration: 6h}}
nodes:
  node1: {{flavor: m1.tiny, image: CC-Ubuntu24.04}}
spare:
  names: ['^{spared}$']
reap:
  limits: {{run: none, project: none, owner: none, share: none}}
"""


def command(state: Path) -> list[str]:
    """`chi-lab reap --yes` over the three projects; writes the file that it reads."""
    site = BenchSite(state).description.region
    path = state / "reservation.yaml"
    path.write_text(_FILE.format(lab=LAB, site=site, spared=SPARED))
    clouds = [word for name in PROJECTS for word in ("--cloud", name)]
    return [
        sys.executable,
        "-m",
        "chi_helpers",
        "reap",
        "--yes",
        "--timeout",
        "1h",
        "--file",
        str(path),
        *clouds,
    ]
