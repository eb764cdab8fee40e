"""What a run leaves that was killed: its folder, and Ansible itself, which does not notice and goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

PREFIX = "ansible-"
"""How the names of such folders begin."""
_SECONDS = 5.0


def clear(state_dir: Path, prefix: str) -> None:
    """End the Ansible of runs whose folders are in `state_dir`, and remove these folders.

    ansible-runner starts Ansible so that it ignores the end of its terminal. Beside it a new run would do the
    same work at the same time. The caller holds the lab's lock: no other run is under way.
    """
    for folder in state_dir.glob(f"{prefix}*"):
        _end(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path) -> None:
    """Ansible and its workers name the inventory in the folder, whose name is of that run alone."""
    inside = f"{folder}/"
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        if any(word.startswith(inside) for word in process.info["cmdline"] or ()):
            found.append(process)
            try:
                found += process.children(recursive=True)
            except psutil.NoSuchProcess:
                continue
    for process in found:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(found, timeout=_SECONDS)
    for process in alive:
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=_SECONDS)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
