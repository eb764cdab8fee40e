"""The roles `docker` and `gpu` on a real node: containers, and a GPU that stand-ins for its programs play."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from chi_helpers.provision import Host
from chi_helpers.provision.inventory import inventory, to_yaml
from tests.ansible.test_content import ansible
from tests.support import gpu
from tests.support.labs import node, write_lab
from tests.support.student import Student

pytestmark = [pytest.mark.machines, pytest.mark.timeout(2400), pytest.mark.nightly(part="roles")]

MIRROR = "http://127.0.0.1:5005"


@dataclass(frozen=True)
class Run:
    """Ansible's counts, and its words on one line."""

    ok: int
    changed: int
    failed: int
    said: str


@dataclass(frozen=True)
class Machine:
    """A node that is up."""

    host: Host
    folder: Path

    def run(self, script: str, *, check: bool = True) -> str:
        """Run shell text as root; what it printed."""
        options = {
            "UserKnownHostsFile": self.host.known_hosts, "StrictHostKeyChecking": "yes",
            "IdentityFile": self.host.private_key, "BatchMode": "yes", "ConnectTimeout": 5,
        }  # fmt: skip
        words = [*(f"-o{key}={value}" for key, value in options.items()), f"cc@{self.host.address}"]
        done = subprocess.run(
            ["ssh", *words, "sudo", "sh", "-s"],
            input=script, capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def apply(self, *stack: str, check: bool = False, **options: Any) -> Run:
        hosts = self.folder / "hosts.yml"
        host = Host(
            self.host.name, self.host.address, self.host.private_key, self.host.known_hosts, stack=stack
        )
        hosts.write_text(to_yaml(inventory([host], options)))
        words = ["--check"] if check else []
        done = ansible("ansible-playbook", "-i", str(hosts), "site.yml", *words, folder=self.folder)
        said = " ".join((done.stdout + done.stderr).split())
        counts = {key: int(number) for key, number in re.findall(r"(ok|changed|failed)=(\d+)", said)}
        assert (done.returncode == 0) == (counts.get("failed") == 0), said
        return Run(**counts, said=said)

    def good(self, *stack: str, check: bool = False, **options: Any) -> Run:
        run = self.apply(*stack, check=check, **options)
        assert run.failed == 0, run.said
        return run

    def listeners(self) -> set[str]:
        """Addresses and ports of TCP, less SSH's and containerd's, which takes any free port of localhost."""
        lines = self.run("ss -ltnpH").splitlines()
        found = {line.split()[3] for line in lines if "containerd" not in line}
        return {address for address in found if not address.endswith(":22")}

    def settings(self) -> Any:
        return json.loads(self.run("cat /etc/docker/daemon.json"))


@pytest.fixture(scope="module")
def machine(site, tmp_path_factory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("gpu")
    student = Student(site, f"t{token_hex(5)}", folder)
    try:
        nodes = {"node1": node(flavor="m1.small")}
        up = student.chi_lab(
            "up", "--json", "-f", str(write_lab(folder / "lab.yaml", site.region, nodes=nodes))
        )
        assert up.returncode == 0, up.stderr
        [known_hosts] = folder.glob("state/labs/*/known_hosts")
        [address] = student.holdings().floating_ips
        yield Machine(Host("node1", address.floating_ip_address, site.private_key, known_hosts), folder)
    finally:
        student.remove_everything()


@pytest.fixture(scope="module")
def docker(machine):
    """Check mode on the bare node, the first run, the second, check mode again."""
    options = {"docker_registry_mirrors": [MIRROR]}
    checked = machine.good("docker", check=True, **options)
    untouched = machine.run("test ! -e /etc/docker && ! command -v dockerd && echo yes")
    first, second = machine.good("docker", **options), machine.good("docker", **options)
    return {
        "check": checked, "untouched": untouched, "first": first, "second": second,
        "again": machine.good("docker", check=True, **options),
    }  # fmt: skip


@pytest.fixture(scope="module")
def repository(machine: Machine, docker: Any) -> str:
    """An apt repository with NVIDIA's two packages; its public key."""
    machine.run(gpu.script())
    machine.run(
        "apt-get install -qq -y --no-install-recommends gpg gpg-agent >/dev/null 2>&1\n"
        + gpu.key("tests")
        + f"gpg --batch --yes --local-user tests@ --clearsign -o {gpu.REPOSITORY}/InRelease {gpu.REPOSITORY}/Release"
    )
    return machine.run(gpu.key("tests"))


@pytest.fixture(scope="module")
def whole(machine, repository):
    """A working H100 and the repository: check mode, the first run, the second, check mode again."""
    options = {
        "docker_registry_mirrors": [MIRROR], "gpu_apt_uri": f"file:{gpu.REPOSITORY}", "gpu_apt_suite": "./",
        "gpu_apt_key": repository, "gpu_container_toolkit": "required", "gpu_exporter": "required",
    }  # fmt: skip
    machine.run(gpu.installed("none nvidia", gpu.H100))
    stack = ("docker", "gpu")
    checked = machine.good(*stack, check=True, **options)
    untouched = machine.run("dpkg-query -W nvidia-container-toolkit || true")
    first, second = machine.good(*stack, **options), machine.good(*stack, **options)
    return {
        "check": checked, "untouched": untouched, "first": first, "second": second,
        "again": machine.good(*stack, check=True, **options),
    }  # fmt: skip


def test_check_mode_says_what_docker_would_change_and_changes_nothing(docker):
    assert docker["check"].changed > 0
    assert docker["untouched"] == "yes"


def test_docker_comes_with_the_first_run_and_the_second_changes_nothing(machine, docker):
    assert docker["first"].changed > 0
    assert (docker["second"].changed, docker["again"].changed) == (0, 0)
    assert machine.run("systemctl is-active docker; systemctl is-enabled docker") == "active\nenabled"
    assert machine.run("su cc -c 'docker info --format {{.LoggingDriver}}'") == "local"
    assert machine.listeners() == set()


def test_images_of_docker_hub_are_asked_of_the_mirror_first(machine, docker):
    machine.run(
        "systemd-run -q --unit=mirror python3 -m http.server -b 127.0.0.1 5005\n"
        "for i in 1 2 3 4 5 6 7 8 9; do ss -ltn | grep -q :5005 && break; sleep 0.3; done\n"
        "docker pull -q alpine || true"
    )
    assert "GET /v2/" in machine.run("journalctl -u mirror --no-pager")
    machine.run("systemctl stop mirror")


def test_a_published_port_is_open_to_the_node_alone(machine, docker):
    """Docker's own word for it: no container runs in a machine of the sandbox (its kernel refuses the cgroup)."""
    options = json.loads(machine.run("docker network inspect bridge --format '{{json .Options}}'"))
    assert options["com.docker.network.bridge.host_binding_ipv4"] == "127.0.0.1"


def test_settings_of_others_stay_and_the_labs_win(machine, docker):
    machine.run("""echo '{"debug": false, "log-driver": "none"}' >/etc/docker/daemon.json""")
    machine.good("docker", docker_settings={"max-concurrent-downloads": 2})
    assert machine.settings() == {
        "debug": False, "ip": "127.0.0.1", "log-driver": "local", "max-concurrent-downloads": 2,
        "registry-mirrors": [],
    }  # fmt: skip
    machine.run("rm /etc/docker/daemon.json")


def test_a_package_that_must_be_there_and_is_not_fails_with_the_reason(machine, docker):
    machine.run(gpu.installed("none nvidia", gpu.H100))
    run = machine.apply("gpu", gpu_exporter="required")
    assert run.failed == 1
    assert "knows no datacenter-gpu-manager-exporter, which is required" in run.said


def test_amds_gpu_is_found_and_the_user_may_use_it(machine, docker):
    machine.run(gpu.installed("none amd") + "touch /dev/kfd\n")
    machine.good("gpu")
    assert {"render", "video"} <= set(machine.run("id -nG cc").split())
    assert machine.good("gpu").changed == 0
    machine.run("rm /dev/kfd")


def test_without_a_repository_nvidias_driver_is_kept_loaded_and_the_rest_is_said_to_be_left_out(
    machine, docker
):
    machine.run(gpu.installed("none nvidia", gpu.H100))
    run = machine.good("docker", "gpu")
    for package in ("nvidia-container-toolkit", "datacenter-gpu-manager-exporter"):
        assert f"knows no {package}: left out" in run.said
    assert machine.run("cat /run/persistence") == "Enabled"
    assert machine.good("docker", "gpu").changed == 0
    assert "nvidia" not in machine.run("cat /etc/docker/daemon.json")


def test_check_mode_says_what_the_gpu_needs_and_changes_nothing(whole):
    assert whole["check"].changed > 0
    assert whole["untouched"] == ""


def test_toolkit_and_exporter_come_with_the_first_run_and_the_second_changes_nothing(machine, whole):
    assert whole["first"].changed > 0
    assert (whole["second"].changed, whole["again"].changed) == (0, 0)
    assert ": left out" not in whole["first"].said
    assert machine.run("docker info --format '{{json .Runtimes}}' | grep -c nvidia-container-runtime") == "1"
    settings = machine.settings()
    assert settings["exec-opts"] == ["native.cgroupdriver=cgroupfs"]
    assert settings["registry-mirrors"] == [MIRROR], "the role docker wrote it, and the role gpu left it"


def test_docker_calls_nvidias_runtime_for_a_container_that_asks_for_it(machine, whole):
    """The container itself does not start in a machine of the sandbox."""
    machine.run(
        "tar -c -C / etc/hostname | docker import - tests >/dev/null; docker run --runtime nvidia tests x || true"
    )
    assert "create" in machine.run(f"cat {gpu.CALLED}")


def test_metrics_are_for_the_node_alone_and_the_packages_own_unit_never_ran(machine, whole):
    assert machine.listeners() == {"127.0.0.1:9400"}
    assert "DCGM_FI_DEV" in machine.run("python3 -c '" + _GET.format("9400/metrics") + "'")
    assert machine.run("systemctl is-enabled nvidia-dcgm-exporter", check=False) == "masked"
    assert "Started nvidia-dcgm-exporter" not in machine.run("journalctl -u nvidia-dcgm-exporter --no-pager")
    assert machine.run("systemd-analyze verify /etc/systemd/system/chi-lab-gpu-* 2>&1") == ""


def test_a_repository_is_trusted_by_its_own_key_only_and_forgotten_when_it_is_not_named(
    machine, whole, repository
):
    """The package exists, is not installed, and comes with the right key: the key alone is what is wrong."""
    package, sources = "datacenter-gpu-manager-exporter", "/etc/apt/sources.list.d/chi-lab-nvidia.sources"
    other = machine.run(gpu.key("other"))
    options = {"gpu_apt_uri": f"file:{gpu.REPOSITORY}", "gpu_apt_suite": "./", "gpu_exporter": "required"}
    signer = machine.run(gpu.key_id("tests"))
    assert signer != machine.run(gpu.key_id("other"))

    def refused() -> None:
        machine.run(f"dpkg --purge {package} 2>&1")
        run = machine.apply("gpu", gpu_apt_key=other, **options)
        assert run.failed == 1
        assert f"node1 does not take file:{gpu.REPOSITORY}, suite ./, with gpu_apt_key" in run.said
        assert f"NO_PUBKEY {signer}" in run.said
        assert f"'file:{gpu.REPOSITORY} ./ InRelease' is not signed" in run.said
        assert machine.run(f"dpkg-query -W {package} 2>&1", check=False).startswith("dpkg-query: no packages")

    # The lists that the right key has signed are still there, and apt alone would be content with them.
    before = machine.run(f"cat {sources}")
    refused()
    assert machine.run(f"cat {sources}") == before
    machine.good("gpu")
    machine.run(f"test ! -e {sources}")
    assert machine.run(f"apt-cache madison {package}") == ""
    refused()
    machine.run(f"test ! -e {sources}")
    machine.good("gpu", gpu_apt_key=repository, **options)
    assert machine.run(f"dpkg-query -Wf '${{db:Status-Status}}' {package}") == "installed"


def test_all_of_it_is_there_again_after_a_reboot(machine, whole):
    before = machine.run("cat /proc/sys/kernel/random/boot_id; cut -d' ' -f22 /proc/1/stat")
    machine.run("systemd-run --on-active=0.2 systemctl reboot 2>/dev/null", check=False)
    limit = time.monotonic() + 90
    while machine.run("cat /proc/sys/kernel/random/boot_id; cut -d' ' -f22 /proc/1/stat", check=False) in {
        before,
        "",
    }:
        assert time.monotonic() < limit, "the node did not come back"
        time.sleep(1)
    units = "docker chi-lab-gpu-metrics chi-lab-gpu-persistence"
    machine.run(f"for i in $(seq 30); do systemctl is-active -q {units} && break; sleep 1; done")
    assert machine.run(f"systemctl is-active {units}; cat /run/persistence").split() == [
        *["active"] * 3,
        "Enabled",
    ]
    assert "DCGM_FI_DEV" in machine.run("python3 -c '" + _GET.format("9400/metrics") + "'")
    assert machine.run("docker info --format '{{.LoggingDriver}}'") == "local"


_GET = 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:{}", timeout=10).read(300).decode(errors="replace"))'
