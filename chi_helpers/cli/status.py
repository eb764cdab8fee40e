"""`chi-lab status`: what there is, and the time that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import Options, lab_options
from chi_helpers.model.errors import Exit

if TYPE_CHECKING:
    from chi_helpers.plan.status import LabStatus


@click.command()
@lab_options
def command(options: Options) -> int:
    """Show what there is of the lab, and the time that is left, in your time zone and in UTC.

    Exits with 1 where something outlived its lease: `chi-lab down` gives it back.
    """
    from chi_helpers.lab import Lab

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    status = lab.status()
    if options.as_json:
        render.emit(ok=not status.leftovers, **_fields(status))
    else:
        rows = [(n.node, n.status, n.address or "-", n.detail) for n in status.nodes]
        render.out(render.table(("node", "status", "address", ""), rows))
    render.tell(
        f"{lab.lease_name} at {status.site}: {_words(status)}", colour="yellow" if status.warning else None
    )
    for what in status.leftovers:
        render.tell(f"Left behind by a lease that has ended: {what}", colour="red")
    if status.leftovers:
        render.tell("Give it back with `chi-lab down`.")
        return int(Exit.PARTIAL)
    return int(Exit.OK)


def _words(status: LabStatus) -> str:
    from chi_helpers.model.span import span

    if status.deadline is None or status.left is None:
        return {
            "absent": "no lease; `chi-lab up` makes one.",
            "ended": "its lease has ended; `chi-lab up` makes another.",
        }.get(status.lease, f"its lease is {status.lease}.")
    if status.start and status.start > status.at:
        return f"lease {status.lease}, starts in {span(status.start - status.at)}, ends {status.time}."
    return f"lease {status.lease}, {span(status.left)} left, until {status.time}."


def _fields(status: LabStatus) -> dict[str, object]:
    import dataclasses

    return {field.name: getattr(status, field.name) for field in dataclasses.fields(status)}
