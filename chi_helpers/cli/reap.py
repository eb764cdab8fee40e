"""`chi-lab reap`: end what has outlived its deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chi_helpers.cli import render
from chi_helpers.cli.lifetime import SPAN
from chi_helpers.cli.options import debug_option, json_option
from chi_helpers.cli.progress import progress
from chi_helpers.cli.watchdog import ends_after
from chi_helpers.model.errors import Exit

if TYPE_CHECKING:
    from chi_helpers.reap import Reap, ReapRun

EPILOG = """\b
Exit codes: 0 done; 1 partly done, something is left or somebody was not told
(run again); 2 wrong use or wrong file; 3 a site cannot be reached or refused,
at first or later, or the run hung and was ended; 4 the breaker: more would go
than the file allows, and nothing did; 5 something was kept for want of
knowledge. Several at once: the first of 3, 2, 4, 1, 5."""
_FILE = click.Path(path_type=Path)


@click.command(epilog=EPILOG)
@click.option(
    "-f", "--file", type=_FILE, default=Path("reservation.yaml"), show_default=True, help="The lab's file."
)
@click.option("--site", metavar="NAME", help="Another site than the file's, for example KVM@TACC.")
@click.option(
    "--cloud",
    "clouds",
    metavar="NAME",
    multiple=True,
    help="Cloud in clouds.yaml, once for each project; the first is the canary.  [default: $OS_CLOUD]",
)
@click.option(
    "--project",
    "projects",
    metavar="NAME",
    multiple=True,
    help="Project, where the credentials may choose; may be given again.  [default: the file's]",
)
@click.option("--yes", is_flag=True, help="Plan, warn, and carry the plan out.")
@click.option("--plan", "plan_file", type=_FILE, metavar="FILE", help="Carry out exactly this plan.")
@click.option("--save", type=_FILE, metavar="FILE", help="Write the plan to a file, for --plan.")
@click.option("--explain", metavar="ID", help="Say why this thing (id, or name) is kept or not.")
@click.option("--above-limits", is_flag=True, help="Let a plan go that the breaker (reap.limits) stopped.")
@click.option(
    "--notify",
    type=_FILE,
    metavar="FILE",
    envvar="CHI_LAB_NOTIFY",
    help="Channels, one apprise URL a line; mode 0600.  [default: $CHI_LAB_NOTIFY]",
)
@click.option(
    "--metrics", type=_FILE, metavar="FILE", help="Write metrics for Prometheus's textfile collector."
)
@click.option(
    "--alarm",
    type=SPAN,
    metavar="SPAN",
    help="Ask no site: exit with 1 where no run has succeeded for so long, or something stays overdue; with "
    "--notify, tell staff.",
)
@click.option(
    "--credential", is_flag=True, help="Print how to make the credential that the reaper should have."
)
@click.option(
    "--timeout", type=SPAN, metavar="SPAN", default="10m", show_default=True, help="Ends a run that hangs."
)
@json_option
@debug_option
def command(
    *,
    file: Path,
    site: str | None,
    clouds: tuple[str, ...],
    projects: tuple[str, ...],
    yes: bool,
    plan_file: Path | None,
    save: Path | None,
    explain: str | None,
    above_limits: bool,
    notify: Path | None,
    metrics: Path | None,
    alarm: timedelta | None,
    credential: bool,
    timeout: timedelta,
    as_json: bool,
) -> int:
    """End what has outlived its deadline: of the lab, in one project or several.

    Without --yes or --plan nothing is changed: the plan is printed. It says what would be deleted, shortened
    or warned of and why, how much is kept for which reason, and what cannot be told. What is seen for the
    first time is remembered, because a thing that carries no stamp goes only when it was seen twice.

    What may go is decided by the file: lifetime, spare, reap. Where anything is not known, the thing is kept.
    """
    _one_of(
        {
            "--yes": yes,
            "--plan": plan_file,
            "--explain": explain,
            "--alarm": alarm,
            "--credential": credential,
        }
    )
    if save and (yes or plan_file or explain or alarm or credential):
        raise click.UsageError("--save is for a plan that is only printed: leave out the others.")
    if alarm is not None:
        from chi_helpers.cli.reap_alarm import ask

        return ask(file, projects, alarm, notify, as_json=as_json)
    if credential:
        return _credential(file, site, clouds, projects, as_json=as_json)
    from chi_helpers.model.span import span
    from chi_helpers.reap import Reap
    from chi_helpers.reap.planfile import load_plans, save_plans

    hangs = (
        f"Error: the run was not done after {span(timeout)} (--timeout) and was ended; the next one goes on."
    )
    with progress() as shown, ends_after(timeout.total_seconds(), hangs):
        reap = Reap.open(
            file,
            site=site,
            clouds=clouds,
            projects=projects,
            notify=notify,
            override=above_limits,
            seconds=timeout.total_seconds(),
            progress=shown,
        )
        if explain is not None:
            return _explain(reap, explain, as_json=as_json)
        try:
            if plan_file is not None:
                run = reap.carry_out(load_plans(plan_file))
            else:
                run = reap.run() if yes else reap.look()
        finally:
            if metrics is not None:
                _metrics(reap, metrics)
    if save is not None:
        plans = [look.plan for look in run.looks if look.plan]
        for digest, plan in zip(save_plans(save, plans), plans, strict=True):
            render.tell(
                f"{save}: the plan for {plan.project} at {plan.site}, digest {digest}, good until "
                f"{plan.expires:%H:%M:%S} UTC. Carry it out with `chi-lab reap --plan {save}`."
            )
    return _say(reap, run, as_json=as_json)


def _say(reap: Reap, run: ReapRun, *, as_json: bool) -> int:
    from chi_helpers.cli import reap_report

    if as_json:
        render.emit(ok=run.exit is Exit.OK, **reap_report.document(run))
    elif report := reap_report.text(run, reap.spec.timezone):
        render.out(report)
    for words, bad in reap_report.troubles(run):
        render.tell(words, colour="red" if bad else "yellow")
    if reap.spec.reap.exclusive and reap.roster is None:
        render.tell(
            "reap.exclusive without class.roster: what was made by hand has no owner, and stays.",
            colour="yellow",
        )
    warns = any(
        verdict.decision == "warn" for look in run.looks if look.plan for verdict in look.plan.verdicts
    )
    if warns and reap.notifier is None:
        render.tell("Nobody is warned: name the channels with --notify.", colour="yellow")
    if not run.acted and any(look.plan and look.plan.steps for look in run.looks):
        render.tell("Nothing was changed. Carry it out with --yes, or --save it and carry that out.")
    return int(run.exit)


def _explain(reap: Reap, wanted: str, *, as_json: bool) -> int:
    from chi_helpers.cli import reap_explain
    from chi_helpers.model.errors import UsageError
    from chi_helpers.plan.explain import explain

    run = reap.look()
    for look in run.looks:
        if look.error is not None:
            raise look.error
    missing: list[UsageError] = []
    documents: list[dict[str, Any]] = []
    for look in run.looks:
        if look.seen is None or look.policy is None:
            continue
        inventory = look.seen.inventory
        try:
            found = explain(wanted, inventory, look.policy, inventory.at)
        except UsageError as error:
            missing.append(error)
            continue
        where = f"{inventory.project} at {inventory.site}"
        for one in found:
            documents.append(reap_explain.document(one, inventory.site, inventory.project))
            if not as_json:
                separator = "\n" if len(documents) > 1 else ""
                render.out(separator + reap_explain.text(one, where, reap.spec.timezone, inventory.at))
    if not documents and missing:
        raise missing[0]
    if as_json:
        render.emit(ok=True, found=documents)
    return int(Exit.OK)


def _credential(
    file: Path, site: str | None, clouds: tuple[str, ...], projects: tuple[str, ...], *, as_json: bool
) -> int:
    from chi_helpers.cli.reap_credential import commands
    from chi_helpers.config import load
    from chi_helpers.reap.values import targets

    spec = load(file)
    text = commands(spec.lab, targets(spec, site, clouds, projects))
    if as_json:
        render.emit(ok=True, text=text)
    else:
        render.out(text.rstrip())
    return int(Exit.OK)


def _metrics(reap: Reap, file: Path) -> None:
    from chi_helpers.apply.metrics import write_metrics

    try:
        write_metrics(file, reap.last_runs(), datetime.now(UTC))
    except OSError as error:
        render.tell(f"The metrics cannot be written to {file}: {error.strerror or error}", colour="red")


def _one_of(given: dict[str, object]) -> None:
    chosen = [name for name, value in given.items() if value]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} do not go together: give one of them.")
