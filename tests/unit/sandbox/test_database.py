"""The private MariaDB works for whoever starts it, and for nobody else."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
LIFE = """
import subprocess, sys
from pathlib import Path
from chi_helpers.sandbox import database
folder = Path(sys.argv[1])
data, socket = folder / "db", folder / "db.sock"
database.install(data)
log = (folder / "log").open("wb")
server = subprocess.Popen(database.server_command(data, socket), stdout=log, stderr=log)
try:
    database.wait(socket, server, 60)
    database.sql(socket, database.create_databases("first", ["one"]) + database.set_password("second"))
    print(database.sql(socket, "show databases; select current_user();"))
finally:
    server.terminate()
    server.wait(60)
"""


@pytest.fixture
def open_folder():
    """A folder that other users may enter; pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="chi-lab-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def life(folder: Path, user: pwd.struct_passwd) -> str:
    """Install, start, use and stop a server as `user`, with a Python that every user may run."""
    shutil.copytree(TOP / "chi_helpers", folder / "chi_helpers", ignore=shutil.ignore_patterns("__pycache__"))
    home = folder / "home"
    home.mkdir(mode=0o700)
    become = []
    if user.pw_uid != os.geteuid():
        os.chown(home, user.pw_uid, user.pw_gid)
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    assert python, "the package python3 is missing"
    done = subprocess.run(
        [*become, python, "-c", LIFE, str(home)],
        # As `su` may leave it: somebody else's name.
        env={
            "PYTHONPATH": str(folder),
            "USER": "somebody",
            "LOGNAME": "somebody",
            "PATH": os.environ["PATH"],
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_database_works_for_the_user_who_runs_it(open_folder):
    me = pwd.getpwuid(os.geteuid())
    said = life(open_folder, me)
    assert "one" in said.split()
    assert f"{me.pw_name}@localhost" in said


def test_the_database_works_for_an_ordinary_user(open_folder):
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    said = life(open_folder, user)
    assert "one" in said.split()
    assert f"{user.pw_name}@localhost" in said
