"""Ansible that outlived the `chi-lab` that started it, for example because that was killed.

ansible-runner starts Ansible in a session of its own (pexpect), so that what ends a whole process group does
not reach it. Two of them at once on one node would each change what the other has just checked.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SECONDS = 10.0
_POLL = 0.1
_PROC = Path("/proc")


def end(folders: str) -> int:
    """End every ansible-playbook of this user whose inventory lies in a folder that begins with `folders`.

    `folders` is a path of the lab alone, so nobody else's is meant. Gives how many there were; 0 on systems
    that do not tell about processes in /proc.
    """
    found = list(_running(folders))
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + _SECONDS
    while any(_is_there(pid, folders) for pid in found) and time.monotonic() < until:
        time.sleep(_POLL)
    for pid in found:
        if _is_there(pid, folders):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return len(found)


def _running(folders: str) -> Iterator[int]:
    with suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and _is_there(int(entry.name), folders):
                yield int(entry.name)


def _is_there(pid: int, folders: str) -> bool:
    """Whether the process is one; it is read anew each time, for an id may be given to another one."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        mine = (_PROC / str(pid)).stat().st_uid == os.geteuid()
    except OSError:
        return False
    named = any(Path(word).name == "ansible-playbook" for word in words[:2])
    return state != "Z" and mine and named and any(word.startswith(folders) for word in words)
