"""The public command that starts and stops sandboxes, as tests use it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.site import BIN, SiteUnderTest, run, site_of

UP_SECONDS = 600
"""The first `up` on a machine may build what later ones find ready."""


class SandboxFailedError(Exception):
    """A `chi-lab sandbox` command failed; its own words are the message."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One named sandbox in a state folder."""

    name: str
    state: Path

    @property
    def folder(self) -> Path:
        return self.state / "sandbox" / self.name

    def command(
        self, verb: str, *options: str, timeout: float = UP_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """`chi-lab sandbox VERB --name NAME ...`, whatever its exit code."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = [str(BIN / "chi-lab"), "sandbox", verb, "--name", self.name, *options]
        return run(argv, env=self.environment, cwd=self.state, timeout=timeout)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this process with the state folder of this sandbox."""
        return {**os.environ, "CHI_LAB_STATE": str(self.state)}

    def do(self, verb: str, *options: str, timeout: float = UP_SECONDS) -> str:
        """As `command`; returns its stdout. Raises SandboxFailedError with the reason it gave."""
        done = self.command(verb, *options, timeout=timeout)
        if done.returncode:
            raise SandboxFailedError(
                f"chi-lab sandbox {verb} --name {self.name} exited {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def up(self, *options: str) -> SiteUnderTest:
        """Bring it up (or find it up); the site that it is."""
        self.do("up", *options)
        return site_of(self.folder / "site.json")

    def status(self) -> dict[str, Any]:
        """`status --json`: `{"name", "state", "services": {name: {"state", "pid"}}}`."""
        found: dict[str, Any] = json.loads(self.command("status", "--json").stdout)
        return found
