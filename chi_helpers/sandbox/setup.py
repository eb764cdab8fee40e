"""What all sandboxes of a user share, and a first `up` would otherwise wait for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from chi_helpers.model.outcome import Progress
from chi_helpers.sandbox import place, schema
from chi_helpers.sandbox.description import Description, Machines, new_secrets, new_site_id
from chi_helpers.sandbox.machines.choose import choose
from chi_helpers.sandbox.steps import step


def prepare(machines: Machines | None, progress: Progress) -> None:
    """Build the node image and the schema image where they are missing."""
    with step(progress, "machines") as note:
        choice = choose(machines, note)
        note(choice.reason)
    with step(progress, "database") as note, tempfile.TemporaryDirectory(prefix="chi-lab-") as folder:
        draft = Description(
            name="setup",
            region="CHI@Setup",
            folder=Path(folder),
            run=Path(folder),
            label="setup",
            addresses=place.Addresses(0),
            machines="none",
            kvm_hosts=1,
            secrets=new_secrets(),
            site_id=new_site_id(),
        )
        schema.ensure(draft, note)
