"""`chi-lab down`: give everything back, and prove it."""

from __future__ import annotations

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import Options, lab_options
from chi_helpers.cli.progress import progress
from chi_helpers.cli.report import conclude


@click.command()
@lab_options
def command(options: Options) -> int:
    """Give everything back: addresses, instances, lease, security groups.

    It goes by the stamp of this lab and owner, and does not ask first. A lease carries no stamp: the one of
    the lab's exact name goes, and the site deletes every instance in it, whoever launched it. A lease of that
    name that another user made is left alone, unless --owner or $CHI_LAB_OWNER names its owner.

    It waits until the site says that each thing is gone, looks a second time, and says what, if anything, is
    left and why.
    """
    from chi_helpers.lab import Lab

    with progress() as shown:
        lab = Lab.open(
            options.file, site=options.site, owner=options.owner, cloud=options.cloud, progress=shown
        )
        report = lab.down()
    if options.as_json:
        render.emit(ok=report.ok, **report.document())
    for note in report.plan.notes:
        render.tell(note)
    if report.ok:
        render.tell(f"Nothing is left of {lab.lease_name} at {lab.site.name}.", colour="green")
    return conclude(report)
