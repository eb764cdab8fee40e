"""How long the sandbox takes: first start, later starts, SSH on one new instance and on ten at once.

    .venv/bin/python -m benchmarks.sandbox [--runs 3] [--json]

Uses a sandbox of its own (`bench`) in a folder of its own, and removes it. Needs root and podman, as
machines do; what all sandboxes share must be there (`make setup`). The times are of this computer, at
this load: the load average beside each says how busy it was.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openstack
from keystoneauth1.adapter import Adapter

NAME = "bench"
CHI_LAB = (sys.executable, "-m", "chi_helpers")
GOALS = {
    "first up (s)": 25.0,
    "later up (s)": 6.0,
    "SSH on a new instance (s)": 5.0,
    "SSH on ten at once (s)": 30.0,
    "memory, fresh (MiB)": 1024.0,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chi-lab-bench-") as folder:
        os.environ["CHI_LAB_STATE"] = folder
        try:
            found = measure(options.runs)
        finally:
            chi_lab("sandbox", "reset", "--name", NAME)
    print(json.dumps(found, indent=1) if options.json else table(found))


def measure(runs: int) -> dict[str, list[float]]:
    """`{what: one figure a run}`."""
    found: dict[str, list[float]] = {what: [] for what in GOALS}
    for run in range(runs):
        chi_lab("sandbox", "reset", "--name", NAME)
        settle()
        tell(f"run {run + 1}")
        found["first up (s)"].append(timed(lambda: chi_lab("sandbox", "up", "--name", NAME)))
        found["memory, fresh (MiB)"].append(status()["memory_bytes"] / 2**20)
        chi_lab("sandbox", "down", "--name", NAME)
        settle()
        found["later up (s)"].append(timed(lambda: chi_lab("sandbox", "up", "--name", NAME)))
        with lease(11) as (cloud, flavor):
            ssh_answers(cloud, flavor, 1)  # the first container of a network makes the bridge
            settle()
            found["SSH on a new instance (s)"].append(ssh_answers(cloud, flavor, 1))
            settle()
            found["SSH on ten at once (s)"].append(ssh_answers(cloud, flavor, 10))
    return found


def ssh_answers(cloud: Any, flavor: str, number: int) -> float:
    """Seconds from the first POST /servers until `ssh cc@address true` works on all of them."""
    network = cloud.network.find_network("sharednet1").id
    image = cloud.image.find_image("CC-Ubuntu24.04").id
    addresses = [cloud.network.create_ip(floating_network_id=cloud.network.find_network("public").id)
                 for _ in range(number)]  # fmt: skip
    key = keypair(cloud)
    servers: list[Any] = []

    def one(address: Any) -> None:
        server = cloud.compute.create_server(
            name=f"bench-{address.floating_ip_address}", flavor_id=flavor, image_id=image,
            networks=[{"uuid": network}], key_name=key, security_groups=[{"name": "bench"}],
        )  # fmt: skip
        servers.append(server)
        until(lambda: bool(port_of(cloud, server)), 0.1)
        cloud.network.update_ip(address, port_id=port_of(cloud, server)[0].id)
        until(lambda: ssh(address.floating_ip_address), 0.1)

    try:
        with ThreadPoolExecutor(number) as pool:
            return timed(lambda: list(pool.map(one, addresses)))
    finally:
        for server in servers:
            cloud.compute.delete_server(server)
        for address in addresses:
            cloud.network.delete_ip(address)
        until(lambda: not list(cloud.compute.servers()), 0.5)


def port_of(cloud: Any, server: Any) -> list[Any]:
    return list(cloud.network.ports(device_id=server.id))


def ssh(address: str) -> bool:
    # The instance is new and on loopback: what is measured is the answer, not trust.
    done = subprocess.run(
        ["ssh", "-i", os.environ["OS_KEYPAIR_PRIVATE_KEY"], "-o", "BatchMode=yes", "-o", "ConnectTimeout=2",
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
         f"cc@{address}", "true"],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


@contextmanager
def lease(instances: int) -> Iterator[tuple[Any, str]]:
    """A connection as the first student, and the flavor of an active reservation."""
    answer = json.loads(chi_lab("sandbox", "env", "--name", NAME, "--json"))
    os.environ.update(answer["variables"])
    cloud = openstack.connect(cloud=NAME)
    group = cloud.network.create_security_group(name="bench")
    cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=22, port_range_max=22
    )
    # As the catalog has it: openstacksdk's own client would discover Blazar's unfinished v2.
    blazar = Adapter(cloud.session, service_type="reservation", interface="public")
    body = {
        "name": "bench",
        "start_date": "now",
        "end_date": time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() + 3600)),
        "reservations": [
            {"resource_type": "flavor:instance", "flavor_id": "2", "amount": instances, "affinity": None}
        ],
        "events": [],
    }
    posted = blazar.post("/leases", json=body, raise_exc=False)
    if not posted.ok:
        sys.exit(f"no lease: {posted.text}")
    made = posted.json()["lease"]
    until(lambda: blazar.get(f"/leases/{made['id']}").json()["lease"]["status"] == "ACTIVE", 0.5)
    try:
        yield cloud, made["reservations"][0]["id"]
    finally:
        blazar.delete(f"/leases/{made['id']}")
        cloud.network.delete_security_group(group)


def keypair(cloud: Any) -> str:
    name = "bench"
    if not cloud.compute.find_keypair(name):
        public = Path(os.environ["OS_KEYPAIR_PUBLIC_KEY"]).read_text()
        cloud.compute.create_keypair(name=name, public_key=public)
    return name


def settle(patience: float = 60) -> None:
    """Wait until this computer is not busy with what went before, so that runs do not disturb each other."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        before = _cpu()
        time.sleep(1)
        after = _cpu()
        if (after[0] - before[0]) / max(1, after[1] - before[1]) < 0.15:  # noqa: PLR2004 - share that is idle
            return


def _cpu() -> tuple[int, int]:
    """(busy, all) jiffies since boot."""
    words = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(words) - words[3] - words[4], sum(words)


def status() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(chi_lab("sandbox", "status", "--name", NAME, "--json"))
    return found


def chi_lab(*words: str) -> str:
    done = subprocess.run([*CHI_LAB, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"chi-lab {' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    took = time.monotonic() - began
    tell(f"  {took:.1f} s  (load {os.getloadavg()[0]:.1f})")
    return took


def until(done: Callable[[], bool], pause: float, patience: float = 180) -> None:
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            sys.exit(f"waited {patience:g} s in vain")
        time.sleep(pause)


def table(found: dict[str, list[float]]) -> str:
    lines = ["| what | goal | runs | median |", "|---|---|---|---|"]
    for what, figures in found.items():
        runs = ", ".join(f"{figure:.1f}" for figure in figures)
        lines.append(f"| {what} | ≤ {GOALS[what]:g} | {runs} | {statistics.median(figures):.1f} |")
    return "\n".join(lines)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
