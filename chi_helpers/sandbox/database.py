"""A private MariaDB: own data folder, own socket, no network, no system service.

Blazar needs MariaDB or MySQL: on SQLite it returns timestamps with a fraction, which python-chi
1.2.10 cannot parse (chi/lease.py), and Neutron's and Blazar's migrations fail.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from chi_helpers.sandbox import programs
from chi_helpers.sandbox.description import DATABASES
from chi_helpers.sandbox.errors import SandboxError

PACKAGES = "mariadb-server-core mariadb-client-core"


def find(program: str) -> str:
    """Path of a MariaDB program. Raises SandboxError that names the packages where it is not installed."""
    if found := programs.find(program):
        return found
    raise SandboxError(
        f"{program} is not installed; the sandbox keeps its state in a private MariaDB.",
        do=f"Install it, on Debian: sudo apt-get install {PACKAGES}",
    )


def server_command(data: Path, socket: Path) -> list[str]:
    """Command line of the server."""
    command = [
        find("mariadbd"),
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={socket}",
        f"--pid-file={data}/mariadbd.pid",
        "--skip-networking",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--performance-schema=OFF",
        "--character-set-server=utf8mb3",
        "--max-connections=500",
        # A crash of the machine may lose the last second: this is a sandbox.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=96M",
        "--innodb-log-file-size=48M",
        "--innodb-lock-wait-timeout=10",
        # Half of a start, and of a stop, is reading and writing a cache that is warm in seconds.
        "--innodb-buffer-pool-load-at-startup=OFF",
        "--innodb-buffer-pool-dump-at-shutdown=OFF",
    ]
    # It will not run as root unless told; the folder is 0700, so a user of its own protects nothing.
    return [*command, "--user=root"] if os.geteuid() == 0 else command


def administrator() -> str:
    """The database's administrator: the account of this process, which its socket vouches for.

    By user id, not by $USER, which `su` and `sudo` may leave to somebody else.
    """
    return pwd.getpwuid(os.geteuid()).pw_name


def install(data: Path) -> None:
    """Make a new data folder, whose administrator is the user of this process."""
    command = [
        find("mariadb-install-db"),
        "--no-defaults",
        f"--datadir={data}",
        "--skip-test-db",
        "--auth-root-authentication-method=socket",
        f"--auth-root-socket-user={administrator()}",
    ]
    if os.geteuid() == 0:
        command.append("--user=root")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"mariadb-install-db failed: {(done.stderr or done.stdout).strip()[-800:]}")


def sql(socket: Path, statements: str) -> str:
    """Run statements as the administrator; they go in by stdin, so passwords stay out of `ps`."""
    done = subprocess.run(
        [find("mariadb"), "--no-defaults", "-S", str(socket), "-u", administrator(), "--skip-column-names"],
        input=statements,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SandboxError(f"MariaDB refused: {done.stderr.strip()[-800:]}")
    return done.stdout


def answers(socket: Path) -> bool:
    """Whether the server behind `socket` takes statements."""
    if not socket.exists():
        return False
    try:
        sql(socket, "select 1;")
    except SandboxError:
        return False
    return True


def wait(socket: Path, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Wait until a server started by us answers."""
    end = time.monotonic() + seconds
    while not answers(socket):
        if process.poll() is not None:
            raise SandboxError(f"mariadbd ended with status {process.returncode}")
        if time.monotonic() > end:
            raise SandboxError(f"mariadbd did not answer within {seconds:g} s")
        time.sleep(0.05)


def create_databases(password: str, databases: Sequence[str] = DATABASES) -> str:
    """Statements that make the databases and the services' user; `password` has no quotes in it."""
    return f"create user chi@localhost identified by '{password}';" + "".join(
        f"create database {name} character set utf8mb3; grant all on {name}.* to chi@localhost;"
        for name in databases
    )


def set_password(password: str) -> str:
    """Statement that gives the services' user a new password."""
    return f"alter user chi@localhost identified by '{password}';"
