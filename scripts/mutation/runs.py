"""Runs of pytest over a copy of the checkout, each in a process of its own that can be ended."""

from __future__ import annotations

import compileall
import contextlib
import importlib.util
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SCRIPTS = Path(__file__).resolve().parents[1]
MEMORY = 12 * 2**30
"""Bytes of address space: a mutant that collects for ever must not take the machine along."""
NOT_COPIED = (".git", ".venv", ".chi-lab", "__pycache__", ".hypothesis", ".*_cache", "node_modules")


class Task(NamedTuple):
    key: Any
    limit: float
    """Seconds."""
    work: Callable[[Path], dict[str, Any]]
    """What a process does in its copy; its answer must fit into JSON."""
    changed: tuple[str, str] | None = None
    """A file of the copy, and the text that it has meanwhile."""


class Ended(NamedTuple):
    key: Any
    answer: dict[str, Any] | None
    """None: the process ended without one."""
    in_time: bool


@contextlib.contextmanager
def copies(top: Path, count: int) -> Iterator[list[Path]]:
    """Copies of the checkout: what a mutant or its tests write stays out of it."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        made = [Path(folder) / f"{number}" / "checkout" for number in range(count)]
        shutil.copytree(top, made[0], ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
        compileall.compile_dir(made[0], quiet=2)
        for copy in made:
            if copy != made[0]:
                shutil.copytree(made[0], copy, symlinks=True)
            (copy.parent / "home").mkdir()
        yield made


def each(tasks: list[Task], places: list[Path]) -> Iterator[Ended]:
    """Do the tasks, one in each copy at a time; the answers come as they are ready."""
    waiting, free, running = list(reversed(tasks)), list(places), dict[int, tuple[Task, Path, float, str]]()
    try:
        while waiting or running:
            while waiting and free:
                task, copy = waiting.pop(), free.pop()
                original = "" if task.changed is None else _write(copy, *task.changed)
                running[_started(task, copy)] = (task, copy, time.monotonic() + task.limit, original)
            for child, (task, copy, end, original) in list(running.items()):
                late = time.monotonic() > end
                if late:
                    _end(child)
                if os.waitpid(child, 0 if late else os.WNOHANG)[0]:
                    _end(child)  # what it has started
                    del running[child]
                    if task.changed is not None:
                        _write(copy, task.changed[0], original)
                    free.append(copy)
                    yield Ended(task.key, _answer(copy), not late)
            time.sleep(0.02)
    finally:
        for child in running:
            _end(child)


def run_tests(copy: Path, files: list[str], marks: str, *options: str, plugin: object) -> int:
    """Run files of tests in this process, which is not used for anything else."""
    from hypothesis import settings

    # The same examples each time; a machine that is busy kills no mutant.
    settings.register_profile("mutation", derandomize=True, deadline=None)
    settings.load_profile("mutation")
    always = ("-q", "--tb=short", "-p", "no:cacheprovider", f"--basetemp={copy.parent / 'made'}", "-m", marks)
    return int(pytest.main([*always, *options, *files], plugins=[plugin]))


def _started(task: Task, copy: Path) -> int:
    (copy.parent / "answer").unlink(missing_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with (copy.parent / "output").open("w") as output, Path(os.devnull).open() as nothing:
            for number, stream in enumerate((nothing, output, output)):
                os.dup2(stream.fileno(), number)
        os.chdir(copy)
        os.environ |= {
            "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(copy.parent / "home"),
        }  # fmt: skip
        os.environ.pop("CHI_LAB_STATE", None)
        sys.dont_write_bytecode = True
        sys.path[:] = [str(copy), *(entry for entry in sys.path if entry not in ("", str(SCRIPTS)))]
        (copy.parent / "answer").write_text(json.dumps(task.work(copy)))
    except BaseException:  # noqa: BLE001 - the process ends here, whatever it was
        traceback.print_exc()
    finally:
        os._exit(0)


def _write(copy: Path, file: str, text: str) -> str:
    """Change a file, and return what it was. Python tells texts of one length and second not apart."""
    path = copy / file
    before = path.read_text()
    path.write_text(text)
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)
    return before


def _end(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _answer(copy: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((copy.parent / "answer").read_text())
    except (OSError, ValueError):
        return None
    return found
