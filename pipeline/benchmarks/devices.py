"""The training stage on the processor and on the GPU, in turn, each time in a process of its own.

    python benchmarks/devices.py --folder /tmp/bench --times 3 1000000

Writes a Markdown table to stdout. Without a GPU that XGBoost can use it says why on stderr, and ends with 1.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path

from stages import PROJECT, measured

from groceries import device


def prepared(folder: Path, rows: int) -> Path:
    """Features of so many orders."""
    folder.mkdir(parents=True, exist_ok=True)
    raw, orders, features = (folder / f"{name}.parquet" for name in ("raw", "orders", "features"))
    ingested, verdict = folder / "ingest.json", folder / "validation.json"
    measured("generate", "--rows", str(rows), "--out", raw)
    measured("ingest", raw, "--out", orders, "--report", ingested)
    measured("validate", "--orders", orders, "--ingested", ingested, "--report", verdict)
    measured("features", "--orders", orders, "--validation", verdict, "--out", features)
    return features


def trained(features: Path, folder: Path, where: str, rows: int) -> float:
    """Seconds that the stage took. The model's card has to say that it was trained there."""
    text = (PROJECT / "params.yaml").read_text(encoding="utf-8")
    text = re.sub(r"device: auto", f"device: {where}", re.sub(r"max_rows: \d+", f"max_rows: {rows}", text))
    params, out = folder / f"{where}.yaml", folder / where
    params.write_text(text, encoding="utf-8")
    seconds, _, _ = measured(
        "train", "boosting", "--features", features, "--out", out, before=("--params", params)
    )
    assert json.loads((out / "model.json").read_text(encoding="utf-8"))["device"] == where
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("rows", type=int, nargs="+")
    asked = parser.parse_args()
    if (found := device.find()).device != "cuda":
        print(f"did not run: {found.reason}", file=sys.stderr)
        return 1
    print("| rows | processor, s | GPU, s | times as fast |\n|---|---|---|---|")
    for rows in asked.rows:
        folder = asked.folder / str(rows)
        features = prepared(folder, rows)
        took: dict[str, list[float]] = {"cpu": [], "cuda": []}
        for _ in range(asked.times):
            for where, all_of_it in took.items():
                all_of_it.append(trained(features, folder, where, rows))
        cpu, cuda = (statistics.median(each) for each in took.values())
        print(f"| {rows:,} | {cpu:.1f} | {cuda:.1f} | {cpu / cuda:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
