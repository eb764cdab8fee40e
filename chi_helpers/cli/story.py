"""Telling a story of commands: each part has a title, and each command is shown and then really run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from chi_helpers.cli import render
from chi_helpers.model.errors import LabKitError


class Story:
    """Tells a part, runs a command, and stops where one fails."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._number = 0

    def part(self, title: str, why: str) -> None:
        self._number += 1
        render.tell("")
        render.tell(f"── {self._number}. {title} ".ljust(76, "─"), colour="cyan")
        render.tell(f"   {why}")

    def run(self, *words: str, fine: tuple[int, ...] = (0,)) -> None:
        """Show and run `chi-lab WORDS`; its output is the reader's. Raises LabKitError where it fails."""
        self._show(f"chi-lab {shlex.join(words)}")
        done = subprocess.run(self._argv(*words), env=self._environment, check=False)
        if done.returncode not in fine:
            raise LabKitError(f"`chi-lab {shlex.join(words)}` ended with {done.returncode}.")

    def quietly(self, *words: str) -> None:
        """Run `chi-lab WORDS`, whatever becomes of it."""
        subprocess.run(self._argv(*words), env=self._environment, capture_output=True, check=False)

    def ask(self, *words: str) -> Mapping[str, Any]:
        """The JSON document that `chi-lab WORDS --json` answers with. Raises LabKitError where it fails."""
        done = subprocess.run(
            self._argv(*words, "--json"), env=self._environment, capture_output=True, text=True, check=False
        )
        try:
            answer: Mapping[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise LabKitError(
                f"`chi-lab {shlex.join(words)}` did not answer: {done.stderr.strip()}"
            ) from None
        if error := answer.get("error"):
            raise LabKitError(error["what"], do=error["do"])
        return answer

    def log_in(self, sandbox: str) -> None:
        """As `eval "$(chi-lab sandbox env --name SANDBOX)"` does in a shell."""
        self._show(f'eval "$(chi-lab sandbox env --name {sandbox})"')
        kept = {name: value for name, value in self._environment.items() if not name.startswith("OS_")}
        self._environment = {**kept, **self.ask("sandbox", "env", "--name", sandbox)["variables"]}

    def show_file(self, path: Path) -> None:
        self._show(f"cat {shlex.quote(str(path))}")
        render.out(path.read_text(encoding="utf-8").rstrip())

    def openstack(self, *words: str) -> list[str]:
        """Show and run the site's own command line; what it lists. Raises LabKitError where it fails."""
        self._show(f"openstack {shlex.join(words)}")
        client = Path(sys.executable).with_name("openstack")
        environment = {**self._environment, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [str(client), *words], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabKitError(f"openstack {shlex.join(words)} failed: {done.stderr.strip()[-300:]}")
        listed = sorted(done.stdout.split())
        render.out("\n".join(listed) or "(nothing)")
        return listed

    def close(self, seconds: float, following: str) -> None:
        render.tell("")
        render.tell(f"── Done in {minutes(timedelta(seconds=seconds))} ".ljust(76, "─"), colour="cyan")
        render.tell(f"   {following}")

    def _show(self, line: str) -> None:
        render.tell(f"\n$ {line}", colour="yellow")

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "chi_helpers", *words]


def minutes(span: timedelta) -> str:
    """`2 min 05 s`, `45 s`; nothing is less than nothing."""
    whole, seconds = divmod(max(0, round(span.total_seconds())), 60)
    return f"{whole} min {seconds:02} s" if whole else f"{seconds} s"
