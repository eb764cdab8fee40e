"""`chi-lab demo`: the whole story on a sandbox, told with the very commands that a student types."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from chi_helpers.cli import demo_pipeline, render
from chi_helpers.cli.lifetime import LIFETIME
from chi_helpers.cli.options import debug_option
from chi_helpers.cli.progress import progress
from chi_helpers.cli.story import Story, minutes
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
    default="4m",
    show_default=True,
    help="How long the lab lives here; reservation.yaml says six hours.",
)
@click.option(
    "--no-wait", is_flag=True, help="Give everything back at once; do not watch the deadline arrive."
)
@click.option(
    "--pipeline/--no-pipeline",
    default=True,
    show_default=True,
    help="Put the pipeline on a node, too.",
)
@click.option("--keep", is_flag=True, help="Leave the sandbox up at the end.")
@debug_option
def command(lifetime: timedelta, *, no_wait: bool, pipeline: bool, keep: bool) -> None:
    """Show everything once, on a site of your own: reserve, launch, log in, watch the time, give back."""
    if not Path(LAB_FILE).is_file():
        raise UsageError(f"There is no {LAB_FILE} here.", do="Run the demo in the kit's top folder.")
    began = time.monotonic()
    story = Story()
    story.part(
        "A Chameleon site on this machine",
        "Real Keystone, Placement, Glance, Neutron, Nova and Blazar, on a loopback address of their own.",
    )
    if _could_have_machines(story.ask("sandbox", "status", "--name", _NAME)):
        story.run("sandbox", "reset", "--name", _NAME)
    story.run("sandbox", "up", "--name", _NAME, "--region", _REGION)
    story.log_in(_NAME)
    try:
        _lab(story, lifetime, no_wait=no_wait, pipeline=pipeline)
    except LabKitError as error:
        error.do = error.do or f"The services' logs: chi-lab sandbox logs --name {_NAME}"
        raise
    finally:
        if not keep:
            story.part("Stop the site", "Everything on it would stay, for the next time.")
            story.run("sandbox", "down", "--name", _NAME)
    story.close(time.monotonic() - began, "Next: docs/tutorial/1-hello-chameleon.md")


def _lab(story: Story, lifetime: timedelta, *, no_wait: bool, pipeline: bool) -> None:
    site = story.ask("sandbox", "status", "--name", _NAME)
    machines = site["machines"] == "podman"
    file, life = Path(LAB_FILE), span(lifetime)
    story.part("The lab", "One file says what the lab needs, and how long it may live.")
    if not machines:
        render.tell("   This computer runs no machines: here the lab has no address, and nobody logs in.")
        file = _without_login(file, Path(site["folder"]) / LAB_FILE)
    which = ("-f", str(file)) if file != Path(LAB_FILE) else ()
    story.show_file(file)
    story.run("check", *which)
    # A demo that was stopped half way may have left something; a fresh start is easier to follow.
    story.quietly("down", *which)

    story.part(
        "The plan", f"Nothing is done yet. Here the lab lives {minutes(lifetime)} instead of six hours."
    )
    story.run("up", *which, "--plan", "--lifetime", life)
    story.part(
        "Reserve, launch, address, trust, provision", "Killed at any moment and run again, it ends alike."
    )
    story.run("up", *which, "--lifetime", life)
    if machines:
        story.part("Log in", "The machine's host key was read from its console; none is accepted blindly.")
        story.run("ssh", "--", "hostname; cat /run/motd.d/chi-lab")
    story.part("Once more", "What is there is kept; nothing is made twice.")
    story.run("up", *which, "--lifetime", life)
    story.part("The time that is left", "On the lease, on every resource, and on the node itself.")
    story.run("status", *which)

    if not no_wait:
        story.part("The deadline", "Nobody gives the lab back. The lease ends, and takes the instance along.")
        _wait_for_the_end(story, *which)
        story.part("What outlived it", "A lease takes its instances; an address and a group of rules stay.")
        story.run("status", *which, fine=(0, 1))
    story.part("Give back", "Until the site says that each thing is gone; then a second look.")
    story.run("down", *which)
    if pipeline and machines:
        demo_pipeline.tell(story)
    story.part("The proof", "What the site itself still lists for this project.")
    _prove(story)


def _could_have_machines(status: Mapping[str, Any]) -> bool:
    """Whether the demo's sandbox was made without machines, and this computer can run them now."""
    from chi_helpers.sandbox.machines import probe

    return status["machines"] == "none" and probe.missing() is None


def _without_login(file: Path, variant: Path) -> Path:
    """Write a lab like the one in `file` for a site where nothing answers behind an address."""
    import yaml

    lab = yaml.safe_load(file.read_text(encoding="utf-8"))
    for node in lab["nodes"].values():
        node.pop("floating_ip", None)
        node.pop("stack", None)
    variant.write_text(yaml.safe_dump(lab, sort_keys=False), encoding="utf-8")
    return variant


def _wait_for_the_end(story: Story, *which: str) -> None:
    """Wait until the site has no instance of the lab any more; the deadline bounds the wait."""
    status = story.ask("status", *which)
    if status["deadline"] is None:  # a slow computer: it is over already
        return
    deadline = datetime.fromisoformat(status["deadline"])
    title = f"the lease ends at {deadline.astimezone(UTC):%H:%M} UTC"
    with progress() as observer:
        observer.started(title)
        while (left := deadline - datetime.now(UTC)) > timedelta(0) or _has_instances(status):
            if left < -_GRACE:
                raise LabKitError("The deadline passed, and the site did not end the lease.")
            observer.note(title, f"{minutes(left)} left" if left > timedelta(0) else "now")
            time.sleep(1)
            if left < timedelta(seconds=2):
                status = story.ask("status", *which)
        observer.finished(Outcome(title, Result.DONE, "the lease and its instance are gone"))


def _has_instances(status: Mapping[str, Any]) -> bool:
    return any(node["instance_id"] is not None for node in status["nodes"])


def _prove(story: Story) -> None:
    """List with the site's own command line, not with the kit."""
    left = [
        *story.openstack("server", "list", "-f", "value", "-c", "ID"),
        *story.openstack("floating", "ip", "list", "-f", "value", "-c", "Floating IP Address"),
        *story.openstack("reservation", "lease", "list", "-f", "value", "-c", "status"),
    ]
    if left := [one for one in left if one != "TERMINATED"]:
        raise LabKitError(f"The site still lists {', '.join(left)}.")
