"""Rows per second and peak memory of every stage, each in a process of its own.

    python benchmarks/stages.py --folder /tmp/bench 100000 1000000 10000000

Writes a Markdown table to stdout as it goes. 10^7 rows need 4 GB of disk.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
MODELS = ("fixed", "linear", "boosting")


def measured(*arguments: str | Path, before: tuple[str | Path, ...] = ()) -> tuple[float, float, float]:
    """Seconds, those of a processor, and peak memory (MB) of one stage. `before` goes before its name."""
    command = [sys.executable, "-m", "groceries", *map(str, (*before, *arguments))]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def stages(folder: Path, rows: int) -> None:
    """Run and tell every stage at one size."""
    folder.mkdir(parents=True, exist_ok=True)
    raw, orders, features = (folder / f"{name}.parquet" for name in ("raw", "orders", "features"))
    reports = {
        name: folder / f"{name}.json" for name in ("ingest", "validation", "metrics", "evaluation", "gate")
    }
    models = [folder / name for name in MODELS]
    plan: list[tuple[str, tuple[str | Path, ...]]] = [
        ("generate", ("--rows", str(rows), "--out", raw)),
        ("ingest", (raw, "--out", orders, "--report", reports["ingest"])),
        (
            "validate",
            ("--orders", orders, "--ingested", reports["ingest"], "--report", reports["validation"]),
        ),
        ("features", ("--orders", orders, "--validation", reports["validation"], "--out", features)),
        *(("train", (name, "--features", features, "--out", folder / name)) for name in MODELS),
        (
            "evaluate",
            (
                *models,
                "--features",
                features,
                "--metrics",
                reports["metrics"],
                "--out",
                reports["evaluation"],
            ),
        ),
        ("gate", ("--evaluation", reports["evaluation"], "--out", reports["gate"])),
        (
            "package",
            (
                *(folder / "boosting", "--gate", reports["gate"], "--orders", orders),
                *("--features", features, "--out", folder / "package"),
            ),
        ),
    ]
    for stage, arguments in plan:
        name = f"train {arguments[0]}" if stage == "train" else stage
        seconds, busy, peak = measured(stage, *arguments)
        print(
            f"| {name} | {rows:,} | {seconds:.1f} | {busy:.1f} | {rows / seconds:,.0f} | {peak:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("rows", type=int, nargs="+")
    found = parser.parse_args()
    print(
        "| stage | rows | seconds | of a core | rows per second | peak, MB |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for rows in found.rows:
        stages(found.folder / str(rows), rows)


if __name__ == "__main__":
    main()
