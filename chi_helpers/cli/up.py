"""`chi-lab up`: the whole lab."""

from __future__ import annotations

from datetime import timedelta

import click

from chi_helpers.cli import render
from chi_helpers.cli.lifetime import LIFETIME
from chi_helpers.cli.options import Options, lab_options
from chi_helpers.cli.progress import progress
from chi_helpers.cli.report import conclude


@click.command()
@lab_options
@click.option(
    "--lifetime", type=LIFETIME, metavar="SPAN", help="A shorter life than the file's, such as 30m."
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the steps, and do nothing.")
def command(options: Options, *, lifetime: timedelta | None, plan_only: bool) -> int:
    """Reserve, launch, address and set up the whole lab.

    It is safe to run again, after an interruption too: what is there is kept, what is missing is made.
    """
    from chi_helpers.lab import Lab

    with progress() as shown:
        lab = Lab.open(
            options.file,
            site=options.site,
            owner=options.owner,
            cloud=options.cloud,
            lifetime=lifetime,
            progress=shown,
        )
        if plan_only:
            plan = lab.plan()
        else:
            report = lab.up()
    if plan_only:
        if options.as_json:
            render.emit(ok=True, plan=plan.document())
        else:
            render.out(str(plan))
        return 0
    status = lab.status()
    if options.as_json:
        render.emit(ok=report.ok, **report.document(), status=status)
    else:
        for node in status.nodes:
            if node.address:
                render.out(f"{node.node} {node.address}")
    for note in report.plan.notes:
        render.tell(note)
    if report.ok and status.time:
        render.tell(f"{lab.lease_name} is up until {status.time}. Log in: `chi-lab ssh`.", colour="green")
    return conclude(report)
