"""Where a sandbox lives: its folder, its name, and the loopback network that is its own.

Every sandbox has a /16 of the loopback network to itself, so that Keystone can have port 5000
(python-chi takes no other) whatever else runs on the machine, and so that floating IPs of two
sandboxes never meet. The networks are handed out from a small registry in the user's state folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from chi_helpers.config.state import state_folder
from chi_helpers.model.errors import UsageError
from chi_helpers.sandbox.errors import SandboxError

DEFAULT_NAME = "sandbox"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_FIRST_NET = 77
_NETS = 48
_SOCKET_PATH_MAX = 90
"""Unix socket paths end at 107 bytes; ours add up to 17 behind the folder."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the sandbox with this number (0 to 47)."""

    number: int

    @property
    def net(self) -> str:
        """First two octets of the sandbox's loopback network."""
        return f"127.{_FIRST_NET + self.number}"

    @property
    def api(self) -> str:
        """Every service listens here, and only here."""
        return f"{self.net}.0.10"

    @property
    def public_cidr(self) -> str:
        return f"{self.net}.0.0/16"

    @property
    def public_gateway(self) -> str:
        return f"{self.net}.0.1"

    @property
    def floating_pool(self) -> tuple[str, str]:
        """First and last address that Neutron hands out."""
        return f"{self.net}.1.1", f"{self.net}.199.254"

    @property
    def reservable_floating_ips(self) -> tuple[str, ...]:
        """Outside the pool: Blazar refuses to reserve addresses that Neutron may hand out."""
        return tuple(f"{self.net}.200.{n}" for n in range(1, 11))

    @property
    def floating_range(self) -> tuple[str, str]:
        """Where only floating IPs live; the API address is outside."""
        return f"{self.net}.1.0", f"{self.net}.255.255"

    @property
    def shared_cidr(self) -> str:
        """Subnet of sharednet1, a /22 as at KVM@TACC; podman wants them unique on a machine."""
        return f"10.56.{4 * self.number}.0/22"


def check_name(name: str) -> str:
    """`name`, where it can name a sandbox; raises UsageError otherwise."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot name a sandbox.",
            do="Use lower case letters, digits and '-', starting with a letter, at most 31 characters.",
        )
    return name


def default_region(name: str) -> str:
    """`CHI@Sandbox` for the default sandbox; `CHI@West` for one called west."""
    return f"CHI@{name.title().replace('-', '')}"


def user_state() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "chi-lab"


def cache_root() -> Path:
    """What can be made again: the schema image, the package cache of the node image."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chi-lab"


def folder_of(name: str) -> Path:
    return state_folder(os.environ, Path.cwd()).resolve() / "sandbox" / check_name(name)


def label_of(folder: Path) -> str:
    """What marks this sandbox's containers, networks and packet rules on the machine."""
    return f"{folder.name}-{sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"


def run_dir(folder: Path) -> Path:
    """Folder of the sandbox's sockets: its own `run/`, or a short one where that path is too long."""
    inside = folder / "run"
    if len(str(inside).encode()) <= _SOCKET_PATH_MAX:
        inside.mkdir(mode=0o700, parents=True, exist_ok=True)
        return inside
    short = Path("/tmp") / f"chi-lab-{os.getuid()}" / label_of(folder)[-8:]  # noqa: S108 - checked below
    for part in (short.parent, short):
        part.mkdir(mode=0o700, exist_ok=True)
        found = part.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise SandboxError(
                f"{part} belongs to someone else or is open to others, and the path of {folder} is "
                f"too long for sockets.",
                do="Remove that folder, or set CHI_LAB_STATE to a shorter path.",
            )
    return short


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; waits for whoever has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def claim(folder: Path) -> Addresses:
    """The addresses of the sandbox in `folder`, the same on every call until `release`."""
    registry = user_state() / "addresses.json"
    with locked(registry.with_suffix(".lock")):
        taken = _read(registry)
        mine = str(folder.resolve())
        number = taken.get(mine)
        if number is None:
            free = sorted(set(range(_NETS)) - set(taken.values()))
            if not free:
                raise SandboxError(
                    f"All {_NETS} loopback networks for sandboxes are in use.",
                    do=f"Reset a sandbox that you no longer need; {registry} lists their folders.",
                )
            number = free[0]
            _write(registry, {**taken, mine: number})
    return Addresses(number)


def release(folder: Path) -> None:
    """Give the addresses of `folder` back."""
    registry = user_state() / "addresses.json"
    with locked(registry.with_suffix(".lock")):
        taken = _read(registry)
        if taken.pop(str(folder.resolve()), None) is not None:
            _write(registry, taken)


def _read(registry: Path) -> dict[str, int]:
    """Claims whose folder still exists: a checkout that was deleted holds nothing."""
    if not registry.exists():
        return {}
    return {k: int(v) for k, v in json.loads(registry.read_text()).items() if Path(k).is_dir()}


def _write(registry: Path, claims: dict[str, int]) -> None:
    fresh = registry.with_suffix(".new")
    fresh.write_text(json.dumps(claims, indent=1))
    fresh.replace(registry)
