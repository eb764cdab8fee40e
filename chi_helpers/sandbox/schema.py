"""The schema image: a data folder of MariaDB with every service's tables, made once.

The services' own migrations take about twenty seconds on two cores, Neutron's alone most of it.
They depend on nothing but the versions of the services and of MariaDB, so they run once, at
set-up; a new sandbox starts from a copy.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from chi_helpers.sandbox import database, place
from chi_helpers.sandbox.conf import write_all
from chi_helpers.sandbox.conf.ini import distributed
from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.environment import service_environment
from chi_helpers.sandbox.errors import SandboxError

_PACKAGES = (
    "keystone",
    "openstack-placement",
    "glance",
    "neutron",
    "nova",
    "blazar",
    "cinder",
    "SQLAlchemy",
    "alembic",
)
_LAYOUT = "4"
"""Raise it when `_jobs` or the server's options change what an image holds."""
_CELL = "{scheme}://{username}:{password}@{hostname}/"


def versions() -> str:
    """The versions of the services, whose tables these are."""
    return "\n".join(f"{name}=={version(name)}" for name in _PACKAGES)


def key() -> str:
    """What an image depends on, as a short hash."""
    server = subprocess.run(
        [database.find("mariadbd"), "--no-defaults", "--version"], capture_output=True, text=True, check=True
    ).stdout
    # The image belongs to, and is administered by, the user who made it: `sudo -E` shares the folder.
    return sha256(f"{_LAYOUT}\n{os.geteuid()}\n{server}\n{versions()}".encode()).hexdigest()[:16]


def image_folder() -> Path:
    return place.cache_root() / "schema" / key()


def ensure(site: Description, tell: Callable[[str], None]) -> Path:
    """The image's data folder; makes it first where it is missing. `site` lends its settings."""
    folder = image_folder()
    with place.locked(folder.parent / "lock"):
        if not folder.exists():
            tell("creating the services' tables, once (about 25 s)")
            _make(site, folder)
    return folder


def restore(image: Path, data: Path) -> None:
    """Copy the image to `data`; sharing blocks where the file system can."""
    subprocess.run(["cp", "-a", "--reflink=auto", "--sparse=always", str(image), str(data)], check=True)


def _make(site: Description, folder: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    draft = replace(
        site,
        folder=work,
        run=_socket_folder(work),
        secrets=replace(site.secrets, database=secrets.token_urlsafe(24)),
        extras=("volumes",),  # its tables are in every image
    )
    data = work / "db"
    try:
        write_all(draft)
        database.install(data)
        with (work / "mariadb.log").open("wb") as log:
            server = subprocess.Popen(
                database.server_command(data, draft.db_socket),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            database.wait(draft.db_socket, server)
            database.sql(draft.db_socket, database.create_databases(draft.secrets.database))
            _run_jobs(draft)
        finally:
            server.terminate()
            server.wait(60)
        data.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if draft.run != work / "run":
            shutil.rmtree(draft.run, ignore_errors=True)


def _socket_folder(work: Path) -> Path:
    return place.run_dir(work)


def _run_jobs(site: Description) -> None:
    environment = service_environment(site)
    running = []
    for number, job in enumerate(_jobs(site)):
        log = site.folder / f"job{number}.log"
        script = "set -e\n" + "\n".join(job)
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["/bin/sh", "-c", script], stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment
            )
        running.append((process, log))
    failed = [(process, log) for process, log in running if process.wait()]
    if failed:
        tail = failed[0][1].read_text(errors="replace")[-2000:]
        raise SandboxError(f"The services' tables could not be created:\n{tail}")


def _jobs(site: Description) -> list[list[str]]:
    """Shell commands, in lists that run side by side. No secret is in them."""
    bin_folder = Path(sys.executable).parent
    etc = site.folder / "etc"

    def run(program: str, config: str, arguments: str) -> str:
        path = bin_folder / program
        if not os.access(path, os.X_OK):
            raise SandboxError(
                f"{program} is not installed beside {sys.executable}.",
                do="Install the sandbox's services: pip install 'chi-lab-kit[sandbox]'.",
            )
        return f"'{path}' --config-file '{etc / config}' {arguments}"

    glance = "glance/glance-api.conf"
    metadefs = distributed("glance", "metadefs")
    return [
        [run("neutron-db-manage", "neutron/neutron.conf", "upgrade heads")],
        [
            run("nova-manage", "nova/nova.conf", "api_db sync"),
            # A template, filled in from nova.conf at run time: the image holds no password.
            run(
                "nova-manage",
                "nova/nova.conf",
                f"cell_v2 map_cell0 --database_connection '{_CELL}nova_cell0?{{query}}'",
            ),
            run("nova-manage", "nova/nova.conf", "db sync"),
            run(
                "nova-manage",
                "nova/nova.conf",
                "cell_v2 create_cell --name cell1 --transport-url fake:/// "
                f"--database_connection '{_CELL}nova?{{query}}'",
            ),
        ],
        [
            run("keystone-manage", "keystone/keystone.conf", "db_sync"),
            run("placement-manage", "placement/placement.conf", "db sync"),
            run("glance-manage", glance, "db_sync"),
            run("glance-manage", glance, f"db_load_metadefs '{metadefs}'"),
            run("blazar-db-manage", "blazar/blazar.conf", "upgrade head"),
            run("cinder-manage", "cinder/cinder.conf", "db sync"),
        ],
    ]
