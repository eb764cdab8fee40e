"""Whether this computer can run machines for a sandbox, and with which settings of podman.

The proof is to boot one: what works depends on the runtime, the version of cgroups, the capabilities
of this process and the image's systemd, and the combinations outnumber any table.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.machines import guest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS = {
    "podman": "podman",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "iptables": "iptables",  # netavark calls it
    "mmdebstrap": "mmdebstrap",
}
"""What must be there, and the Debian package that has it. Besides, one of RUNTIMES."""
RUNTIMES = ("crun", "runc")
PACKAGES = (*dict.fromkeys([*COMMANDS.values(), *RUNTIMES]),)
"""All Debian packages that machines need."""

_CANDIDATES: tuple[tuple[str, ...], ...] = (
    (),
    ("--runtime=crun",),
    ("--runtime=runc",),
    ("--runtime=crun", "--cgroup-manager=cgroupfs"),
    ("--runtime=runc", "--cgroup-manager=cgroupfs"),
)
_HINTS = {
    "RLIM_MEMLOCK": "crun on cgroup v2 needs CAP_SYS_RESOURCE; install runc.",
    "rlimit": "CAP_SYS_RESOURCE is missing.",
    "hybrid mode": "crun does not support this machine's cgroups; install runc.",
    "/sys/fs/cgroup": "This process may not make cgroups; be root, or use a machine with cgroup v2.",
    "legacy cgroup": "The image's systemd refuses cgroup v1; use a machine with cgroup v2.",
    "iptables": "podman's network needs iptables or nft support in the kernel.",
}
_BOOT = 120
"""Seconds a boot may take: two are usual, but a busy computer is no reason to go without machines."""
_CAP_SYS_RESOURCE = 24


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer. Where `ok`, `podman_args` are the global options with which it works."""

    ok: bool
    podman_args: tuple[str, ...] = ()
    reason: str = ""
    """Where not ok: what is missing, or what the last attempt said."""
    hint: str = ""
    """What can be done about it."""
    facts: dict[str, str | int | bool] = field(default_factory=dict)

    def advice(self) -> str:
        """Reason and hint, for a person."""
        return f"{self.reason} {self.hint}".strip()


def facts() -> dict[str, str | int | bool]:
    """Return what is known without trying, for a report."""
    status = Path("/proc/self/status").read_text()
    capabilities = int(status.split("CapEff:")[1].split()[0], 16)
    return {
        "root": os.geteuid() == 0,
        "cgroup": 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1,
        "CAP_SYS_RESOURCE": bool(capabilities >> _CAP_SYS_RESOURCE & 1),
        **{command: programs.find(command) or "" for command in (*COMMANDS, *RUNTIMES)},
    }


def missing() -> str | None:
    """Return at once what rules machines out here, with what to do about it; None if nothing does."""
    lacking = {package for command, package in COMMANDS.items() if programs.find(command) is None}
    if not any(programs.find(runtime) for runtime in RUNTIMES):
        lacking.add(RUNTIMES[0])
    problems = []
    if lacking:
        packages = " ".join(sorted(lacking))
        problems.append(f"Not installed: {packages}. Install with: sudo apt-get install {packages}.")
    if os.geteuid() != 0:
        problems.append("Machines need root: networks and packet rules are made for them. Use sudo.")
    return " ".join(problems) or None


def probe(image: str, run_options: Sequence[str] = guest.MACHINE) -> Probe:
    """Boot a container of the image with one setting after the other, until one works."""
    known = facts()
    problem = missing()
    if problem:
        return Probe(ok=False, reason=problem, facts=known)
    reason = ""
    for candidate in _candidates(known):
        runtime = next((arg.partition("=")[2] for arg in candidate if arg.startswith("--runtime")), "")
        if runtime and not known[runtime]:
            continue
        said = _boot(candidate, image, guest.boot_options(run_options))
        if said is None:
            return Probe(ok=True, podman_args=candidate, facts=known)
        reason = said
    hint = next((advice for text, advice in _HINTS.items() if text in reason), "")
    return Probe(ok=False, reason=f"A test machine did not boot: {reason}.", hint=hint, facts=known)


def _candidates(known: Mapping[str, object]) -> list[tuple[str, ...]]:
    """In the order to try. On cgroup v1 crun comes last, although it may boot one machine now.

    It refuses to start anything while a controller belongs to cgroup v2, and the kernel moves a
    controller there when the last container that used it on v1 ends.
    """
    if known["cgroup"] == 1:
        return sorted(_CANDIDATES, key=lambda candidate: "--runtime=runc" not in candidate)
    return list(_CANDIDATES)


def _boot(args: Sequence[str], image: str, options: Sequence[str]) -> str | None:
    """Return None if the image boots, or the reason why not."""
    podman = ["podman", *args]
    name = f"chi-probe-{os.getpid()}"
    started = _run(
        *podman, "run", "--detach", "--name", name, "--network=none", *options, image, "/sbin/init"
    )
    try:
        if started.returncode:
            return _last_line(started.stderr)
        end = time.monotonic() + _BOOT
        while time.monotonic() < end:
            asked = _run(*podman, "exec", name, "systemctl", "is-system-running")
            if asked.stdout.strip() in {"running", "degraded"}:
                return None
            state = _run(
                *podman, "container", "inspect", "--format", "{{.State.Status}}", name
            ).stdout.strip()
            if state != "running":
                return _last_line(_run(*podman, "logs", name).stdout) or "its init ended"
            time.sleep(0.1)
        return f"systemd is {asked.stdout.strip() or asked.stderr.strip()!r} after {_BOOT} s"
    finally:
        _run(*podman, "rm", "--force", "--ignore", "--time=0", "--volumes", name)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=programs.environment(),
        check=False,
    )


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else ""
