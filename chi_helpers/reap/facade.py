"""Look, warn, carry out, prove: one run of the reaper on all its projects."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.apply.journal import opened
from chi_helpers.apply.lock import BusyLabError, held
from chi_helpers.apply.notify.channels import read_channels
from chi_helpers.apply.notify.notifier import Delivery, Notifier
from chi_helpers.apply.reaper import last, memory
from chi_helpers.apply.reaper.fleet import Ended, Job, reap_all
from chi_helpers.apply.reaper.pace import Pace
from chi_helpers.apply.reaper.run import Reaper
from chi_helpers.apply.reaper.sight import Seen
from chi_helpers.apply.reaper.state import MANIFESTS, last_runs, project_folder
from chi_helpers.apply.reaper.timing import Bounds, Timer
from chi_helpers.config import load, load_roster
from chi_helpers.model.errors import LabKitError, UsageError
from chi_helpers.model.outcome import Progress, Silent
from chi_helpers.model.reaping import Policy, ReapPlan, ReapReport, Tripped
from chi_helpers.plan.reap import plan_reap
from chi_helpers.plan.reapdocument import write
from chi_helpers.policy.breaker import going
from chi_helpers.policy.judge import judge
from chi_helpers.policy.memory import remember as remembered
from chi_helpers.reap.messages import tell, told_warnings, warn, with_warnings
from chi_helpers.reap.values import Look, ReapRun, Target, in_project, targets

if TYPE_CHECKING:
    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.roster import Roster
    from chi_helpers.sites.reaping import ReapSite

Reached = dict[tuple[str, str], Target]
"""(site, project id) -> which target it is, of one run."""
MARGIN = 0.8
"""Part of a run's time after which no project goes on: the rest is for the last look and the last words."""


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Reap:
    """The reaper of one lab. Make it with `Reap.open`."""

    spec: LabSpec
    targets: Sequence[Target]
    connect: Callable[[Target], ReapSite] = field(repr=False)
    roster: Roster | None = field(default=None, repr=False)
    notifier: Notifier | None = field(default=None, repr=False)
    override: bool = False
    """Let a plan go that the breaker stopped."""
    seconds: float = 600.0
    """How long all of a run may take."""
    progress: Progress = field(default_factory=Silent, repr=False)
    clock: Callable[[], datetime] = field(default=_clock, repr=False)
    """This machine's own."""
    timer: Timer = field(default_factory=Timer, repr=False)
    most: int = 16
    """Calls under way at once at one site."""
    _began: float = field(init=False, repr=False)
    _paces: dict[str, Pace] = field(default_factory=dict, init=False, repr=False)
    """Each site's."""

    def __post_init__(self) -> None:
        self._began = self.timer.now()

    @classmethod
    def open(
        cls,
        path: str | Path = "reservation.yaml",
        *,
        site: str | None = None,
        clouds: Sequence[str] = (),
        projects: Sequence[str] = (),
        notify: str | Path | None = None,
        override: bool = False,
        seconds: float = 600.0,
        progress: Progress | None = None,
    ) -> Reap:
        """Read the lab's file, the roster that it names and the channels. No site is asked yet.

        Each of `clouds` (names in clouds.yaml) and `projects` is a project of its own, in this order; both
        together: each project with each cloud. Raises `ConfigError` and `UsageError`.
        """
        spec = load(Path(path))
        file = notify or os.environ.get("CHI_LAB_NOTIFY")
        return cls(
            spec,
            targets(spec, site or os.environ.get("CHI_LAB_SITE"), clouds, projects),
            _connect,
            roster=load_roster(spec.class_.roster) if spec.class_ else None,
            notifier=Notifier(read_channels(Path(file))) if file else None,
            override=override,
            seconds=seconds,
            progress=progress or Silent(),
        )

    def look(self) -> ReapRun:
        """Look at every project, remember what was seen for the first time, and plan. Nothing is changed.

        One that cannot be looked at has an `error` in place of a plan.
        """
        with ExitStack() as locks:
            return ReapRun(self._look_at_all(locks, anyway=True), override=self.override)

    def run(self) -> ReapRun:
        """Look, warn, carry out, prove. A project that another run works on is left to it."""
        with ExitStack() as locks:
            return self._carry_out(self._look_at_all(locks))

    def carry_out(self, plans: Sequence[ReapPlan]) -> ReapRun:
        """Carry out exactly these plans. Raises `UsageError` for one that is old, or not of the targets."""
        for plan in plans:
            if self.clock() > plan.expires + self.spec.reap.skew:
                until = f"{plan.expires:%Y-%m-%d %H:%M:%S} UTC"
                raise UsageError(
                    f"The plan for {plan.project} was good until {until}. Nothing was done.",
                    do="Make a new one with `chi-lab reap --save FILE`.",
                )
        with ExitStack() as locks:
            found: Reached = {}
            looks = [self._reach(target, locks, found) for target in self.targets]
            return self._carry_out(_assigned(looks, plans))

    def last_runs(self) -> list[last.LastRun]:
        """How the last run went on each project of this lab, by what is on the disk. No site is asked."""
        return last_runs(self.spec)

    def _look_at_all(self, locks: ExitStack, *, anyway: bool = False) -> list[Look]:
        """Look at every project; at the canary last, so that its look still counts when it goes first."""
        found: Reached = {}
        looks = [self._look(target, locks, found, anyway=anyway) for target in reversed(self.targets)]
        return self._limited(looks[::-1])

    def _reach(self, target: Target, locks: ExitStack, found: Reached) -> Look:
        look = Look(target)
        try:
            look.site = self.connect(target)
            _first_time(look.site, target, found)
            spec = replace(self.spec, site=look.site.name)
            folder = project_folder(spec, look.site.project_id)
            recalled = memory.load(folder / memory.NAME)
            look.policy = Policy(spec, self.roster, recalled.memory)
            look.notes += [recalled.fault] if recalled.fault else []
            locks.enter_context(held(folder, "reap"))
        except BusyLabError as error:
            look.busy = error.what
        except LabKitError as error:
            look.error = error
        return look

    def _look(self, target: Target, locks: ExitStack, found: Reached, *, anyway: bool = False) -> Look:
        """Look at one project; `anyway`: also where another run works on it, which remembers for itself."""
        self.progress.started(f"look at {target}")
        look = self._reach(target, locks, found)
        if look.error or look.site is None or look.policy is None or (look.busy and not anyway):
            return look
        taken = self.timer.now()
        try:
            inventory = look.site.inventory()
        except LabKitError as error:
            look.error = error
            return look
        known = remembered(look.policy.memory, inventory, inventory.at)
        spec, note = in_project(look.policy.spec, inventory)
        look.notes += [note] if note else []
        look.seen, look.policy = Seen(inventory, taken), replace(look.policy, spec=spec, memory=known)
        look.plan = plan_reap(inventory, look.policy, inventory.at)
        if not look.busy:
            remember(look)
        return look

    def _limited(self, looks: list[Look]) -> list[Look]:
        """Let the breaker see all projects together."""
        planned = sum(len(going(look.plan.steps)) for look in looks if look.plan)
        of = sum(len(look.seen.inventory.resources) for look in looks if look.seen)
        allowed = self.spec.reap.limits.run
        if allowed is not None and planned > allowed:
            trip = Tripped("run", planned, allowed, of)
            for look in looks:
                if look.plan is not None:
                    others = tuple(tripped for tripped in look.plan.tripped if tripped.scope != "run")
                    look.plan = replace(look.plan, tripped=(trip, *others))
        return looks

    def _carry_out(self, looks: Sequence[Look]) -> ReapRun:
        ready = [look for look in looks if look.plan is not None]
        going_on = [look for look in ready if self.override or not (look.plan and look.plan.tripped)]
        warnings = Delivery()
        if self.notifier is not None:
            warnings = warn(self.notifier, going_on, self.spec, self.roster)
            for look in going_on:
                remember(look)
        first = looks[0] if looks else None
        if first is not None and (fault := _canary(first)):
            why = f"{first.target} goes first, and {fault}"
            ended = tuple(Ended(look.plan, not_begun=why) for look in ready if look.plan)
        else:
            ended = reap_all([self._job(look, look.plan, warnings) for look in ready if look.plan])
        notices: tuple[str, ...] = ()
        if self.notifier is not None:
            ended = tuple(with_warnings(one, warnings) for one in ended)
            notices = tell(self.notifier, ended, warnings, self.spec, self.roster)
        run = ReapRun(looks, ended, warnings, notices, acted=True, override=self.override)
        self._record(ready, run)
        return run

    def _job(self, look: Look, plan: ReapPlan, warnings: Delivery) -> Job:
        told = [] if self.notifier is None else told_warnings(plan, warnings)
        pace = self._paces.setdefault(plan.site, Pace(self.most))

        def run() -> ReapReport:
            if look.site is None or look.policy is None:
                raise UsageError("The plan's project was not reached.")
            folder = project_folder(look.policy.spec, look.site.project_id)
            left = self.seconds * MARGIN - (self.timer.now() - self._began)
            with opened(folder) as journal:
                journal.write_all("warned", told)
                reaper = Reaper(
                    site=look.site,
                    policy=look.policy,
                    judge=judge,
                    journal=journal,
                    folder=folder / MANIFESTS,
                    progress=self.progress,
                    most=self.most,
                    pace=pace,
                    timer=self.timer,
                    bounds=Bounds(longest=max(0.0, left)),
                )
                digest = str(write(plan)["digest"])
                return reaper.run(plan, seen=look.seen, digest=digest, override=self.override)

        return Job(plan, run)

    def _record(self, looks: Sequence[Look], run: ReapRun) -> None:
        seconds, now = self.timer.now() - self._began, self.clock()
        for look, ended in zip(looks, run.ended, strict=True):
            if look.site is None or look.policy is None:
                continue
            file = project_folder(look.policy.spec, look.site.project_id) / last.NAME
            known = last.load(file)
            try:
                if ended.report is not None:
                    found = last.after(
                        known,
                        ended.report,
                        now,
                        seconds,
                        undelivered=len(run.undelivered),
                        looked=look.requests,
                    )
                    last.save(file, found)
                elif known is not None:
                    error = ended.error.what if ended.error else ended.not_begun
                    last.save(file, last.failed(known, error, now, seconds))
            except OSError as error:
                look.notes.append(f"How the run went cannot be noted down, and the alarm will ring: {error}")


def _canary(first: Look) -> str:
    """Why nothing is begun elsewhere before the first project was run; empty where it is about to be."""
    if first.error is not None:
        return f"could not be looked at: {first.error.what}"
    return (
        f"is another run's: {first.busy} That one, or the next, goes on to the others." if first.busy else ""
    )


def _first_time(site: ReapSite, target: Target, found: Reached) -> None:
    """Refuse a project that this run has under another name: the second would find the first one's lock."""
    other = found.setdefault((site.name, site.project_id), target)
    if other is not target:
        raise UsageError(
            f"{target} and {other} are the same project at {site.name} ({site.project_id}).",
            do="Name it once.",
        )


def remember(look: Look) -> None:
    """Write down what the look's policy knows. Where that fails, deletions come later, and none is added."""
    if look.site is None or look.policy is None:
        return
    file = project_folder(look.policy.spec, look.site.project_id) / memory.NAME
    try:
        memory.save(file, look.policy.memory)
    except OSError as error:
        look.notes.append(f"What was seen cannot be remembered: {error}")


def _assigned(looks: list[Look], plans: Sequence[ReapPlan]) -> list[Look]:
    """Give each plan to the project that it was made for; in the order of the plans."""
    chosen = []
    for plan in plans:
        there = (plan.site, plan.project_id)
        found = next((x for x in looks if x.site and (x.site.name, x.site.project_id) == there), None)
        if found is None:
            failed = next((look.error for look in looks if look.error), None)
            raise failed or UsageError(
                f"The plan is for project {plan.project} ({plan.project_id}) at {plan.site}; these "
                "credentials are for another. Nothing was done.",
                do="Name its credentials with --cloud, or its project with --project.",
            )
        if not found.busy:
            found.plan = plan
        if found.policy is not None:
            spec, note = in_project(found.policy.spec, plan)
            found.policy = replace(found.policy, spec=spec)
            found.notes += [note] if note else []
        chosen.append(found)
    return chosen


def _connect(target: Target) -> ReapSite:
    from chi_helpers.sites import connect_project

    return connect_project(target.site, cloud=target.cloud, project=target.project)
