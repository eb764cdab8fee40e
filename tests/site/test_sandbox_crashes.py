"""A sandbox whose start, stop or supervisor is killed is put right by the next command."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.support.sandbox import Sandbox
from tests.support.site import BIN, site_of

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="sandbox")]


STAGE_SECONDS = 180.0


@pytest.fixture
def fresh(test_state):
    """A sandbox without machines that does not exist yet; wiped at the end."""
    sandbox = Sandbox("crash", test_state)
    sandbox.do("reset")
    yield sandbox
    sandbox.do("reset")


def whole(sandbox: Sandbox) -> None:
    """Everything that a first start makes is there, once and complete."""
    cloud = site_of(sandbox.folder / "site.json").connection("admin")
    flavors = {flavor.name: flavor for flavor in cloud.compute.flavors(get_extra_specs=True)}
    assert len(flavors) == 8
    for name, flavor in flavors.items():
        wanted = "resources:CUSTOM_BAREMETAL" if name == "baremetal" else "trait:CUSTOM_CHI_KVM"
        assert wanted in flavor.extra_specs, name
    assert "resources:CUSTOM_GPU_H100" in flavors["g1.h100.pci.1"].extra_specs
    images = [(image.name, image.status) for image in cloud.image.images()]
    assert sorted(images) == [
        (name, "active") for name in ("CC-Ubuntu22.04", "CC-Ubuntu24.04", "CC-Ubuntu24.04-CUDA")
    ]
    (router,) = cloud.network.routers()
    shared = cloud.network.find_network("sharednet1")
    assert len(list(cloud.network.ports(device_id=router.id, network_id=shared.id))) == 1
    blazar = site_of(sandbox.folder / "site.json").blazar("admin")
    assert len(blazar.get("/os-hosts").json()["hosts"]) == 6
    assert len(blazar.get("/floatingips").json()["floatingips"]) == 10


def test_two_first_starts_at_once_make_one_sandbox(fresh):
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: fresh.command("up", "--machines", "none"), range(2)))
    assert [d.returncode for d in done] == [0, 0], [d.stderr for d in done]
    whole(fresh)


STAGES = {
    "it is described": "site.json",
    "the database is copied": "db*",
    "its settings are written": "keystone/fernet/0",
    "the services are started": "log/mariadb.log",
    "people and projects are there": "identity.done",
    "the first image is uploaded": "images/*",
}
"""Stages of a first start, in their order -> the file by which each is seen in the sandbox's folder.

Each file stays, so that none is missed on a slow machine.
"""


def killed_at(sandbox: Sandbox, file: str, said: Path) -> None:
    """Kill a start with SIGKILL as soon as the file (a glob) appears, which is not there yet.

    What the start says is written to `said`.
    """
    assert not list(sandbox.folder.glob(file)), f"{file} is there before the start"
    with said.open("w") as log:
        start = subprocess.Popen(
            [str(BIN / "chi-lab"), "sandbox", "up", "--name", sandbox.name, "--machines", "none"],
            env=sandbox.environment,
            stdout=log,
            stderr=log,
        )
    end = time.monotonic() + STAGE_SECONDS
    while not list(sandbox.folder.glob(file)):
        assert start.poll() is None, f"the start ended without {file}:\n{said.read_text()}"
        assert time.monotonic() < end, f"no {file} after {STAGE_SECONDS:g} s:\n{said.read_text()}"
        time.sleep(0.005)
    start.kill()
    assert start.wait() == -signal.SIGKILL, f"it ended before it was killed at {file}:\n{said.read_text()}"


def test_a_first_start_that_is_killed_at_each_of_its_stages_is_finished_by_the_next(fresh, tmp_path):
    for file in STAGES.values():
        killed_at(fresh, file, tmp_path / "said")
    assert not (fresh.folder / "content.done").exists(), "every start was killed before it was through"
    fresh.do("up", "--machines", "none")
    whole(fresh)


def test_a_killed_supervisor_takes_its_processes_along_and_up_starts_all_again(fresh):
    fresh.do("up", "--machines", "none")
    services = [psutil.Process(one["pid"]) for one in fresh.status()["services"].values()]
    os.kill(services[0].ppid(), signal.SIGKILL)
    _, alive = psutil.wait_procs(services, timeout=30)
    assert alive == []
    assert fresh.status()["state"] == "down"
    fresh.do("up")
    assert fresh.status()["state"] == "up"


def test_commands_during_a_stop_wait_for_it_and_two_resets_are_harmless(fresh):
    fresh.do("up", "--machines", "none")
    supervisor = psutil.Process(next(iter(fresh.status()["services"].values()))["pid"]).ppid()
    os.kill(supervisor, signal.SIGTERM)  # as an interrupted `down` leaves it: stopping
    fresh.status()
    fresh.do("up")
    assert fresh.status()["state"] == "up"
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(fresh.command, ("reset", "down", "reset")))
    assert [d.returncode for d in done] == [0, 0, 0], [d.stderr for d in done]
    assert not fresh.folder.exists()


def test_a_service_that_cannot_start_is_reported_at_once_with_the_end_of_its_log(fresh):
    fresh.do("up", "--machines", "none")
    fresh.do("down")
    pages = fresh.folder / "db" / "ibdata1"
    good = pages.read_bytes()
    pages.write_bytes(b"broken" * 100)
    done = fresh.command("up")
    assert done.returncode == 1
    assert "mariadb does not start" in done.stderr
    assert "The end of its log:" in done.stderr
    assert "ibdata1" in done.stderr.split("The end of its log:")[1]
    fresh.do("down")
    pages.write_bytes(good)
    fresh.do("up")
