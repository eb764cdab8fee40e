"""Projects to reap, what was seen of each, and what a run came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chi_helpers.apply.notify.notifier import Delivery
from chi_helpers.model.errors import Exit, LabKitError, SiteError, UsageError

if TYPE_CHECKING:
    from chi_helpers.apply.reaper.fleet import Ended
    from chi_helpers.apply.reaper.sight import Seen
    from chi_helpers.model.inventory import Inventory
    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.reaping import Policy, ReapPlan
    from chi_helpers.sites.reaping import ReapSite


@dataclass(frozen=True, slots=True)
class Target:
    """One project: which credentials, and where they may choose, which site and project."""

    site: str | None = None
    cloud: str | None = None
    project: str | None = None

    def __str__(self) -> str:
        parts = (self.project, self.cloud and f"cloud {self.cloud}", self.site and f"at {self.site}")
        return " ".join(part for part in parts if part) or "the credentials' own project"


def targets(
    spec: LabSpec, site: str | None, clouds: Sequence[str], projects: Sequence[str]
) -> tuple[Target, ...]:
    """Which projects to reap, in order: each project with each cloud.

    Where several clouds are named, each says itself at which site and in which project it is.
    """
    several = len(clouds) > 1
    where = site or (None if several else spec.site)
    return tuple(
        Target(where, cloud, project)
        for cloud in (clouds or (None,))
        for project in (projects or (None if several else spec.project,))
    )


def in_project(spec: LabSpec, there: Inventory | ReapPlan) -> tuple[LabSpec, str]:
    """The lab as it counts in a project, and what is to be said of that.

    `reap.exclusive` is about the project that the file names; where it names none, about every one.
    """
    if not spec.reap.exclusive or spec.project in (None, there.project, there.project_id):
        return spec, ""
    note = (
        f"{there.project} at {there.site} is not the file's project, {spec.project}: it does not "
        "count as exclusive, and what was made in it by hand stays."
    )
    return replace(spec, reap=replace(spec.reap, exclusive=False)), note


@dataclass(slots=True)
class Look:
    """One project, and what is to be done there."""

    target: Target
    site: ReapSite | None = None
    policy: Policy | None = None
    seen: Seen | None = None
    plan: ReapPlan | None = None
    error: LabKitError | None = None
    """Why there is no plan."""
    busy: str = ""
    """Another run works on this project: which."""
    notes: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """Sent for the look."""
        return sum(x.requests for x in self.seen.inventory.listings.values()) if self.seen else 0


@dataclass(frozen=True, slots=True)
class ReapRun:
    """What a run came to; without `acted` it only looked."""

    looks: Sequence[Look]
    ended: tuple[Ended, ...] = ()
    warnings: Delivery = field(default_factory=Delivery)
    notices: tuple[str, ...] = ()
    """Messages about what was done that did not arrive."""
    acted: bool = False
    override: bool = False
    """The breaker was told to let the plans go."""

    @property
    def undelivered(self) -> tuple[str, ...]:
        return (*self.warnings.undelivered, *self.notices)

    @property
    def exit(self) -> Exit:
        """The first that is so: 3 the site, 2 wrong use, 4 the breaker, 1 partly done, 5 doubt, 0 done."""
        found = (*(look.error for look in self.looks), *(ended.error for ended in self.ended))
        errors = [error for error in found if error is not None]
        plans = [look.plan for look in self.looks if look.plan is not None]
        unreached = any(ended.report is not None and ended.report.unreached for ended in self.ended)
        for code, so in (
            (Exit.SITE, unreached or any(isinstance(error, SiteError) for error in errors)),
            (Exit.USAGE, any(isinstance(error, UsageError) for error in errors)),
            (Exit.BREAKER, not self.override and any(plan.tripped for plan in plans)),
            (Exit.PARTIAL, bool(errors or self.undelivered) or not all(ended.ok for ended in self.ended)),
            (Exit.DOUBT, any(plan.doubtful or plan.unseen for plan in plans)),
        ):
            if so:
                return code
        return Exit.OK
