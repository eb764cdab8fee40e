"""Figures as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.reaper.contestants import BARE, PEERS
from benchmarks.reaper.scene import Ids

_COLUMNS = (
    "who", "wall (s)", "against the kit", "calls", "per deletion", "against the bound", "at once",
    "peak (MiB)", "deleted", "left", "wrongly taken", "exit", "load",
)  # fmt: skip
_CALLS_GOAL, _FASTER_GOAL, _SATURATED_GOAL = 1.05, 5.0, 1.2


def counted(ids: Ids) -> str:
    return ", ".join(f"{len(some)} {kind}" for kind, some in sorted(ids.items()))


def markdown(found: dict[str, Any]) -> str:
    """One table for each delay, and the goals."""
    says = (
        f"{found['date']} UTC, {found['cores']} cores, {found['instances']} instances, "
        f"{found['resources']} resources to delete, at least {found['bound']} calls: `{found['command']}`"
    )
    lines = [says]
    for delay, instant in dict.fromkeys((r["delay"], _instant(r)) for r in found["results"]):
        results = {r["name"]: r for r in found["results"] if (r["delay"], _instant(r)) == (delay, instant)}
        title = f"{delay * 1000:g} ms added to each call{', the site deletes at once' if instant else ''}"
        lines += ["", f"**{title}**", "", *_table(results, found["bound"])]
    return "\n".join([*lines, "", *_goals(found)])


def _instant(result: dict[str, Any]) -> bool:
    return bool(result.get("instant"))


def _table(results: dict[str, dict[str, Any]], bound: int) -> list[str]:
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    kit = results.get("kit", {}).get("wall")
    for r in results.values():
        if "cannot" in r:
            lines.append(f"| {r['what']} | does not run: {r['cannot']} |" + " |" * (len(_COLUMNS) - 2))
            continue
        ratio = f"{r['wall'] / kit:.1f}" if kit else ""
        each = f"{r['calls'] / r['deleted']:.2f}" if r["deleted"] else ""
        lines.append(
            f"| {r['what']} | {r['wall']:.1f} | {ratio} | {r['calls']} | {each} | {r['calls'] / bound:.2f} "
            f"| {r['in_flight']} | {r['rss']:.0f} | {r['deleted']} | {counted(r['left']) or 'nothing'} "
            f"| {counted(r['wrong']) or 'nothing'} | {', '.join(map(str, r['codes']))} | {r['load']:.1f} |"
        )
    return lines


def _goals(found: dict[str, Any]) -> list[str]:
    ran = {(r["name"], r["delay"]): r for r in found["results"] if "cannot" not in r and not _instant(r)}
    delays = sorted({delay for _, delay in ran})
    if not ran or ("kit", delays[0]) not in ran:
        return []
    lines = ["| goal | wanted | measured |", "|---|---|---|"]
    lines += [
        f"| calls against the lower bound, {delay * 1000:g} ms | ≤ {_CALLS_GOAL} "
        f"| {ran['kit', delay]['calls'] / found['bound']:.3f} |"
        for delay in delays
        if ("kit", delay) in ran
    ]
    slow, quick = delays[-1], delays[0]
    peers = [ran[name, slow] for name in PEERS if (name, slow) in ran]
    if slow and peers and ("kit", slow) in ran:
        best = min(peers, key=lambda peer: peer["wall"])
        lines.append(
            f"| faster than the best peer ({best['name']}), {slow * 1000:g} ms | ≥ {_FASTER_GOAL:g} "
            f"| {best['wall'] / ran['kit', slow]['wall']:.1f} |"
        )
    lines += _on_an_instant_site(found)
    bare = [ran[name, quick]["wall"] for name in BARE if (name, quick) in ran]
    if bare and not quick:
        lines.append(
            f"| wall against bare concurrent DELETEs, no delay | ≤ {_SATURATED_GOAL} "
            f"| {ran['kit', quick]['wall'] / min(bare):.2f} |"
        )
    return lines


def _on_an_instant_site(found: dict[str, Any]) -> list[str]:
    ran = {(r["name"], r["delay"]): r["wall"] for r in found["results"] if _instant(r)}
    return [
        f"| faster than {name} where the site deletes at once, {delay * 1000:g} ms | ≥ {_FASTER_GOAL:g} "
        f"| {wall / ran['kit', delay]:.1f} |"
        for (name, delay), wall in ran.items()
        if name in PEERS and delay and ("kit", delay) in ran
    ]
