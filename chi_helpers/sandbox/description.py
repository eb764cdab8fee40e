"""What one sandbox is: the values that all of its files are written from."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from chi_helpers.sandbox.place import Addresses

Machines = Literal["podman", "none"]
Extra = Literal["volumes", "objects"]
"""What a sandbox has only where it is asked for: each is a service more to load."""
EXTRAS: dict[Extra, str] = {"volumes": "cinder", "objects": "swift"}
"""The service behind each."""
PORTS = {
    "keystone": 5000,
    "placement": 8778,
    "glance": 9292,
    "neutron": 9696,
    "nova": 8774,
    "blazar": 1234,
    "reference": 8999,
    "cinder": 8776,
    "swift": 8080,
}
"""Of every service, whether or not a sandbox has it."""
DATABASES = (
    "keystone",
    "placement",
    "glance",
    "neutron",
    "nova",
    "nova_api",
    "nova_cell0",
    "blazar",
    "cinder",
)
"""In every sandbox, so that volumes can be added to one that exists."""
DOMAIN, PROJECT, OTHER_PROJECT = "chameleon", "CHI-sandbox", "CHI-other"
STUDENTS = ("student1", "student2", "student3", "student4")
INSTRUCTOR, OTHER, ADMIN, SERVICE_USER = "instructor", "other", "admin", "svc"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Every password of the site, generated once. Never printed: `repr` shows the names only."""

    database: str = field(repr=False)
    admin: str = field(repr=False)
    service: str = field(repr=False)
    users: dict[str, str] = field(repr=False)
    appcred: str = field(repr=False)
    appcred_restricted: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Description:
    """One sandbox. `folder` holds all its state."""

    name: str
    region: str
    folder: Path
    run: Path
    """Folder of the sockets."""
    label: str
    addresses: Addresses
    machines: Machines
    kvm_hosts: int
    secrets: Secrets
    site_id: str
    max_lease_seconds: int = 7 * 24 * 3600
    """Chameleon's cap for bare metal and GPU flavors: seven days."""
    image: str = ""
    """Container image of the machines, where there are any."""
    podman_args: tuple[str, ...] = ()
    extras: tuple[Extra, ...] = ()
    """In the order of `Extra`."""

    @property
    def services(self) -> tuple[str, ...]:
        """The services that this sandbox has, by their names in `PORTS`."""
        absent = {service for extra, service in EXTRAS.items() if extra not in self.extras}
        return tuple(service for service in PORTS if service not in absent)

    @property
    def auth_url(self) -> str:
        return f"http://{self.addresses.api}:{PORTS['keystone']}/v3"

    @property
    def reference_url(self) -> str:
        return f"http://{self.addresses.api}:{PORTS['reference']}"

    @property
    def db_socket(self) -> Path:
        return self.run / "db.sock"

    def url(self, service: str) -> str:
        """Base URL of a service as its catalog entry has it; Keystone fills in the project's id."""
        path = {
            "keystone": "/v3",
            "nova": "/v2.1",
            "blazar": "/v1",
            "cinder": "/v3/%(project_id)s",
            "swift": "/v1/AUTH_%(project_id)s",
        }.get(service, "")
        return f"http://{self.addresses.api}:{PORTS[service]}{path}"

    def database_url(self, database: str) -> str:
        return (
            f"mysql+pymysql://chi:{self.secrets.database}@localhost/{database}"
            f"?charset=utf8mb3&unix_socket={self.db_socket}"
        )

    @property
    def private_key(self) -> Path:
        return self.folder / "keys" / "id_ed25519"


def new_secrets() -> Secrets:
    users = (*STUDENTS, INSTRUCTOR, OTHER)
    return Secrets(
        database=secrets.token_urlsafe(24),
        admin=secrets.token_urlsafe(24),
        service=secrets.token_urlsafe(24),
        users={user: secrets.token_urlsafe(18) for user in users},
        appcred=secrets.token_urlsafe(32),
        appcred_restricted=secrets.token_urlsafe(32),
    )


def save(site: Description) -> None:
    """Write the description: `secrets.json`, and `site.json` for programs (no secret in it)."""
    write_private(site.folder / "secrets.json", json.dumps(asdict(site.secrets), indent=1))
    facts = {
        "name": site.name,
        "region": site.region,
        "folder": str(site.folder),
        "run": str(site.run),
        "label": site.label,
        "number": site.addresses.number,
        "host": site.addresses.api,
        "auth_url": site.auth_url,
        "reference_url": site.reference_url,
        "floating_range": list(site.addresses.floating_range),
        "machines": site.machines,
        "kvm_hosts": site.kvm_hosts,
        "max_lease_seconds": site.max_lease_seconds,
        "image": site.image,
        "podman_args": list(site.podman_args),
        "extras": list(site.extras),
        "site_id": site.site_id,
        "keypair": {
            "name": keypair_name(site.name),
            "private": str(site.private_key),
            "public": f"{site.private_key}.pub",
        },
    }
    write_private(site.folder / "site.json", json.dumps(facts, indent=1))


def load(folder: Path) -> Description | None:
    """The sandbox in `folder`, or None where there is none."""
    try:
        facts: dict[str, Any] = json.loads((folder / "site.json").read_text())
        hidden = json.loads((folder / "secrets.json").read_text())
    except FileNotFoundError:
        return None
    return Description(
        name=facts["name"],
        region=facts["region"],
        folder=folder,
        run=Path(facts["run"]),
        label=facts["label"],
        addresses=Addresses(facts["number"]),
        machines=facts["machines"],
        kvm_hosts=facts["kvm_hosts"],
        secrets=Secrets(**hidden),
        site_id=facts["site_id"],
        max_lease_seconds=facts["max_lease_seconds"],
        image=facts["image"],
        podman_args=tuple(facts["podman_args"]),
        extras=in_order(facts.get("extras", ())),
    )


def in_order(extras: Iterable[str]) -> tuple[Extra, ...]:
    """Each of them once, in the order of `Extra`. Names that are none are left out."""
    return tuple(extra for extra in get_args(Extra) if extra in set(extras))


def keypair_name(name: str) -> str:
    """Name of the students' key pair; JupyterHub calls its own `trovi-<artifact>`."""
    return f"chi-lab-{name}"


def new_site_id() -> str:
    return str(uuid4())


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text`, readable by its owner only, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
