"""One run of Ansible by ansible-runner: its folder, its environment, its events, its end."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chi_helpers.model.errors import LabKitError
from chi_helpers.provision.content import PLAYBOOK

Hear = Callable[[Mapping[str, Any]], None]
_SECRET = ("PASSWORD", "PASSCODE", "TOKEN", "SECRET")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run ended, in ansible-runner's words (`successful`, `failed`, `timeout`, `canceled`)."""

    status: str
    output: str
    """What ansible-playbook printed."""


def run(content: Path, inventory: str, folder: Path, hear: Hear, *, minutes: float, check: bool) -> Ended:
    """Run the playbook in `content`; `hear` is given every event, in the calling thread.

    `folder` is for this run alone: everything is written there, readable by its owner only. An
    interrupt (Ctrl-C) stops Ansible before it goes on up.
    """
    import ansible_runner

    (folder / "hosts.yml").touch(mode=0o600)
    (folder / "hosts.yml").write_text(inventory, encoding="utf-8")
    events: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
    stop = threading.Event()

    def keep(event: Mapping[str, Any]) -> bool:
        events.put(event)
        return False  # and not on disk

    with _sockets() as sockets:
        # In a thread of its own: ansible-runner would otherwise take over the process's signal handlers
        # for good (ansible_runner/utils/__init__.py, signal_handler), and Ctrl-C would be lost after it.
        thread, runner = ansible_runner.run_async(
            private_data_dir=str(folder),
            project_dir=str(content),
            playbook=PLAYBOOK,
            inventory=str(folder / "hosts.yml"),
            cmdline="--check" if check else None,
            envvars=_environment(content, folder, sockets),
            settings={"pexpect_timeout": 1, "job_timeout": int(minutes * 60)},
            suppress_env_files=True,
            quiet=True,
            event_handler=keep,
            cancel_callback=stop.is_set,
            finished_callback=lambda _: events.put(None),
        )
        try:
            _drain(events, thread, hear)
        except BaseException:
            stop.set()
            thread.join()
            raise
        thread.join()
    output = folder / "artifacts" / str(runner.config.ident) / "stdout"
    return Ended(str(runner.status), output.read_text(encoding="utf-8") if output.is_file() else "")


def _drain(events: queue.SimpleQueue[Mapping[str, Any] | None], thread: threading.Thread, hear: Hear) -> None:
    while True:
        try:
            event = events.get(timeout=1)
        except queue.Empty:
            if thread.is_alive():
                continue
            return
        if event is None:
            return
        hear(event)


def _environment(content: Path, folder: Path, sockets: str) -> dict[str, str]:
    # ansible-runner writes the environment of its child to a file, and the child needs no OpenStack.
    hidden = {name: "" for name in os.environ if name.startswith("OS_") and name.endswith(_SECRET)}
    beside = str(Path(sys.executable).parent)  # ansible-playbook of this environment, activated or not
    return {
        **hidden,
        "ANSIBLE_CONFIG": str(content / "ansible.cfg"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # ansible-runner's own default is False
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
        "ANSIBLE_NOCOLOR": "1",
        "PATH": os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]),
        # Ansible refuses to start in a locale that is not UTF-8.
        "LC_ALL": "C.UTF-8",
    }


@contextmanager
def _sockets() -> Iterator[str]:
    """A folder for SSH's shared connections, of this run alone.

    Of this run: a floating IP may belong to another node next time. In the system's temporary folder:
    the path of a socket may have about 100 characters.
    """
    folder = tempfile.mkdtemp(prefix="chi-")
    try:
        yield folder
    finally:
        for socket in Path(folder).iterdir():  # or the connections stay for as long as ControlPersist says
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "node"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=10,
            )
        shutil.rmtree(folder, ignore_errors=True)


class ProvisionError(LabKitError):
    """Ansible itself did not work: no node's fault."""
