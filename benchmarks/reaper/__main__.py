from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import reaper
from benchmarks.reaper import look, scene, table
from benchmarks.reaper.bound import calls
from benchmarks.reaper.contestants import ALL, CannotRunError, Contestant, measured
from benchmarks.reaper.instant import InstantSite
from benchmarks.reaper.proxy import CountingProxy
from benchmarks.reaper.site import BenchSite

_PER_HOST = 60
"""Instances on one host, at most: 96 cores, and Nova spreads them."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reaper",
        description=reaper.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--instances", type=int, default=300, help="expired ones, in all three projects")
    parser.add_argument("--contestants", default=",".join(ALL), help="which, in which order [%(default)s]")
    parser.add_argument("--delay", default="0,0.15", help="seconds added to each call; several by comma")
    parser.add_argument(
        "--instant",
        default="",
        metavar="CONTESTANTS",
        help="who else runs against a site that deletes at once",
    )
    parser.add_argument("--json", action="store_true", help="write all figures as JSON")
    parser.add_argument(
        "--folder", type=Path, help="keep sandbox, scene and logs there, and use the scene again"
    )
    parser.add_argument("--kit", type=Path, help="another checkout, whose kit is to take part")
    options = parser.parse_args()
    if options.kit:
        ALL["kit"] = replace(ALL["kit"], top=options.kit.resolve())
    chosen = [ALL[name] for name in options.contestants.split(",") if name]
    instant = [ALL[name] for name in options.instant.split(",") if name]
    delays = [float(word) for word in options.delay.split(",")]
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        found = compare(options.folder.resolve(), options.instances, chosen, instant, delays)
    else:
        with tempfile.TemporaryDirectory(prefix="chi-lab-reap-") as folder:
            try:
                found = compare(Path(folder), options.instances, chosen, instant, delays)
            finally:
                BenchSite(Path(folder)).reset()
    print(json.dumps(found, indent=1) if options.json else table.markdown(found))


def compare(
    state: Path, instances: int, chosen: list[Contestant], instant: list[Contestant], delays: list[float]
) -> dict[str, Any]:
    """Everybody over the same scene, without and with delay; `results` grow in `results.json` meanwhile."""
    site = BenchSite(state)
    there = prepared(site, instances)
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "command": "python -m benchmarks.reaper " + " ".join(sys.argv[1:]),
        "cores": os.cpu_count(),
        "instances": instances,
        "resources": there.number(),
        "bound": calls(there),
        "results": [],
    }
    for delay in delays:
        for play, who in ((one, chosen), (at_once, instant)):
            for contestant in who:
                tell(
                    f"{contestant.name}, {delay * 1000:g} ms{', deleting at once' if play is at_once else ''}"
                )
                found["results"].append(play(site, there, contestant, delay))
                (state / "results.json").write_text(json.dumps(found, indent=1))
    return found


def at_once(site: BenchSite, there: scene.Scene, contestant: Contestant, delay: float) -> dict[str, Any]:
    """The same on a site that deletes at once. The first run is to take the site's answers from it."""
    site.put_back()
    admin = site.admin()
    before, subnets = look.listed(admin), {n.id: n.subnet_ids for n in admin.network.networks()}
    log = site.state / f"{contestant.name}-{delay * 1000:g}ms-instant.log"
    reading = InstantSite(subnets)
    measured(contestant, site.state, reading, log)
    deleting = InstantSite(subnets, delay, reading.kept)
    run = measured(contestant, site.state, deleting, log)
    if deleting.asked:
        tell(f"  the site itself had to answer {deleting.asked} calls")
    score = look.score(there, look.without(before, deleting.gone))
    tell(f"  {run.wall:.1f} s, {run.calls} calls, exit {run.codes}, deleted {score.deleted}")
    said = {"name": contestant.name, "what": contestant.what, "delay": delay, "instant": True}
    return {**said, **asdict(run), **score._asdict()}


def one(site: BenchSite, there: scene.Scene, contestant: Contestant, delay: float) -> dict[str, Any]:
    """One contestant on the scene as it was made."""
    result: dict[str, Any] = {
        "name": contestant.name,
        "what": contestant.what,
        "delay": delay,
        "instant": False,
    }
    site.put_back()
    admin = site.admin()
    before = look.score(there, look.listed(admin))
    assert not before.deleted, "the scene is not whole"
    assert not before.wrong, f"the scene is not whole: {before.wrong}"
    log = site.state / f"{contestant.name}-{delay * 1000:g}ms.log"
    try:
        run = measured(contestant, site.state, CountingProxy(delay), log)
    except CannotRunError as error:
        tell(f"  cannot run: {error}")
        return {**result, "cannot": str(error)}
    score = look.score(there, look.listed(site.admin()))
    result |= asdict(run) | score._asdict()
    left, wrong = table.counted(score.left), table.counted(score.wrong)
    tell(f"  {run.wall:.1f} s, {run.calls} calls, {run.rss:.0f} MiB, exit {run.codes}, load {run.load:.1f}")
    tell(f"  deleted {score.deleted}, left {left or 'nothing'}, wrongly taken {wrong or 'nothing'}")
    return result


def prepared(site: BenchSite, instances: int) -> scene.Scene:
    """The sandbox with its scene; made, or found in the folder."""
    path = site.state / "scene.json"
    found = scene.Scene.load(path)
    if found and found.instances == instances and site.kept.exists():
        tell(f"scene of {found.made}")
        return found
    path.unlink(missing_ok=True)
    site.reset()
    tell("sandbox")
    hosts = instances // _PER_HOST + 2
    # With volumes and objects, for ospurge stops where a site has none.
    site.up("--machines", "none", "--hosts", str(hosts), "--with", "volumes,objects")
    tell(f"scene of {instances} instances")
    began = time.monotonic()
    found = scene.make(site, instances, tell)
    found.save(path)
    tell(f"  {time.monotonic() - began:.0f} s")
    return found


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
