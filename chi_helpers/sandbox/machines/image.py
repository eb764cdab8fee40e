"""The node image: a small Debian with systemd, sshd and cloud-init, made here and kept in podman's storage.

Its name holds a hash of everything that it is made from, so that a change makes a new one and an
image that is there is right.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.errors import SandboxError
from chi_helpers.sandbox.machines import certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REPOSITORY = "localhost/chi-lab-node"
FALLBACK_SUITE = "bookworm"
"""For hosts that run no Debian. Its systemd (252) boots on cgroup v1 and v2 alike; 256 and later
refuse v1."""

_FOLDER = Path(__file__).parent / "node_image"
_NEEDED = {"mmdebstrap": "mmdebstrap", "podman": "podman"}
_TIMEOUT = 1800
_LINES = 15


def ensure(tell: Callable[[str], None] = lambda _: None) -> str:
    """Return the node image's name; build it where it is missing (a minute or two, the first time).

    `tell` hears what is going on. Raises SandboxError. Two builders at once: one builds, the other waits.
    """
    cache = cache_folder()
    suite = suite_of(platform_facts())
    own = certificates.extra()
    name = name_of(suite, own)
    if _exists(name):
        return name
    lacking = sorted(package for command, package in _NEEDED.items() if programs.find(command) is None)
    if lacking:
        raise SandboxError(
            f"The node image cannot be built: {' and '.join(lacking)} missing.",
            do=f"Install: apt-get install {' '.join(lacking)}",
        )
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(cache / "image.lock", tell):
        if not _exists(name):  # built meanwhile
            _build(name, suite, own, cache / "debs" / suite, tell)
    return name


def name_of(suite: str, own_certificates: tuple[str, ...], folder: Path = _FOLDER) -> str:
    """Return the image's name: made from the suite, the folder's files and the host's certificates."""
    digest = hashlib.sha256(suite.encode())
    for file in sorted(folder.iterdir()):
        if file.is_file():
            digest.update(b"\0".join([file.name.encode(), file.read_bytes(), b""]))
    for each in own_certificates:
        digest.update(each.encode())
    return f"{REPOSITORY}:{suite}-{digest.hexdigest()[:12]}"


def suite_of(facts: Mapping[str, str]) -> str:
    """Return the Debian suite for a host with this os-release: its own where it is a Debian."""
    if facts.get("ID") == "debian" and facts.get("VERSION_CODENAME"):
        return facts["VERSION_CODENAME"]
    return FALLBACK_SUITE


def platform_facts() -> dict[str, str]:
    """Return os-release; empty where there is none."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def mirror_of(sources: str) -> str:
    """Return the first archive in APT's sources (either format); "" where there is none.

    Only HTTP counts. What a host has else, lists of mirrors in files of its own (`mirror+file:`, on
    Debian's cloud images) or its installer's `cdrom:`, is nothing to build an image from.
    """
    for line in sources.splitlines():
        words = line.split()
        if words and words[0] in {"URIs:", "deb"}:
            found = next((word for word in words[1:] if word.startswith(("http://", "https://"))), "")
            if found:
                return found
    return ""


def cache_folder() -> Path:
    """Where packages are kept, for the next build and for one without a network."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chi-lab"


def _host_mirror(facts: Mapping[str, str]) -> str:
    """Return the archive that this host uses; "" (mmdebstrap's own choice) where it is no Debian."""
    if facts.get("ID") != "debian":
        return ""
    apt = Path("/etc/apt")
    files = [apt / "sources.list.d" / "debian.sources", apt / "sources.list"]
    found = (mirror_of(file.read_text()) for file in files if file.exists())
    return next((mirror for mirror in found if mirror), "")


def _build(name: str, suite: str, own: tuple[str, ...], debs: Path, tell: Callable[[str], None]) -> None:
    tell(f"building the node image (Debian {suite}); once, a minute or two")
    debs.mkdir(parents=True, exist_ok=True)
    work = debs.parent / f"build-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        (work / "host-ca.crt").write_text("".join(own))
        log = debs.parent / "build.log"
        with log.open("wb") as output:
            done = subprocess.run(
                ["bash", str(_FOLDER / "build.sh")],
                env={
                    **programs.environment(),
                    "IMAGE": name,
                    "SUITE": suite,
                    "MIRROR": _host_mirror(platform_facts()),
                    "DEBS": str(debs),
                    "WORK": str(work),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_TIMEOUT,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"The node image was not ready after {_TIMEOUT} s; see {log}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if done.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-_LINES:])
        raise SandboxError(
            f"The node image could not be built:\n{end}",
            do=f"The whole log is in {log}. Without a node image: chi-lab sandbox up --machines none",
        )


def _exists(name: str) -> bool:
    if programs.find("podman") is None:
        return False
    return (
        subprocess.run(
            ["podman", "image", "exists", name], env=programs.environment(), check=False, capture_output=True
        ).returncode
        == 0
    )


@contextmanager
def _locked(path: Path, tell: Callable[[str], None]) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another process builds the node image; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
