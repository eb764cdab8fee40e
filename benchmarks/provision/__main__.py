from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import provision
from benchmarks.provision import nodes as labs
from benchmarks.provision import table, versions
from benchmarks.provision.contestants import ALL, Contestant, measured
from benchmarks.provision.needs import CannotTellError, Needs, of_lab
from benchmarks.provision.shell import connected
from benchmarks.sandbox import settle
from tests.support.sandbox import Sandbox, SandboxFailedError
from tests.support.site import CHECKOUT, SiteUnderTest, site_of

_TURNS = 2
"""The second has nothing to do."""
_PAIR = 2


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.provision",
        description=provision.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", type=int, choices=sorted(labs.LABS), default=1)
    parser.add_argument(
        "--contestants", default=",".join(ALL), type=named, help="which, in which order [%(default)s]"
    )
    parser.add_argument(
        "--runs", type=int, default=1, help="every second one in the reverse order [%(default)s]"
    )
    parser.add_argument("--stack", help="these roles, by comma, on every node; not those of the lab")
    parser.add_argument("--site", type=Path, help="`site.json` of a running sandbox with machines")
    parser.add_argument("--folder", type=Path, help="keep logs and figures there")
    parser.add_argument("--json", action="store_true", help="write all figures as JSON")
    options = parser.parse_args()
    # As Ctrl-C: what was made is given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab = labs.document(options.nodes, options.stack.split(",") if options.stack else None)
    with tempfile.TemporaryDirectory(prefix="chi-lab-bench-") as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        sandbox = None if options.site else Sandbox("bench", folder / "state")
        try:
            site = sandbox.up("--machines", "podman") if sandbox else site_of(options.site)
            found = compare(site, folder, lab, options.contestants, options.runs)
        except (CannotTellError, labs.NotUpError, SandboxFailedError, versions.NotToldError) as error:
            sys.exit(str(error))
        finally:
            if sandbox:
                sandbox.do("reset")
    print(json.dumps(found, indent=1) if options.json else table.markdown(found))
    if any(turn["failed"] for result in found["results"] for turn in result["turns"]):
        sys.exit(1)


def named(text: str) -> list[Contestant]:
    """The contestants of these names, by comma."""
    names = text.split(",")
    if unknown := [name for name in names if name not in ALL]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(ALL)}")
    return [ALL[name] for name in names]


def compare(
    site: SiteUnderTest, folder: Path, lab: Mapping[str, Any], chosen: Sequence[Contestant], runs: int
) -> dict[str, Any]:
    """Everybody on nodes of their own; what is found grows in `results.json` meanwhile."""
    needs = of_lab(CHECKOUT / "ansible", labs.stacks(lab))
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "command": "python -m benchmarks.provision " + " ".join(sys.argv[1:]),
        "cores": os.cpu_count(),
        "lab": f"{lab['lab']}, {len(needs)} node(s)",
        "results": [],
        "compared": [],
    }
    have: dict[str, dict[str, dict[str, versions.Versions]]] = {}
    for run in range(runs):
        for contestant in chosen if run % 2 == 0 else reversed(chosen):
            tell(f"run {run + 1}, {contestant.name}")
            where = folder / f"{contestant.name}-{run + 1}"
            result, packages = one(site, where, lab, needs, contestant)
            found["results"].append(result)
            if packages:
                have[contestant.name] = packages
            (folder / "results.json").write_text(json.dumps(found, indent=1))
    if len(have) == _PAIR:
        here, there = have.values()
        found["compared"] = [
            {"node": node, "between": list(have), **asdict(each)}
            for node, need in needs.items()
            for each in versions.compare(need, here[node], there[node])
        ]
        (folder / "results.json").write_text(json.dumps(found, indent=1))
    return found


def one(
    site: SiteUnderTest,
    folder: Path,
    lab: Mapping[str, Any],
    needs: Mapping[str, Needs],
    contestant: Contestant,
) -> tuple[dict[str, Any], dict[str, dict[str, versions.Versions]]]:
    """One contestant on fresh nodes: its figures, and, where all was done, what the nodes have then."""
    turns: list[dict[str, Any]] = []
    packages: dict[str, dict[str, versions.Versions]] = {}
    with labs.fresh(site, folder, lab, contestant.name) as nodes:
        for number in range(_TURNS):
            settle()
            turn = measured(contestant, nodes, needs, folder / f"turn-{number + 1}.log")
            turns.append(asdict(turn))
            tell(f"  {turn.wall:.1f} s, changed {turn.changed}, load {turn.load:.1f} {turn.failed}")
            if turn.failed:
                break
        else:
            with connected(nodes.logins) as clients:
                packages = {
                    node: versions.ask(client, contestant.environments, needs[node])
                    for node, client in clients.items()
                }
    return {"name": contestant.name, "turns": turns}, packages


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
