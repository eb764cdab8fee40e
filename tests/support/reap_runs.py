"""A reaper on a project in memory, without threads, whose time is the project's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from chi_helpers.apply.journal import opened
from chi_helpers.apply.reaper.run import Reaper
from chi_helpers.apply.reaper.timing import Bounds
from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Fate, Policy, ReapPlan, ReapReport
from tests.support import small_judge
from tests.support.fake_project import DHCP, FakeProject, Thing
from tests.unit.plan.labs import lab

OLD = timedelta(days=1)
POLICY = Policy(lab(lab="demo"))


class Runs:
    """Plans and runs on one project; what they write is in `folder`."""

    def __init__(
        self, project: FakeProject, folder: Path, judge: Callable[..., Any] = small_judge.judge
    ) -> None:
        self.project, self.folder, self.judge = project, folder, judge
        self.bounds = Bounds()
        self.most = 1
        self.options: dict[str, Any] = {}

    def plan(self, **changes: Any) -> ReapPlan:
        """Plan from a look that costs the reaper nothing."""
        calls = list(self.project.calls)
        plan = small_judge.plan_of(self.project.inventory(), **changes)
        self.project.calls[:] = calls
        return plan

    def run(self, plan: ReapPlan | None = None, **options: Any) -> ReapReport:
        plan = plan or self.plan()
        with opened(self.folder) as journal:
            reaper = Reaper(
                self.project,
                POLICY,
                self.judge,
                journal,
                self.folder,
                most=self.most,
                timer=self.project.timer,
                bounds=self.bounds,
                **self.options,
            )
            return reaper.run(plan, **options)

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "journal.jsonl").read_text().splitlines()]


def fates(report: ReapReport) -> dict[str, Fate]:
    """Name (or id) -> fate."""
    return {outcome.step.name or outcome.step.ref.id: outcome.fate for outcome in report.outcomes}


def small_net(project: FakeProject, name: str) -> tuple[Thing, Thing, Thing]:
    """Make a network with a subnet, and a router with an interface on it."""
    network = project.make(Kind.NETWORK, f"{name}-net", age=OLD)
    subnet = project.make(Kind.SUBNET, f"{name}-subnet", age=OLD, network=network.id)
    router = project.make(Kind.ROUTER, f"{name}-router", age=OLD)
    project.make(Kind.PORT, "", age=OLD, network=network.id, subnet=subnet.id, device=router.id)
    project.make(Kind.PORT, "", age=OLD, network=network.id, subnet=subnet.id, device=DHCP)
    return network, subnet, router
