"""`chi-lab demo`: the whole story on a sandbox, told with the very commands that a student types."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from chi_helpers.cli import render
from chi_helpers.cli.lifetime import LIFETIME
from chi_helpers.cli.options import debug_option
from chi_helpers.cli.progress import progress
from chi_helpers.config.state import LAB_FILE
from chi_helpers.model.errors import LabKitError, UsageError
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.span import span

_NAME, _REGION = "demo", "CHI@Sandbox"
_GRACE = timedelta(seconds=90)
"""How long after the deadline the site may take to end the lease."""


@click.command()
@click.option(
    "--lifetime",
    type=LIFETIME,
    default="3m",
    show_default=True,
    help="How long the lab lives here; reservation.yaml says six hours.",
)
@click.option(
    "--no-wait", is_flag=True, help="Give everything back at once; do not watch the deadline arrive."
)
@click.option("--keep", is_flag=True, help="Leave the sandbox up at the end.")
@debug_option
def command(lifetime: timedelta, *, no_wait: bool, keep: bool) -> None:
    """Show everything once, on a site of your own: reserve, launch, log in, watch the time, give back."""
    if not Path(LAB_FILE).is_file():
        raise UsageError(f"There is no {LAB_FILE} here.", do="Run the demo in the kit's top folder.")
    began = time.monotonic()
    story = Story()
    story.part(
        "A Chameleon site on this machine",
        "Real Keystone, Placement, Glance, Neutron, Nova and Blazar, on a loopback address of their own.",
    )
    story.run("sandbox", "up", "--name", _NAME, "--region", _REGION)
    story.log_in()
    try:
        _lab(story, lifetime, no_wait=no_wait)
    finally:
        if not keep:
            story.part("Stop the site", "Everything on it would stay, for the next time.")
            story.run("sandbox", "down", "--name", _NAME)
    story.close(time.monotonic() - began)


def _lab(story: Story, lifetime: timedelta, *, no_wait: bool) -> None:
    life = span(lifetime)
    story.part("The lab", "One file says what the lab needs, and how long it may live.")
    story.show_file(Path(LAB_FILE))
    story.run("check")
    # A demo that was stopped half way may have left something; a fresh start is easier to follow.
    story.quietly("down")

    story.part(
        "The plan", f"Nothing is done yet. Here the lab lives for {_minutes(lifetime)} instead of six hours."
    )
    story.run("up", "--plan", "--lifetime", life)
    story.part(
        "Reserve, launch, address, trust, provision", "Killed at any moment and run again, it ends the same."
    )
    story.run("up", "--lifetime", life)

    story.part("Log in", "The machine's SSH host key was read from its console; nothing is accepted blindly.")
    story.run("ssh", "--", "hostname; cat /run/motd.d/chi-lab")
    story.part("Once more", "What is there is kept; nothing is made twice.")
    story.run("up", "--lifetime", life)
    story.part("The time that is left", "On the lease, on every resource, and on the node itself.")
    story.run("status")

    if not no_wait:
        story.part("The deadline", "Nobody gives the lab back. The lease ends, and takes the instance along.")
        story.wait_for_the_end()
        story.part(
            "What outlived it", "A lease takes its instances; an address stays, and costs the class one."
        )
        story.run("status", fine=(0, 1))
    story.part("Give back", "Until the site says that each thing is gone; then a second look.")
    story.run("down")
    story.part("The proof", "What the site itself still lists for this project.")
    story.prove()


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
        render.tell(f"\n$ chi-lab {shlex.join(words)}", colour="yellow")
        done = subprocess.run(self._argv(*words), env=self._environment, check=False)
        if done.returncode not in fine:
            raise LabKitError(
                f"`chi-lab {shlex.join(words)}` ended with {done.returncode}.",
                do=f"The services' logs: chi-lab sandbox logs --name {_NAME}",
            )

    def quietly(self, *words: str) -> None:
        subprocess.run(self._argv(*words), env=self._environment, capture_output=True, check=False)

    def ask(self, *words: str) -> Mapping[str, Any]:
        """The JSON document that `chi-lab WORDS --json` answers with."""
        done = subprocess.run(
            self._argv(*words, "--json"), env=self._environment, capture_output=True, text=True, check=False
        )
        answer: Mapping[str, Any] = json.loads(done.stdout)
        return answer

    def log_in(self) -> None:
        """As `eval "$(chi-lab sandbox env --name demo)"` does in a shell."""
        render.tell(f'\n$ eval "$(chi-lab sandbox env --name {_NAME})"', colour="yellow")
        kept = {name: value for name, value in self._environment.items() if not name.startswith("OS_")}
        answer = self.ask("sandbox", "env", "--name", _NAME)
        self._environment = {**kept, **answer["variables"]}

    def show_file(self, path: Path) -> None:
        render.tell(f"\n$ cat {path}", colour="yellow")
        render.out(path.read_text(encoding="utf-8").rstrip())

    def wait_for_the_end(self) -> None:
        """Wait until the site has no instance of the lab any more; the deadline bounds the wait."""
        status = self.ask("status")
        deadline = datetime.fromisoformat(status["deadline"])
        title = f"the lease ends at {deadline.astimezone(UTC):%H:%M} UTC"
        with progress() as observer:
            observer.started(title)
            while True:
                left = deadline - datetime.now(UTC)
                if left <= timedelta(0) and all(node["instance_id"] is None for node in status["nodes"]):
                    break
                if left < -_GRACE:
                    raise LabKitError("The deadline passed, and the site did not end the lease.")
                observer.note(title, f"{_minutes(left)} left" if left > timedelta(0) else "now")
                time.sleep(1)
                if left < timedelta(seconds=2):
                    status = self.ask("status")
            observer.finished(Outcome(title, Result.DONE, "the lease and its instance are gone"))

    def prove(self) -> None:
        """List with the site's own command line, not with the kit."""
        client = Path(sys.executable).with_name("openstack")
        environment = {**self._environment, "PYTHONWARNINGS": "ignore"}
        for words in (("server", "list"), ("floating", "ip", "list"), ("reservation", "lease", "list")):
            wanted = [*words, "-f", "value", "-c", "Status" if "lease" not in words else "status"]
            if "ip" in words:
                wanted[-1] = "Floating IP Address"
            render.tell(f"\n$ openstack {shlex.join(wanted)}", colour="yellow")
            done = subprocess.run(
                [str(client), *wanted], env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise LabKitError(f"openstack {shlex.join(wanted)} failed: {done.stderr.strip()[-300:]}")
            listed = done.stdout.split()
            render.out("\n".join(sorted(listed)) or "(nothing)")
            if left := [one for one in listed if one != "TERMINATED"]:
                raise LabKitError(f"`openstack {shlex.join(words)}` still lists {len(left)}.")

    def close(self, seconds: float) -> None:
        render.tell("")
        render.tell(f"── Done in {_minutes(timedelta(seconds=seconds))} ".ljust(76, "─"), colour="cyan")
        render.tell("   Next: docs/tutorial/1-hello-chameleon.md")

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "chi_helpers", *words]


def _minutes(span: timedelta) -> str:
    minutes, seconds = divmod(max(0, round(span.total_seconds())), 60)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
