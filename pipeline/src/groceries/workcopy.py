"""A working copy: the folder in which the pipeline is worked on and run, a git repository with DVC in it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from groceries import settings
from groceries.errors import BusyError, Exit, PipelineError, StoppedError, WrongFileError

Tell = Callable[[str], None]

PARTS = ("src", "dvc.yaml", "dvc.lock", "params.yaml", "incoming", ".gitignore")
"""What belongs to a version beside what git has already."""

STAGE = re.compile(r"Running stage '(.+)'")
ENDED = re.compile(r"exited with (\d+)")
FAILED = "ERROR: failed to reproduce"
CHATTER = (
    *("> python", "Updating lock", "Generating lock", "To track the", "git add", "To enable", "dvc config"),
    *("Use `dvc push`", "Stage '", "Data and pipelines are up to date"),
)
"""How lines begin that DVC says every time."""


class WorkingCopy:
    """The pipeline in folder `root`. Raises WrongFileError where that is none."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._held: int | None = None
        for name in ("dvc.yaml", "params.yaml", ".dvc"):
            if not (self.root / name).exists():
                raise WrongFileError(
                    f"{self.root}: has no {name}", do="Go to the working copy of the pipeline first."
                )
        top = self._git("rev-parse", "--show-toplevel", check=False)
        if top is None or Path(top) != self.root:
            raise WrongFileError(
                f"{self.root}: is not a git repository of its own, and versions are its commits and tags",
                do="Copy the folder to where it is your own, and run `git init` there.",
            )

    @property
    def where(self) -> str:
        """The working copy's name among all."""
        return f"{socket.gethostname()}:{self.root}"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep everybody else off. Raises BusyError where somebody is at it.

        What is started meanwhile holds the lock too: of a run that was killed, a stage may still be going on.
        """
        path = self.root / ".git" / "groceries.lock"
        with path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise BusyError(
                    f"{self.root}: a run is under way here (process {file.read().strip() or 'unknown'})",
                    do="Wait until it is done.",
                ) from error
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            self._held = file.fileno()
            try:
                yield
            finally:
                self._held = None

    def set(self, changes: list[str]) -> None:
        """Change `params.yaml`, if all of its values make sense to the code that is here."""
        settings.change(self.root / "params.yaml", changes, self._check)

    def _check(self, path: Path) -> None:
        done = self._start([sys.executable, "-m", "groceries", "--params", str(path), "check-params"])
        _, err = done.communicate()
        if done.returncode:
            raise WrongFileError(
                err.strip().replace(str(path), "params.yaml"), do="params.yaml stays as it was."
            )

    def changed(self) -> dict[str, Any]:
        """What DVC says has changed, by stage. Nothing of it: everything is as `dvc.lock` says."""
        done = self._start([sys.executable, "-m", "dvc", "status", "--json"])
        out, err = done.communicate()
        if done.returncode:
            raise PipelineError(f"dvc status: {err.strip() or out.strip()}", do="Is dvc.yaml sound?")
        found: dict[str, Any] = json.loads(out.strip().splitlines()[-1] if out.strip() else "{}")
        return found

    def reproduce(self, tell: Tell) -> list[str]:
        """Run what changed, and what depends on it. Gives the stages that ran; `tell` is told every line.

        Raises StoppedError where a stage refused or failed, with its words.
        """
        ran: list[str] = []
        words: list[str] = []
        with self._start([sys.executable, "-m", "dvc", "repro"], merged=True) as process:
            for line in process.stdout or ():
                text = line.rstrip()
                if not text or text.lstrip().startswith(CHATTER):
                    continue
                if found := ENDED.search(text) if text.startswith(FAILED) else None:
                    process.wait()
                    code = int(found[1])
                    kind = Exit(code) if code in set(Exit) else Exit.FAULT
                    raise StoppedError(ran[-1] if ran else "dvc", kind, words or [text])
                tell(text)
                if found := STAGE.search(text):
                    ran.append(found[1])
                    words = []
                else:
                    words.append(text)
        if process.returncode:
            raise PipelineError("dvc repro: " + "\n".join(words[-5:]), do="Is dvc.yaml sound?")
        return ran

    def checkout(self) -> None:
        """Bring data, models and reports to what `dvc.lock` says.

        Raises WrongFileError where DVC's cache does not have all of it.
        """
        done = self._start([sys.executable, "-m", "dvc", "checkout", "--force", "--quiet"])
        _, err = done.communicate()
        if done.returncode:
            raise WrongFileError(
                f"dvc checkout: {err.strip()}",
                do="`dvc repro` makes again what the cache does not have any more.",
            )

    def data_version(self) -> str:
        """The content of data/orders.parquet, as `dvc.lock` has it."""
        try:
            lock = yaml.safe_load((self.root / "dvc.lock").read_text(encoding="utf-8"))
            outs = {out["path"]: out["md5"] for out in lock["stages"]["ingest"]["outs"]}
            return f"md5:{outs['data/orders.parquet']}"
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise WrongFileError(f"{self.root}/dvc.lock: says nothing of data/orders.parquet") from error

    def commit(self, message: str) -> str:
        """Commit what belongs to a version, if any of it changed. Gives the commit that has it."""
        self._git("add", "-u", ".")
        self._git("add", "-A", "--", *(part for part in PARTS if (self.root / part).exists()))
        if self._git("diff", "--cached", "--quiet", check=False) is None:
            self._git(*self._identity(), "commit", "--quiet", "-m", message)
        return self.head() or ""

    def head(self) -> str | None:
        """The commit that is checked out, if there is any."""
        return self._git("rev-parse", "--verify", "--quiet", "HEAD", check=False)

    def knows(self, commit: str) -> bool:
        """Whether a commit is in this repository."""
        return bool(commit) and self._git("cat-file", "-e", f"{commit}^{{commit}}", check=False) is not None

    def tag(self, name: str, commit: str) -> None:
        """Name a commit. Raises WrongFileError where the name stands for another one already."""
        there = self._git("rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}", check=False)
        if there is None:
            self._git("tag", name, commit)
        elif there != commit:
            raise WrongFileError(
                f"tag {name} is commit {there[:12]} here, and {commit[:12]} in MLflow: another's history",
                do="Set MLFLOW_TRACKING_URI to the one that these versions are in, or take the tags away "
                f"(`git tag --delete {name}`, and all others like it).",
            )

    def numbers(self) -> list[int]:
        """The numbers of the versions that there are tags of."""
        names = (self._git("tag", "--list", "v*") or "").split()
        return [int(name[1:]) for name in names if name[1:].isdecimal()]

    def aside(self, why: str) -> bool:
        """Put changes that are not committed aside, as git's stash does. Whether there were any."""
        if not self._git("status", "--porcelain", "--untracked-files=no"):
            return False
        self._git(*self._identity(), "stash", "push", "--quiet", "-m", why)
        return True

    def bring_back(self, commit: str, message: str) -> None:
        """Make every file that git has as it was in a commit, and commit that: no history is lost."""
        self._git("restore", f"--source={commit}", "--staged", "--worktree", "--", ".")
        if self._git("diff", "--cached", "--quiet", check=False) is None:
            self._git(*self._identity(), "commit", "--quiet", "-m", message)

    def _identity(self) -> list[str]:
        if self._git("config", "user.email", check=False):
            return []
        return ["-c", "user.name=groceries", "-c", "user.email=groceries@localhost"]

    def _git(self, *arguments: str, check: bool = True) -> str | None:
        """What git says, or None where it says no and may."""
        done = self._start(["git", *arguments])
        out, err = done.communicate()
        if done.returncode == 0:
            return out.strip()
        if check:
            raise PipelineError(f"git {' '.join(arguments)}: {err.strip() or out.strip()}")
        return None

    def _start(self, command: list[str], *, merged: bool = False) -> subprocess.Popen[str]:
        """Start a program here. It runs this working copy's code, not what is installed."""
        code = [str(self.root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": os.pathsep.join(code),
            "PYTHONUNBUFFERED": "1",
            "DVC_NO_ANALYTICS": "true",
            "GIT_TERMINAL_PROMPT": "0",
        }
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True,
            pass_fds=() if self._held is None else (self._held,),
        )
