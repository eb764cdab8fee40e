"""Where a sandbox lives: its folder, its name, and the loopback network that is its own.

Every sandbox has a /16 of the loopback network to itself, so that Keystone can have port 5000
(python-chi takes no other) whatever else runs on the machine, and so that floating IPs of two
sandboxes never meet. Who has which network is written down in a folder that all users of the machine share.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
_KEYSTONE = 5000
REGISTRY = Path("/var/tmp/chi-lab-addresses")  # noqa: S108 - see `_claims`; it must survive a reboot
"""One file for each network that is taken; its name is the number, its text the sandbox's folder."""
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


def claim(folder: Path, evict: Callable[[str], object] = lambda _: None) -> Addresses:
    """The addresses of the sandbox in `folder`, the same on every call until `release`.

    A claim is a file of its own, made by whoever makes it first, so that no lock is needed. Claims of
    ours whose folder was deleted end here; `evict` removes what such a sandbox (its label is given) may
    have left on the machine.
    """
    mine = str(folder.resolve())
    claims = _claims()
    for number, holder in list(claims.items()):
        if holder and _gone(holder) and _ours(REGISTRY / str(number)):
            evict(label_of(Path(holder)))
            (REGISTRY / str(number)).unlink(missing_ok=True)
            del claims[number]
    for number, holder in claims.items():
        if holder == mine:
            return Addresses(number)
    for number in range(_NETS):
        # Something may listen there without a claim: it would be in the way all the same.
        if number not in claims and _silent(Addresses(number)) and _take(number, mine):
            return Addresses(number)
    raise SandboxError(
        f"All {_NETS} loopback networks for sandboxes are in use.",
        do=f"Reset a sandbox that you no longer need; the files in {REGISTRY} say whose they are.",
    )


def hold(folder: Path, addresses: Addresses) -> None:
    """Claim again what a sandbox had: claims may have been cleaned away while it was down.

    Raises SandboxError where another sandbox has taken the network meanwhile.
    """
    mine = str(folder.resolve())
    holder = _claims().get(addresses.number)
    if holder is None and not _take(addresses.number, mine):
        holder = _claims().get(addresses.number)
    if holder not in (None, mine):
        raise SandboxError(
            f"The network {addresses.public_cidr} of this sandbox now belongs to another: {holder}.",
            do="Reset one of the two: a sandbox's addresses are part of what it stores.",
        )


def release(folder: Path) -> None:
    """Give the addresses of `folder` back."""
    mine = str(folder.resolve())
    for number, holder in _claims().items():
        if holder == mine:
            (REGISTRY / str(number)).unlink(missing_ok=True)


def _silent(addresses: Addresses) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((addresses.api, _KEYSTONE)) != 0


def _take(number: int, folder: str) -> bool:
    path = REGISTRY / str(number)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(folder)
    return True


def _claims() -> dict[int, str]:
    """`{number: folder}`; the folder is empty where another user keeps it to himself."""
    with suppress(FileExistsError):
        REGISTRY.mkdir(parents=True)
        REGISTRY.chmod(0o1777)  # as /tmp: everybody may claim, nobody may remove another's claim
    if REGISTRY.is_symlink() or not REGISTRY.is_dir():
        raise SandboxError(
            f"{REGISTRY} is not a folder.", do="Remove it; sandboxes keep their addresses there."
        )
    found: dict[int, str] = {}
    for path in REGISTRY.iterdir():
        if not path.name.isdecimal():
            continue
        try:
            found[int(path.name)] = path.read_text()
        except (OSError, ValueError):
            found[int(path.name)] = ""  # it is taken, and that is all we need to know
    return found


def _gone(folder: str) -> bool:
    try:
        return not Path(folder).exists()
    except OSError:
        return False


def _ours(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except FileNotFoundError:
        return False
