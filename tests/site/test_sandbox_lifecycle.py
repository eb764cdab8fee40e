"""Sandboxes side by side, killed, stopped, started again and reset; without machines, so that any user can."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from keystoneauth1.exceptions import Unauthorized
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from tests.support.sandbox import Sandbox
from tests.support.site import SiteUnderTest, site_of
from tests.support.site_api import active_lease, booted, flavor_reservation
from tests.support.student import Student

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="sandbox")]

RESTART_SECONDS = 60.0


@pytest.fixture(scope="module")
def west(site: SiteUnderTest, test_state) -> Iterator[Sandbox]:
    """A second sandbox, fresh, beside the one of the session; wiped at the end."""
    sandbox = Sandbox("west", test_state)
    sandbox.do("reset")
    sandbox.up("--machines", "none")
    yield sandbox
    sandbox.do("reset")


def pids(sandbox: Sandbox) -> dict[str, int]:
    return {name: one["pid"] for name, one in sandbox.status()["services"].items()}


def answers(sandbox: Sandbox) -> bool:
    """Whether its Keystone logs the first student in."""
    return bool(site_of(sandbox.folder / "site.json").connection().session.get_token())


@pytest.fixture
def first(site: SiteUnderTest) -> Sandbox:
    return Sandbox(site.name, site.state)


def test_two_sandboxes_have_addresses_regions_and_secrets_of_their_own(west, site):
    other = json.loads((west.folder / "site.json").read_text())
    mine = json.loads((site.folder / "site.json").read_text())
    assert (other["region"], mine["region"]) == ("CHI@West", "CHI@Sandbox")
    for key in ("host", "auth_url", "reference_url", "label", "site_id", "floating_range"):
        assert other[key] != mine[key]

    def secrets(folder) -> set[str]:
        found = json.loads((folder / "secrets.json").read_text())
        return {*found.pop("users").values(), *found.values()}

    assert not secrets(west.folder) & secrets(site.folder)
    key = "keys/id_ed25519"
    assert (west.folder / key).read_text() != (site.folder / key).read_text()


def test_a_login_of_one_sandbox_is_nothing_to_the_other(west, site):
    login = site.connection().config.config["auth"]
    elsewhere = json.loads((west.folder / "site.json").read_text())["auth_url"]
    stranger = Session(Password(**{**login, "auth_url": elsewhere}))
    with pytest.raises(Unauthorized):
        stranger.get_token()


def test_up_when_up_and_two_at_once_are_harmless(west):
    before = pids(west)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: west.command("up"), range(2)))
    assert [d.returncode for d in done] == [0, 0], [d.stderr for d in done]
    assert pids(west) == before, "nothing was started again"


def test_up_with_another_wish_is_refused_with_what_differs(west):
    done = west.command("up", "--region", "CHI@East")
    assert done.returncode != 0
    assert "CHI@West, not CHI@East" in done.stderr


def test_a_killed_service_comes_back_by_itself_and_its_death_is_logged(west, first):
    before, others = pids(west), pids(first)
    os.kill(before["glance"], signal.SIGKILL)
    deadline = time.monotonic() + RESTART_SECONDS
    while (now := west.status())["state"] != "up" or now["services"]["glance"]["pid"] == before["glance"]:
        assert time.monotonic() < deadline, now
        time.sleep(0.5)
    assert {n for n, p in pids(west).items() if p != before[n]} == {"glance"}
    log = (west.folder / "log" / "supervisord.log").read_text()
    assert "glance" in log.split("terminated by SIGKILL")[0].splitlines()[-1]
    assert pids(first) == others, "the other sandbox saw nothing of it"


def test_logs_of_a_service_are_shown(west):
    listed = west.do("logs")
    assert {"keystone", "nova", "mariadb"} <= {line.split()[0] for line in listed.splitlines()}
    (west.folder / "log" / "nova.log").open("a").write("first\nsecond\nthird\n")
    assert west.do("logs", "-n", "2", "nova").splitlines()[-2:] == ["second", "third"]
    unknown = west.command("logs", "nonesuch")
    assert unknown.returncode != 0
    assert "There is no service 'nonesuch'" in unknown.stderr


def kinds(sandbox: Sandbox) -> set[str]:
    """The kinds of services in its catalog, as a new login of the first student shows it."""
    session = site_of(sandbox.folder / "site.json").connection().session
    return {one["type"] for one in session.auth.get_access(session).service_catalog.catalog}


def test_volumes_and_objects_are_there_only_if_asked_for_and_can_be_added(west):
    """To a sandbox that runs, whose other services run on, or to one that is down; then they stay."""
    assert not {"volumev3", "object-store"} & kinds(west)
    before = pids(west)
    assert not {"cinder", "swift"} & set(before)
    wrong = west.command("up", "--with", "volumes,shares")
    assert wrong.returncode == 2
    assert "'shares' is none of volumes, objects" in wrong.stderr
    site = west.up("--with", "volumes")
    assert site.extras == ("volumes",)
    assert {"volumev3", "object-store"} & kinds(west) == {"volumev3"}
    assert {name: pid for name, pid in pids(west).items() if name != "cinder"} == before
    assert list(site.connection().block_storage.volumes()) == []

    west.do("down")
    site = west.up("--with", "objects")
    assert site.extras == ("volumes", "objects")
    assert west.status()["with"] == ["volumes", "objects"]
    assert {"volumev3", "object-store"} <= kinds(west)
    assert list(site.connection().object_store.containers()) == []
    west.do("logs", "swift")
    assert west.up() == site, "without the option it keeps what it has"


def test_down_and_up_keep_instances_leases_images_and_addresses(west, tmp_path):
    """And `down` when down, and `status` of what is down, are harmless."""
    site = west.up()
    student = Student(site, "keeper", tmp_path)
    lease = active_lease(student, flavor_reservation("1"))
    server = booted(student, lease["reservations"][0]["id"])
    assert server.status == "ACTIVE"
    cloud = site.connection()
    public = cloud.network.find_network("public")
    port = next(cloud.network.ports(device_id=server.id))
    address = cloud.network.create_ip(floating_network_id=public.id, port_id=port.id, description="keeper")
    images = {i.id for i in cloud.image.images()}

    processes = [psutil.Process(pid) for pid in pids(west).values()]
    west.do("down")
    assert not [p for p in processes if p.is_running()]
    assert west.command("down").returncode == 0
    stopped = west.command("status", "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)["state"]) == (1, "down")

    again = west.up()
    assert again == site
    held = Student(again, "keeper", tmp_path).holdings()
    assert [one["id"] for one in held.leases] == [lease["id"]]
    assert held.leases[0]["status"] == "ACTIVE"
    assert [(s.id, s.status) for s in held.instances] == [(server.id, "ACTIVE")]
    assert [f.floating_ip_address for f in held.floating_ips] == [address.floating_ip_address]
    assert {i.id for i in again.connection().image.images()} == images
    Student(again, "keeper", tmp_path).remove_everything()


def test_a_taken_port_is_told_with_who_holds_it(west, first):
    host = json.loads((west.folder / "site.json").read_text())["host"]
    west.do("down")
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind((host, 5000))
        squatter.listen()
        done = west.command("up")
    assert done.returncode != 0
    assert f"{host}:5000 (keystone) is taken by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert "Traceback" not in done.stderr
    west.do("up")
    assert answers(west)
    assert first.status()["state"] == "up"


def test_reset_wipes_this_sandbox_and_no_other(west, first):
    """Its folder, processes and addresses are gone; the neighbour answers on. `reset` again is harmless."""
    processes = [psutil.Process(pid) for pid in pids(west).values()]
    secret = (west.folder / "secrets.json").read_text()
    west.do("reset")
    assert not west.folder.exists()
    assert not [p for p in processes if p.is_running()]
    assert west.status()["state"] == "none"
    assert west.command("reset").returncode == 0
    assert first.status()["state"] == "up"
    assert answers(first)
    west.up("--machines", "none")
    assert (west.folder / "secrets.json").read_text() != secret, "a new sandbox has new secrets"
