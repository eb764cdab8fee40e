"""A sandbox whose start, stop or supervisor is killed is put right by the next command."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.support.sandbox import Sandbox
from tests.support.site import BIN, site_of

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="sandbox")]


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


def test_a_first_start_that_is_killed_again_and_again_is_finished_by_the_next(fresh):
    killed = 0
    for seconds in (0.5, 2, 5, 4, 3, 3):
        start = subprocess.Popen(
            [str(BIN / "chi-lab"), "sandbox", "up", "--name", fresh.name, "--machines", "none"],
            env=fresh.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            start.wait(seconds)
        except subprocess.TimeoutExpired:
            start.kill()
            start.wait()
            killed += 1
    assert killed >= 3
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
