"""`chi-lab check`: would the lab run?"""

from __future__ import annotations

import click

from chi_helpers.cli import render
from chi_helpers.cli.options import Options, lab_options
from chi_helpers.model.errors import Exit


@click.command()
@lab_options
def command(options: Options) -> int:
    """Look whether the lab can run, before anything is made.

    Credentials, clock, time window and outages, flavor or node type, image, network, quota and key pair:
    every problem at once, each with what to do about it. Nothing is changed.
    """
    from chi_helpers.lab import Lab

    lab = Lab.open(options.file, site=options.site, owner=options.owner, cloud=options.cloud)
    outcomes = lab.check()
    wrong = [outcome for outcome in outcomes if not outcome.ok]
    if options.as_json:
        render.emit(ok=not wrong, lab=lab.spec.lab, owner=lab.owner, site=lab.site.name, checks=outcomes)
    else:
        rows = [("ok" if o.ok else "NO", o.step, o.detail) for o in outcomes]
        render.out(render.table(("", "check", "found"), rows))
    if wrong:
        render.tell(f"{len(wrong)} of {len(outcomes)} checks failed; the lab would not run.", colour="red")
        return int(Exit.SITE)
    render.tell(f"{lab.lease_name} can run at {lab.site.name}: `chi-lab up`.", colour="green")
    return int(Exit.OK)
