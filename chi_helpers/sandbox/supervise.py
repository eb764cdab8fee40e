"""The sandbox's processes, under supervisord: one of its own for every sandbox.

supervisord (https://supervisord.org) restarts what dies, rotates logs and stops whole groups;
this module writes its configuration and asks it over its socket, which is 0600.
"""

from __future__ import annotations

import configparser
import io
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import Faults, SupervisorTransport

from chi_helpers.sandbox import database
from chi_helpers.sandbox.description import Description, write_private
from chi_helpers.sandbox.environment import service_environment
from chi_helpers.sandbox.errors import SandboxError, ServiceDiedError

DATABASE = "mariadb"
_ENDED = ("FATAL", "EXITED", "STOPPED")
"""States out of which supervisord starts nothing by itself."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One process as supervisord sees it; `state` is its word (RUNNING, STARTING, FATAL ...)."""

    name: str
    state: str
    pid: int
    since: int
    """Unix time of its last start; 0 if it never ran."""
    detail: str


class _StoppingError(Exception):
    """supervisord is stopping its processes, and answers nothing else."""


class Supervisor:
    """The supervisord of one sandbox."""

    def __init__(self, site: Description) -> None:
        self.site = site
        self.socket = site.run / "supervisor.sock"
        self.config = site.folder / "etc" / "supervisord.conf"

    # -- the daemon -------------------------------------------------------

    def start(self) -> None:
        """Start supervisord with every process of the site; where it runs, what is new or has given up."""
        self.config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.config, configuration(self.site, self.socket))
        if self.running():
            self._start_the_rest()
            return
        self.socket.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(self.config)],
            env=service_environment(self.site),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SandboxError(f"supervisord did not start: {(done.stderr or done.stdout).strip()[-800:]}")
        end = time.monotonic() + 10
        while not self.running():
            if time.monotonic() > end:
                raise SandboxError(f"supervisord does not answer; see {self.site.folder}/log/supervisord.log")
            time.sleep(0.02)

    def _start_the_rest(self) -> None:
        states = self.states()
        if added := [name for name in programs(self.site) if name not in states]:
            self._call("reloadConfig")
            for name in added:
                self._call("addProcessGroup", name)  # it starts what it adds
        for state in states.values():
            if state.state in _ENDED:
                self._call("startProcess", state.name, False)  # do not wait

    def let_it_stop(self, seconds: float = 90) -> None:
        """Wait for a supervisord that is stopping, after an interrupted `down`; return at once otherwise."""
        if not self.running() and (stopping := self._pid()) is not None:
            self._wait_for_the_end(stopping, seconds)

    def stop(self, seconds: float = 90) -> None:
        """Stop every process and supervisord itself; returns when they are gone."""
        pid = self._pid()
        if pid is None:
            return
        with suppress(OSError, _StoppingError):
            self._call("shutdown")
        self._wait_for_the_end(pid, seconds)

    def running(self) -> bool:
        """Whether supervisord answers, and is not about to stop."""
        if not self.socket.exists():
            return False
        try:
            self._call("getState")
            self._call("getPID")
        except (OSError, _StoppingError):
            return False
        return True

    def _pid(self) -> int | None:
        """Its process, also while it is stopping; None where it does not run."""
        try:
            pid = int((self.site.run / "supervisord.pid").read_text())
            alive = psutil.Process(pid)
            # A zombie is gone, whoever was to reap it; and the number may be another program's by now.
            if alive.status() == psutil.STATUS_ZOMBIE or str(self.config) not in alive.cmdline():
                return None
        except (OSError, ValueError, psutil.Error):
            return None
        return pid

    def _wait_for_the_end(self, pid: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._pid() == pid:
            if time.monotonic() > end:
                raise SandboxError(
                    f"supervisord (pid {pid}) is still stopping its processes after {seconds:g} s."
                )
            time.sleep(0.02)

    # -- its processes ----------------------------------------------------

    def states(self) -> dict[str, ServiceState]:
        """Every process by name; empty where supervisord does not run."""
        if not self.socket.exists():
            return {}
        try:
            found = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        except (OSError, _StoppingError):
            return {}
        return {
            one["name"]: ServiceState(
                one["name"], one["statename"], one["pid"], one["start"], one["spawnerr"] or one["description"]
            )
            for one in found
        }

    def wait(
        self,
        ready: Mapping[str, Callable[[], bool]],
        tell: Callable[[str], None] = lambda _: None,
        seconds: float = 120,
    ) -> None:
        """Wait until every process in `ready` is, telling who is not yet.

        Raises ServiceDiedError, with the end of its log, as soon as one of them dies twice.
        """
        end = time.monotonic() + seconds
        missing = dict(ready)
        starts: dict[str, int] = {}
        deaths: dict[str, int] = {}
        tell(", ".join(missing))
        while missing:
            missing = {name: check for name, check in missing.items() if not check()}
            states = self.states()
            for name in missing:
                if (state := states.get(name)) is None:
                    raise ServiceDiedError(f"supervisord is gone while {name} was starting.")
                if starts.setdefault(name, state.since) != state.since:
                    starts[name] = state.since
                    deaths[name] = deaths.get(name, 0) + 1
                if state.state == "FATAL" or deaths.get(name, 0) > 1:
                    raise self._died(name, f"does not start ({state.detail or state.state})")
                if time.monotonic() > end:
                    raise self._died(name, f"does not answer after {seconds:g} s")
            if missing:
                tell(", ".join(missing))
                time.sleep(0.05)

    def _died(self, name: str, what: str) -> ServiceDiedError:
        return ServiceDiedError(f"{name} {what}.\nThe end of its log:\n{tail(self.log(name), 25)}")

    def log(self, name: str) -> Path:
        return log_file(self.site, name)

    def _call(self, method: str, *arguments: object) -> object:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except Fault as error:
            if error.faultCode == Faults.SHUTDOWN_STATE:
                raise _StoppingError from error
            raise SandboxError(f"supervisord: {error.faultString}") from error
        finally:
            transport.close()


def programs(site: Description) -> tuple[str, ...]:
    """The names of all its processes."""
    return DATABASE, *site.services


def log_file(site: Description, name: str) -> Path:
    return site.folder / "log" / f"{name}.log"


def tail(path: Path, lines: int) -> str:
    """The last lines of a file, or nothing where there is none."""
    try:
        with path.open(errors="replace") as file:
            return "".join(deque(file, lines)).rstrip()
    except FileNotFoundError:
        return ""


def configuration(site: Description, socket: Path) -> str:
    """supervisord.conf of this site. No password is in it."""
    parser = configparser.RawConfigParser()
    server = f"unix://{socket}"
    parser["unix_http_server"] = {"file": str(socket), "chmod": "0600"}
    parser["supervisorctl"] = {"serverurl": server}
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    parser["supervisord"] = {
        "logfile": str(site.folder / "log" / "supervisord.log"),
        "logfile_maxbytes": "1MB",
        "logfile_backups": "2",
        "pidfile": str(site.run / "supervisord.pid"),
        "umask": "077",
        "directory": str(site.folder),
        "identifier": site.label,
        "nocleanup": "true",
    }
    commands = {
        DATABASE: database.server_command(site.folder / "db", site.db_socket),
        **{name: [sys.executable, "-m", "chi_helpers.sandbox.serve", name] for name in site.services},
    }
    for name, command in commands.items():
        parser[f"program:{name}"] = _program(site, name, command)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _program(site: Description, name: str, command: list[str]) -> Mapping[str, str]:
    if setpriv := shutil.which("setpriv"):
        # A killed supervisord takes its processes along, or they would hold ports and data.
        command = [setpriv, "--pdeathsig", "TERM", *command]
    return {
        "command": " ".join(_quoted(word) for word in command),
        "autostart": "true",
        "autorestart": "true",
        "startsecs": "2",
        "startretries": "5",
        "stopasgroup": "true" if name != DATABASE else "false",
        "killasgroup": "true",
        # The services are stopped at once; the database writes its pages out.
        "stopwaitsecs": "60" if name == DATABASE else "10",
        # It is started first and stopped last.
        "priority": "1" if name == DATABASE else "10",
        "redirect_stderr": "true",
        "stdout_logfile": str(log_file(site, name)),
        "stdout_logfile_maxbytes": "5MB",
        "stdout_logfile_backups": "3",
    }


def _quoted(word: str) -> str:
    """As supervisord reads a command line: shell quotes, and % doubled."""
    word = word.replace("%", "%%")
    return word if word.replace("/", "").replace("-", "").replace("_", "").isalnum() else f'"{word}"'
