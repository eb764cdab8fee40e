"""What is behind a floating IP of the sandbox is a Linux machine, and it behaves as on Chameleon."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import pytest

from tests.machines.guests import Desk, Guest, answers, desk, until
from tests.support.sandbox import Sandbox
from tests.support.site import SiteUnderTest

pytestmark = [pytest.mark.site, pytest.mark.machines]

USER_DATA = "#!/bin/sh\nid -un > /etc/from-user-data\nhostname >> /etc/from-user-data\n"


@pytest.fixture(scope="module")
def lab(site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(site, tmp_path_factory.mktemp("machines"), instances=3) as made:
        yield made


@pytest.fixture(scope="module")
def guest(lab: Desk) -> Guest:
    return lab.boot(user_data=USER_DATA)


def podman(*args: str) -> list[str]:
    return subprocess.run(["podman", *args], capture_output=True, text=True, check=True).stdout.split()


def test_cc_logs_in_with_the_key_pair_and_the_host_key_that_the_console_shows(guest: Guest) -> None:
    assert guest.ssh("id -un") == "cc"


def test_a_host_key_other_than_the_consoles_would_be_refused(guest: Guest, tmp_path: Path) -> None:
    """The check above can fail: with the keys of another machine ssh does not log in."""
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"{guest.address} {' '.join(other.with_suffix('.pub').read_text().split()[:2])}\n")
    done = subprocess.run(
        ["ssh", "-i", str(guest.key), "-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes",
         "-o", "StrictHostKeyChecking=yes", f"cc@{guest.address}", "true"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr or "HOST IDENTIFICATION" in done.stderr


def test_it_has_its_name_its_user_data_ran_as_root_and_cc_may_sudo(guest: Guest) -> None:
    assert guest.ssh("cloud-init status --wait").splitlines()[-1] == "status: done"
    assert guest.ssh("cat /etc/from-user-data").split() == ["root", guest.server.name]
    assert guest.ssh("hostname") == guest.server.name
    assert guest.ssh("sudo -n id -un 2>&1") == "root"


def test_systemd_is_running_and_no_unit_has_failed(guest: Guest) -> None:
    guest.ssh("cloud-init status --wait")
    state = until(
        lambda: (s := guest.ssh("systemctl is-system-running", check=False)) in {"running", "degraded"} and s,
        "systemd started",
    )
    assert state == "running", guest.ssh("systemctl --failed --no-legend")


def test_what_provisioning_needs_is_there(guest: Guest) -> None:
    """Ansible's apt, hostname and timezone modules, and the guard's warnings."""
    guest.ssh("python3 -c 'import apt' && command -v wall write shutdown >/dev/null")
    guest.ssh("sudo timedatectl set-timezone America/New_York")
    assert guest.ssh("readlink /etc/localtime").endswith("America/New_York")
    guest.ssh("sudo hostnamectl set-hostname other && hostname | grep -qx other")
    guest.ssh(f"sudo hostnamectl set-hostname {guest.server.name}")


def test_only_what_the_security_group_opens_answers(lab: Desk) -> None:
    """Nothing else does: not a service of the guest, not one of this host."""
    group = lab.group(22)
    guest = lab.reach(lab.request(), group)
    guest.serve(8080, "hidden")
    assert [
        port for port in (22, 23, 80, 443, 3306, 5000, 8080, 8774, 9696) if answers(guest.address, port)
    ] == [22]

    rule = lab.open(group, 8080)
    asked = time.monotonic()
    until(lambda: answers(guest.address, 8080), "port 8080 open", 5)
    assert time.monotonic() - asked < 2

    lab.cloud.network.delete_security_group_rule(rule)
    until(lambda: not answers(guest.address, 8080), "port 8080 closed", 2)
    lab.cloud.compute.delete_server(guest.server)
    lab.cloud.compute.wait_for_delete(guest.server, interval=0.3, wait=60)
    assert not answers(guest.address, 22), "the floating IP of a deleted instance answers"


def test_private_networks_with_the_same_addresses_are_worlds_apart(lab: Desk, guest: Guest) -> None:
    """Two instances have one fixed address, each on its own network; who is on one sees that one."""
    networks = [lab.network("192.168.1.0/24"), lab.network("192.168.1.0/24")]
    requests = [lab.request([network], fixed_ip="192.168.1.10") for network in networks]
    ours, theirs = (lab.reach(server, lab.group(22)) for server in requests)
    ours.serve(8000, "ours")
    theirs.serve(8000, "theirs")

    lab.cloud.compute.create_server_interface(guest.server, net_id=networks[0].id)
    until(lambda: "192.168.1." in guest.ssh("ip -brief address"), "the attached address in the guest")
    assert guest.ssh("curl -sm5 http://192.168.1.10:8000/") == "ours"

    lab.cloud.compute.delete_server(ours.server)
    lab.cloud.compute.wait_for_delete(ours.server, interval=0.3, wait=60)
    assert guest.ssh("curl -sm2 http://192.168.1.10:8000/ || echo nobody") == "nobody"
    assert theirs.ssh("curl -sm2 http://192.168.1.10:8000/") == "theirs"
    lab.cloud.compute.delete_server(theirs.server)
    lab.cloud.compute.wait_for_delete(theirs.server, interval=0.3, wait=60)


def fixed(guest: Guest) -> str:
    found = [
        a for each in guest.refresh().addresses.values() for a in each if a["OS-EXT-IPS:type"] == "fixed"
    ]
    return str(found[0]["addr"])


@pytest.fixture
def stranger() -> Iterator[list[str]]:
    """Runs a command in the place of a computer in the LAN that takes this host for its router."""
    name = f"chi{token_hex(3)}"
    inside, outside = f"{name}i", f"{name}o"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        for command in (
            f"ip link add {outside} type veth peer name {inside} netns {name}",
            f"ip address add 198.51.100.1/30 dev {outside}",
            f"ip link set {outside} up",
            f"ip -n {name} address add 198.51.100.2/30 dev {inside}",
            f"ip -n {name} link set {inside} up",
            f"ip -n {name} route add default via 198.51.100.1",
        ):
            subprocess.run(command.split(), check=True, capture_output=True)
        yield ["ip", "netns", "exec", name]
    finally:
        subprocess.run(["ip", "link", "delete", outside], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", name], check=True)


def test_other_guests_reach_a_fixed_address_and_other_computers_do_not(
    lab: Desk, guest: Guest, stranger: list[str]
) -> None:
    address = fixed(guest)
    guest.serve(8200, "seen")
    curl = ["curl", "--silent", "--max-time", "2", f"http://{address}:8200/"]
    asked = subprocess.run([*stranger, *curl], capture_output=True, text=True, check=False)
    assert asked.stdout == ""
    neighbours = ["ip", "neighbour", "show", "198.51.100.1"]
    known = subprocess.run([*stranger, *neighbours], capture_output=True, text=True, check=True)
    assert "lladdr" in known.stdout, "the stranger did not find this host, which proves nothing"
    other = lab.boot()
    assert other.ssh(" ".join(curl)) == "seen"
    lab.cloud.compute.delete_server(other.server)
    lab.cloud.compute.wait_for_delete(other.server, interval=0.3, wait=60)


def test_a_guest_does_not_reach_what_listens_on_this_hosts_loopback(
    site: SiteUnderTest, guest: Guest
) -> None:
    """Even if its root sends there what no machine would."""
    host = urlsplit(site.auth_url)
    assert host.hostname is not None
    assert answers(host.hostname, host.port or 80)
    said = guest.ssh(
        "sudo sysctl -qw net.ipv4.conf.all.route_localnet=1;"
        " sudo ip route del local 127.0.0.0/8 dev lo table local;"
        f" sudo ip route replace {host.hostname}/32 via $(ip route show default | cut -d' ' -f3);"
        f" curl -sm3 {site.auth_url} || echo nothing;"
        f" sudo ip route del {host.hostname}/32; sudo ip route add local 127.0.0.0/8 dev lo table local"
    )
    assert said == "nothing"


def test_disk_addresses_and_host_keys_outlive_stop_start_and_reboot(lab: Desk, guest: Guest) -> None:
    guest.ssh("echo kept > note && sync")
    before = guest.trust().read_text()
    for act, state in (
        (lab.cloud.compute.stop_server, "SHUTOFF"),
        (lab.cloud.compute.start_server, "ACTIVE"),
    ):
        act(guest.server)
        guest.wait(state)
    guest.reachable()
    assert guest.ssh("cat note") == "kept"

    booted = guest.ssh("cat /proc/1/stat | cut -d' ' -f22")
    lab.cloud.compute.reboot_server(guest.server, "SOFT")
    until(lambda: guest.ssh("cut -d' ' -f22 /proc/1/stat", check=False) not in {booted, ""}, "rebooted")
    assert guest.ssh("cat note") == "kept"
    assert guest.trust().read_text() == before, "the console shows other host keys after a reboot"


def test_a_reboot_from_inside_brings_it_back_and_it_stays_active(guest: Guest) -> None:
    guest.wait("ACTIVE")
    booted = guest.ssh("cut -d' ' -f22 /proc/1/stat")
    guest.ssh("sudo systemd-run --on-active=0.2 systemctl reboot 2>/dev/null", check=False)
    until(lambda: guest.ssh("cut -d' ' -f22 /proc/1/stat", check=False) not in {booted, ""}, "rebooted")
    assert guest.refresh().status == "ACTIVE"


def test_poweroff_from_inside_makes_it_shutoff(lab: Desk, guest: Guest) -> None:
    guest.ssh("echo kept > note && sync")
    guest.ssh("sudo poweroff", check=False)
    guest.wait("SHUTOFF")
    lab.cloud.compute.start_server(guest.server)
    guest.wait("ACTIVE")
    assert guest.reachable().ssh("cat note") == "kept"


def test_the_console_keeps_the_host_keys_behind_much_output(guest: Guest) -> None:
    guest.ssh(
        "seq -f 'noise %09.0f of a program that talks too much for any one to read' 40000 | sudo tee /dev/console >/dev/null"
    )
    until(lambda: "noise 000040000" in guest.console(), "the end of the noise")
    assert guest.ssh("id -un") == "cc"


def test_an_image_made_of_it_is_a_token_that_names_it(lab: Desk, guest: Guest) -> None:
    """The disk is not in it: what boots from it is a new machine."""
    made = lab.cloud.compute.create_server_image(guest.server, f"{lab.name}-image", wait=False).id
    try:
        image = until(
            lambda: (i := lab.cloud.image.get_image(made)).status == "active" and i, "the image is active"
        )
        assert (image.properties["image_type"], image.instance_uuid) == ("snapshot", guest.server.id)
        assert image.size == 1024
        guest.wait("ACTIVE")
    finally:
        lab.cloud.image.delete_image(made)


def test_shelving_is_refused_as_it_would_lose_the_disk_and_the_machine_runs_on(
    lab: Desk, guest: Guest
) -> None:
    lab.cloud.compute.shelve_server(guest.server)

    def ended() -> bool:
        actions = lab.cloud.compute.server_actions(guest.server)
        shelving = next((one for one in actions if one.action == "shelve"), None)
        if shelving is None:
            return False
        events = lab.cloud.compute.get_server_action(shelving.request_id, guest.server).events
        return any(event.result == "Error" for event in events or ())

    until(ended, "the shelving has failed")
    guest.wait("ACTIVE")
    assert guest.reachable().ssh("id -un") == "cc"
    for image in lab.cloud.image.images(name=f"{guest.server.name}-shelved"):
        lab.cloud.image.delete_image(image)


def test_killed_nova_finds_its_instances_again(site: SiteUnderTest, guest: Guest) -> None:
    """The instance runs on meanwhile, and can be stopped and started afterwards."""
    guest.ssh("echo kept > note && sync")
    sandbox = Sandbox(site.name, site.state)
    killed = sandbox.status()["services"]["nova"]["pid"]
    os.kill(killed, signal.SIGKILL)
    assert guest.ssh("id -un", check=False) == "cc"
    until(
        lambda: (
            (nova := sandbox.status()["services"]["nova"])["pid"] not in {killed, None}
            and nova["state"].lower() == "running"
        ),
        "nova restarted by its supervisor",
    )

    def listed() -> bool:
        try:
            return bool(guest.refresh().status == "ACTIVE")
        except Exception:  # noqa: BLE001 - whatever a service says while it starts
            return False

    until(listed, "the instance is listed again", 90)
    assert guest.ssh("cat note") == "kept"
    guest.cloud.compute.stop_server(guest.server)
    guest.wait("SHUTOFF")
    guest.cloud.compute.start_server(guest.server)
    guest.wait("ACTIVE")
    assert guest.reachable().ssh("cat note") == "kept"


def test_delete_leaves_nothing_on_this_machine(lab: Desk) -> None:
    private = lab.network("192.168.77.0/24")
    guest = lab.boot([private])
    assert podman("ps", "--quiet", "--filter", f"label=chi.instance={guest.server.id}")
    assert podman("network", "ls", "--quiet", "--filter", f"name={private.id}")
    folder = next(
        Path(mount)
        for mount in podman(
            "container", "inspect", "--format", "{{range .Mounts}}{{.Source}} {{end}}",
            *podman("ps", "--quiet", "--filter", f"label=chi.instance={guest.server.id}"),
        )
        if guest.server.id in mount
    )  # fmt: skip
    assert folder.is_dir()
    lab.cloud.compute.delete_server(guest.server)
    lab.cloud.compute.wait_for_delete(guest.server, interval=0.3, wait=60)
    assert not podman("ps", "--all", "--quiet", "--filter", f"label=chi.instance={guest.server.id}")
    assert not podman("network", "ls", "--quiet", "--filter", f"name={private.id}")
    assert not folder.exists()
