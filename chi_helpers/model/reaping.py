"""Verdicts, plans and outcomes of the reaper, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.lab import LabSpec
from chi_helpers.model.roster import Roster
from chi_helpers.model.truth import Truth, every


class Rule(StrEnum):
    """What must all be true before a resource is deleted."""

    LISTED = "fully listed"
    OURS = "in scope"
    """Not the site's, not the reaper's own, of a lab that the file declares."""
    OWNED = "owned"
    EXPIRED = "expired"
    WARNED = "warned"
    UNPROTECTED = "unprotected"
    UNREFERENCED = "unreferenced"
    """Nothing that stays needs it, and all that goes with it may go."""


class Finding(NamedTuple):
    """One rule's answer, with the evidence in words."""

    rule: Rule
    truth: Truth
    why: str


class Decision(StrEnum):
    KEEP = "keep"
    WARN = "warn"
    TRIM = "trim"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of one resource, and why."""

    ref: Ref
    name: str
    decision: Decision
    findings: tuple[Finding, ...] = ()
    owner: str = ""
    deadline: datetime | None = None
    """After it the resource may not exist."""
    until: datetime | None = None
    """For TRIM: the lease's new end."""
    restamp: bool = False
    """It lost its stamp, and is to get it back."""

    @property
    def doubtful(self) -> bool:
        """Kept for want of knowledge alone: were the unknown true, it would be deleted."""
        return (
            self.decision is not Decision.DELETE
            and every(finding.truth for finding in self.findings) is Truth.UNKNOWN
        )

    @property
    def why(self) -> str:
        """The reasons that decided, in one line; each once."""
        if self.decision is Decision.DELETE:
            found = self.findings
        else:
            wanted = Truth.UNKNOWN if self.doubtful else Truth.NO
            found = tuple(finding for finding in self.findings if finding.truth is wanted)
        return "; ".join(dict.fromkeys(finding.why for finding in found if finding.why))


@dataclass(frozen=True, slots=True)
class Memory:
    """What the reaper remembers from run to run. To lose it delays deletions, and adds none."""

    first_seen: Mapping[Ref, datetime] = field(default_factory=dict)
    """When a thing was first seen (the site's clock)."""
    warned: Mapping[Ref, datetime] = field(default_factory=dict)
    """The deadline that a delivered warning named: another deadline needs another warning."""


@dataclass(frozen=True, slots=True)
class Policy:
    """By what the reaper judges, besides the inventory and the instant."""

    spec: LabSpec
    roster: Roster | None = None
    memory: Memory = field(default_factory=Memory)


class Action(StrEnum):
    WARN = "warn"
    TRIM = "trim"
    RESTAMP = "restamp"
    MARK = "mark"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class ReapStep:
    """One change. `takes` is what goes along with it; `after` must be gone before it can go."""

    action: Action
    ref: Ref
    name: str
    owner: str
    why: str
    created: datetime | None = None
    """Of what was judged: another thing of the same id or name is left alone."""
    deadline: datetime | None = None
    until: datetime | None = None
    """For TRIM: the new end."""
    root: Ref | None = None
    """For MARK: whose end leaves it behind."""
    takes: tuple[Ref, ...] = ()
    after: tuple[Ref, ...] = ()
    node: str = ""
    """For RESTAMP: key of the node that the instance's name says; empty where it says none."""


@dataclass(frozen=True, slots=True)
class Tripped:
    """The breaker stopped the run: which limit, how many were planned, and what is allowed."""

    scope: str
    """`run`, `project CHI-1`, `owner alice`."""
    planned: int
    allowed: int
    of: int
    """How many resources the scope has."""


@dataclass(frozen=True, slots=True)
class ReapPlan:
    """Ordered steps for one project at one site, and the verdicts that they come from."""

    site: str
    project_id: str
    project: str
    lab: str
    made: datetime
    """The site's clock when it was looked at."""
    expires: datetime
    """After it the plan may not be carried out any more."""
    steps: tuple[ReapStep, ...]
    verdicts: tuple[Verdict, ...] = ()
    unseen: tuple[tuple[Kind, str], ...] = ()
    """Kinds that were not listed, and why."""
    absent: tuple[Kind, ...] = ()
    """Kinds that the site has no service for."""
    tripped: tuple[Tripped, ...] = ()

    @property
    def deletions(self) -> tuple[ReapStep, ...]:
        return tuple(step for step in self.steps if step.action is Action.DELETE)

    @property
    def doubtful(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.doubtful)


class Fate(StrEnum):
    """What became of one step."""

    DONE = "done"
    """Seen: it is gone, or as it should be."""
    GONE = "gone before"
    TAKEN = "went along"
    CHANGED = "changed meanwhile"
    """It is not what was judged any more, and was left alone."""
    WAITING = "waits"
    """What must go first is still there; the next run goes on."""
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReapOutcome:
    step: ReapStep
    fate: Fate
    detail: str = ""
    request_id: str = ""

    @property
    def ok(self) -> bool:
        return self.fate in (Fate.DONE, Fate.GONE, Fate.TAKEN, Fate.CHANGED)


@dataclass(frozen=True, slots=True)
class ReapReport:
    """A run: the plan, what became of its steps, and what a last look found."""

    plan: ReapPlan
    outcomes: tuple[ReapOutcome, ...] = ()
    left: tuple[Verdict, ...] = ()
    """What the last look says should be gone, and is there."""
    proved: bool = False
    """The last look was made."""
    requests: int = 0
    stopped: str = ""
    """Why it ended early: the breaker, the clock, the plan's age."""
    overdue: tuple[Verdict, ...] = field(default=())
    """What is past its deadline and grace and still there, kept or not deletable."""
    unreached: bool = False
    """The site could not be looked at any more, or refused the credentials, after the run had begun."""

    @property
    def unproved(self) -> bool:
        """Something was to be changed, and no last look says what came of it."""
        return not self.proved and any(o.step.action is not Action.WARN for o in self.outcomes)

    @property
    def ok(self) -> bool:
        done = all(outcome.ok for outcome in self.outcomes)
        return done and not (self.left or self.stopped or self.unproved)
