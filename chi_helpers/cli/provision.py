"""`chi-lab provision`: apply the Ansible roles of the file."""

from __future__ import annotations

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import Options, lab_options
from chi_helpers.cli.progress import progress
from chi_helpers.model.errors import Exit


@click.command()
@lab_options
@click.option("--check", is_flag=True, help="Only say what would change.")
def command(options: Options, *, check: bool) -> int:
    """Apply the Ansible roles that the file names to the nodes that are up. Again: nothing changes."""
    from chi_helpers.lab import Lab

    with progress() as shown:
        lab = Lab.open(
            options.file, site=options.site, owner=options.owner, cloud=options.cloud, progress=shown
        )
        report = lab.provision(check=check)
    if options.as_json:
        render.emit(ok=report.ok, hosts=report.hosts)
    return int(Exit.OK if report.ok else Exit.PARTIAL)
