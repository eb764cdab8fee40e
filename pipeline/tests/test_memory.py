"""No stage needs more memory for more rows: the peak of a process of its own, at two sizes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import ENVIRONMENT, PROJECT

SMALL, LARGE, CHUNK = 200_000, 800_000, 20_000

MOST = 25
"""MB that four times the rows may add. In memory the 600,000 rows more would be 60 to 150 MB."""


def peak(folder, *arguments):
    """Peak memory (MB) of one stage."""
    command = [sys.executable, "-m", "groceries", *map(str, arguments), "--chunk", str(CHUNK)]
    # Without glibc's arenas and with freed memory given back at once, what is left is what is held.
    environment = {**ENVIRONMENT, "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, folder
    return usage.ru_maxrss / 1024


def stages(folder, rows):
    """The peak of each stage. What is ingested as Parquet is a table of that."""
    raw, table, report, verdict = (
        folder / name for name in ("raw.csv", "orders.parquet", "ingest.json", "validation.json")
    )
    features, model = folder / "features.parquet", folder / "fixed"
    found = {
        "generate": peak(folder, "generate", "--rows", rows, "--out", raw),
        "ingest": peak(folder, "ingest", raw, "--out", table, "--report", report),
        "ingest Parquet": peak(
            folder, "ingest", table, "--out", folder / "again.parquet", "--report", folder / "r"
        ),
        "validate": peak(folder, "validate", "--orders", table, "--ingested", report, "--report", verdict),
        "features": peak(folder, "features", "--orders", table, "--validation", verdict, "--out", features),
    }
    peak(folder, "train", "fixed", "--features", features, "--out", model)
    outputs = ("--metrics", folder / "metrics.json", "--out", folder / "evaluation.json")
    return found | {"evaluate": peak(folder, "evaluate", model, "--features", features, *outputs)}


@pytest.mark.slow
def test_the_peak_does_not_grow_with_the_rows(tmp_path):
    """Measured: 15 MB more for ingest from CSV, of which Arrow reads ahead; at most 8 MB for the others."""
    small, large = stages(tmp_path, SMALL), stages(tmp_path, LARGE)
    grown = {name: round(large[name] - small[name]) for name in small}
    assert max(grown.values()) <= MOST, (grown, small)
