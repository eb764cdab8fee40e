"""Figures as Markdown."""

from __future__ import annotations

import statistics
from typing import Any

_COLUMNS = ("who", "first run (s)", "of shell's", "changed", "second run (s)", "of shell's", "changed",
            "second of first", "load")  # fmt: skip
_SHELL = "shell"
_LONG = 300


def markdown(found: dict[str, Any]) -> str:
    """One table of times, one of packages; what failed has no time."""
    says = f"{found['date']} UTC, {found['cores']} cores, {found['lab']}: `{found['command']}`"
    lines = [says, "", "| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    names = list(dict.fromkeys(result["name"] for result in found["results"]))
    medians = {name: [median(found["results"], name, turn) for turn in (0, 1)] for name in names}
    lines += [row(name, [r for r in found["results"] if r["name"] == name], medians) for name in names]
    lines += [
        f"\n{r['name']}, run {turn + 1}, failed: {one['failed']}"
        for r in found["results"]
        for turn, one in enumerate(r["turns"])
        if one["failed"]
    ]
    return "\n".join([*lines, "", *packages(found["compared"])])


def median(results: list[dict[str, Any]], name: str, turn: int) -> float | None:
    """Of the runs that did all their work; None where one did not, or there is none."""
    turns = [r["turns"][turn : turn + 1] for r in results if r["name"] == name]
    if not turns or any(not one or one[0]["failed"] for one in turns):
        return None
    return float(statistics.median(one[0]["wall"] for one in turns))


def row(name: str, results: list[dict[str, Any]], medians: dict[str, list[float | None]]) -> str:
    cells = [f"`{name}`"]
    for turn in (0, 1):
        ran = [r["turns"][turn] for r in results if len(r["turns"]) > turn]
        walls = [f"{one['wall']:.1f}" if not one["failed"] else "failed" for one in ran] or ["not run"]
        shell = medians.get(_SHELL, [None, None])[turn]
        cells += [", ".join(walls), ratio(medians[name][turn], shell)]
        cells.append(", ".join("" if one["failed"] else str(one["changed"]) for one in ran))
    cells.append(ratio(medians[name][1], medians[name][0]))
    cells.append(", ".join(f"{one['load']:.1f}" for r in results for one in r["turns"]))
    return "| " + " | ".join(cells) + " |"


def ratio(of: float | None, to: float | None) -> str:
    return f"{of / to:.2f}" if of is not None and to else ""


def packages(compared: list[dict[str, Any]]) -> list[str]:
    """What is not the same is written out."""
    if not compared:
        return ["The packages were not compared: there are not two contestants that did all their work."]
    between = " and ".join(f"`{name}`" for name in compared[0]["between"])
    lines = [
        f"Versions of what {between} gave the nodes, in this order:",
        "",
        "| node | packages | asked for, the same | asked for, different | came along, the same | different |",
        "|---|---|---|---|---|---|",
    ]
    for one in compared:
        differ, others = "; ".join(one["differ"]) or "none", "; ".join(one["others"]) or "none"
        others = others if len(others) <= _LONG else f"{len(one['others'])}: {others[:_LONG]} …"
        lines.append(
            f"| {one['node']} | {one['what']} | {one['same']} | {differ} | {one['others_same']} | {others} |"
        )
    return lines
