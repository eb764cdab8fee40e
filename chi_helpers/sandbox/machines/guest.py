"""One instance as one container: systemd, sshd and cloud-init from a node image.

What a container needs beyond podman's defaults to pass for a machine stands here.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.sandbox.machines import networks
from chi_helpers.sandbox.machines.podman import HOST_LABEL, INSTANCE_LABEL, SITE_LABEL, Podman, PodmanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SEED = "/var/lib/cloud/seed/config_drive"
"""Where cloud-init's ConfigDrive data source looks before it looks for a disk."""

# Root in the guest may do what root may, Docker included, but has none of the host's devices: with
# --privileged, "mkfs /dev/sda" would be the host's disk. A lab's owner on her own machine can live
# with that; it is no boundary against an attacker, for kernel-wide settings are shared.
MACHINE = (
    "--cap-add=all",
    # These reach beyond the guest: it would set this machine's clock (`timedatectl set-timezone` alone
    # can shift it by hours: the kernel's first settimeofday warps), load modules, or touch devices.
    "--cap-drop=SYS_TIME",
    "--cap-drop=SYS_MODULE",
    "--cap-drop=SYS_RAWIO",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=label=disable",
    "--security-opt=unmask=/proc/sys:/sys/fs/cgroup",
    "--device-cgroup-rule=c 10:200 rwm",  # tun; Docker insists on it
    "--volume=/var/lib/docker",  # overlay on overlay does not work
)

# In the new guest, before its services: podman's bind mounts over two files keep hostnamectl,
# Ansible and resolver packages from replacing them ("Device or resource busy"), and on cgroup v1 the
# controllers are read-only, which Docker cannot use.
_SETTLE = """
for file in /etc/hostname /etc/resolv.conf; do
  text=$(cat $file); umount $file && echo "$text" > $file
done
for mount in /sys/fs/cgroup /sys/fs/cgroup/*; do
  mountpoint -q $mount && mount -o remount,bind,rw $mount
done
true"""

_HOST_SIZED = 64
"""A flavor with less memory than this many MB is no size but a whole node, as `baremetal` is."""
_HEAD = 256 * 1024
_TAIL = 768 * 1024
"""Bytes of console output to keep where there is more: the beginning holds the SSH host keys."""
_SAID = 500
"""Characters of the console of a machine that did not boot."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a flavor grants."""

    vcpus: int
    memory_mb: int

    def options(self) -> list[str]:
        if self.memory_mb < _HOST_SIZED:
            return []
        cpus = min(self.vcpus, os.cpu_count() or 1)
        # Shared memory is half of a machine's memory; a container's 64 MB are too little for Ray, for one.
        shared = f"--shm-size={self.memory_mb // 2}m"
        return [f"--cpus={cpus}", f"--memory={self.memory_mb}m", shared]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a guest is made from."""

    host: str
    """The compute host it is on."""
    name: str
    """Its display name; for people who look at `podman ps`."""
    hostname: str
    image: str
    size: Size
    ports: tuple[networks.Port, ...]
    run_options: tuple[str, ...] = MACHINE


def ulimits() -> Iterator[str]:
    """Limits that this process may grant.

    podman's defaults, and its containers.conf, can exceed them where root lacks CAP_SYS_RESOURCE, as it
    does in many containers: "setrlimit: Operation not permitted". podman lowers its own limit of
    processes to pid_max, so our hard limit can be too much as well.
    """
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text())
    for name, which, most in (
        ("nofile", resource.RLIMIT_NOFILE, 1048576),
        ("nproc", resource.RLIMIT_NPROC, pid_max),
    ):
        hard = resource.getrlimit(which)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(hard, most)
        yield f"--ulimit={name}={limit}:{limit}"


def boot_options(run_options: Sequence[str] = MACHINE) -> list[str]:
    """Return what every container needs so that its systemd boots like a machine's."""
    return [
        *ulimits(),
        "--systemd=always",
        "--tty",  # /dev/console is the container's output
        "--log-driver=k8s-file",  # the journal of the host may forget; this is kept with the container
        "--no-hosts",  # /etc/hosts is the guest's own
        "--cap-add=SYS_BOOT",  # reboot(2), which acts on its own pid name space only; see events.py
        *run_options,
    ]


class Guest:
    """An instance's container, with its folder on the host. Holds no state of its own."""

    def __init__(self, podman: Podman, folder: Path, uuid: str) -> None:
        self.podman = podman
        self.uuid = uuid
        self.name = podman.container(uuid)
        self.folder = folder / uuid
        self.seed = self.folder / "config_drive"

    def create(self, blueprint: Blueprint) -> None:
        """Make the container; its seed folder is there already. Raises PodmanError."""
        options = [
            *("--name", self.name, "--hostname", blueprint.hostname),
            *("--label", f"{SITE_LABEL}={self.podman.site}"),
            *("--label", f"{HOST_LABEL}={blueprint.host}"),
            *("--label", f"{INSTANCE_LABEL}={self.uuid}"),
            *("--label", f"chi.name={blueprint.name}"),
            *boot_options(blueprint.run_options),
            *blueprint.size.options(),
            f"--volume={self.seed}:{SEED}:ro",
        ]
        with networks.in_use:
            bare = {}
            for number, port in enumerate(blueprint.ports):
                network = networks.ensure(self.podman, port)
                settings = ",".join(f"{key}={value}" for key, value in networks.options(network, port))
                options += ["--network", f"{network.name}:interface_name=eth{number},{settings}"]
                if not network.routed:
                    bare[port.mac] = port.interfaces
            if not blueprint.ports:
                options += ["--network", "none"]
            self._remember(bare)
            self.podman.run("create", *options, blueprint.image, "/sbin/init")

    def start(self) -> None:
        """Start it and do what has to be done at every start. Raises PodmanError, TableError."""
        networks.protect(self.podman)
        self.podman.run("start", self.name)
        known = self.podman.inspect(self.name)
        pid = known["State"]["Pid"]
        if not pid:
            said = self.console().decode(errors="replace").strip()[-_SAID:] or "nothing"
            raise PodmanError(f"{self.name} ended as soon as it was started; its console said: {said}")
        # --pid too, or umount finds no /proc/self.
        enter(pid, ("mount", "pid"), "sh", "-c", _SETTLE)
        for mac, addresses in self._bare().items():
            _set_addresses(pid, mac, addresses)
        for name in known["NetworkSettings"]["Networks"] or ():
            if name != "none":
                networks.let_loopback_through(networks.look(self.podman, name))

    def stop(self, timeout: int) -> None:
        self.podman.run("stop", "--time", str(timeout), self.name)

    def remove(self) -> None:
        """Remove container, folder, and networks that nothing uses any more. Fine if already gone."""
        try:
            used = set(self.podman.inspect(self.name)["NetworkSettings"]["Networks"] or ()) - {"none"}
        except PodmanError:
            used = set()
        self.podman.run("rm", "--force", "--ignore", "--time", "0", "--volumes", self.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        networks.remove_unused(self.podman, used)

    def state(self) -> str:
        """Return podman's word for its state. Raises PodmanError where there is no such container."""
        return self.podman.run("container", "inspect", "--format", "{{.State.Status}}", self.name).strip()

    def console(self) -> bytes:
        """Return what it wrote to its console since it was created, over stops and reboots.

        Of very much the middle is left out: the beginning holds the SSH host keys, which cloud-init
        prints once in an instance's life.
        """
        done = subprocess.run(
            ["podman", *self.podman.args, "logs", self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return shorten(done.stdout.replace(b"\r\n", b"\n"))

    def attach(self, port: networks.Port) -> None:
        """Add an interface, running or not. Raises PodmanError, TableError or CalledProcessError."""
        flags = {"ip": "--ip", "ip6": "--ip6", "mac": "--mac-address"}
        with networks.in_use:
            network = networks.ensure(self.podman, port)
            networks.protect(self.podman)
            settings = [f"{flags[key]}={value}" for key, value in networks.options(network, port)]
            self.podman.run("network", "connect", *settings, network.name, self.name)
        if not network.routed:
            self._remember({**self._bare(), port.mac: port.interfaces})
        pid = self.podman.inspect(self.name)["State"]["Pid"]
        if pid:
            networks.let_loopback_through(network)
            if not network.routed:
                _set_addresses(pid, port.mac, port.interfaces)

    def detach(self, port: networks.Port) -> None:
        """Take an interface away, and its network with the last one. Raises PodmanError.

        Nova asks for it also while it deletes the instance; then there may be nothing to do.
        """
        if not self.podman.exists("container", self.name):
            return
        name = self.podman.network(port.network_id)
        self.podman.run("network", "disconnect", name, self.name)
        self._remember({mac: addresses for mac, addresses in self._bare().items() if mac != port.mac})
        networks.remove_unused(self.podman, [name])

    # Addresses on bare networks, {MAC: addresses}; podman does not know them.

    def _bare(self) -> dict[str, list[str]]:
        file = self.folder / "addresses.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def _remember(self, addresses: Mapping[str, Sequence[str]]) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "addresses.json").write_text(json.dumps(addresses))


def enter(pid: int, spaces: Sequence[str], *command: str) -> str:
    """Run a command of the guest's (or the host's, for `net` alone) in some of its name spaces."""
    inside = [*(f"--{space}" for space in spaces), "--target", str(pid)]
    done = subprocess.run(["nsenter", *inside, *command], check=True, capture_output=True, text=True)
    return done.stdout


def shorten(output: bytes) -> bytes:
    """Leave out the middle of much output, at line ends."""
    if len(output) <= _HEAD + _TAIL:
        return output
    head, _, _ = output[:_HEAD].rpartition(b"\n")
    _, _, tail = output[-_TAIL:].partition(b"\n")
    return head + b"\n[... left out ...]\n" + tail


def _set_addresses(pid: int, mac: str, addresses: Sequence[str]) -> None:
    for link in json.loads(enter(pid, ("net",), "ip", "-json", "link")):
        if link.get("address") == mac:
            for address in addresses:
                enter(pid, ("net",), "ip", "address", "replace", address, "dev", link["ifname"])
