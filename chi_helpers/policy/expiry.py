"""When a thing must be gone: the earliest of all bounds that are known. The rules EXPIRED and WARNED.

What people write on a thing (a stamp, `delete_at`) can only shorten its life: its age counts as well.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Finding, Rule
from chi_helpers.model.stamp import DELETE_AT
from chi_helpers.model.truth import Truth
from chi_helpers.policy.clock import to_the_minute
from chi_helpers.policy.lifetime import closing_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chi_helpers.model.inventory import Resource
    from chi_helpers.model.lab import LabSpec


Bound = tuple[datetime | None, str]
"""One limit of a thing's life: the instant (None: it is not known), and where it comes from."""


class Term(NamedTuple):
    """When a thing must be gone, as far as is known, and what follows at the instant of judging."""

    deadline: datetime | None
    """The earliest bound that is known."""
    expired: Finding
    warned: Finding
    due: bool
    """It is time to warn of the deadline."""


class Expiry:
    """Judges the age of one inventory's resources at `now` (the site's clock).

    `skew` is this machine's clock minus the site's: what has expired must have expired by both.
    """

    def __init__(self, spec: LabSpec, now: datetime, skew: timedelta) -> None:
        self._spec = spec
        self.trusted = abs(skew) <= spec.reap.skew
        """The two clocks agree as well as the file wants."""
        self._both = min(now, now + skew)
        # Subtracted here, not added to each deadline: somebody may write one of the year 9999.
        self._late = self._both - spec.reap.grace
        self._too_late = self._both - spec.reap.hard
        self._soon = now + max(spec.lifetime.warn, default=timedelta(0))
        self._closings: dict[datetime, datetime | None] = {}
        self._terms: dict[tuple[datetime | None, str, str], Term] = {}
        self._clock = Finding(
            Rule.EXPIRED,
            Truth.UNKNOWN,
            f"this machine's clock is {skew.total_seconds():+.0f} s off the site's: more than reap.skew",
        )

    def bounds(self, resource: Resource, whole: Term | None = None) -> list[Bound]:
        """All limits of a thing's life. `whole`: the term of what it is a part of."""
        cap = self._spec.lifetime.max
        if resource.kind is Kind.LEASE:
            start = resource.start
            found = [
                (_later(start, cap), "lifetime.max after its start"),
                (resource.end, "its end"),
            ]
        else:
            start = resource.created
            found = [(_later(start, cap), "lifetime.max after it was made")]
        if self._spec.lifetime.hours is not None and start is not None:
            closing = self._closing(start)
            if closing is not None:
                found.append((closing, "the end of the active hours (lifetime.hours)"))
        if resource.stamp is not None:
            found.append((resource.stamp.deadline, "its stamp"))
        elif resource.stamp_fault:
            found.append((None, resource.stamp_fault))
        elif resource.metadata and DELETE_AT in resource.metadata:
            found.append((_written(resource.metadata[DELETE_AT]), f"its metadata, {DELETE_AT}"))
        if resource.mark is not None and resource.mark.lab == self._spec.lab:
            found.append((resource.mark.deadline, "the reaper's mark"))
        if whole is not None and whole.deadline is not None:
            found.append((whole.deadline, "the deadline of what it is a part of"))
        return found

    def of(self, resource: Resource, whole: Term | None = None, told: Sequence[datetime] = ()) -> Term:
        """The term of one thing.

        `whole` is that of what it is a part of; `told`: of which instants its owner was warned.
        """
        bounds = self.bounds(resource, whole)
        deadline, why, dark = None, "", ""
        for at, source in bounds:
            if at is None:
                dark = dark or source
            elif deadline is None or at < deadline:
                deadline, why = at, source
        if told:
            return self._term(deadline, why, dark, told)
        # What one person made for one lab has one deadline: there are far fewer terms than things.
        key = (deadline, why, dark)
        term = self._terms.get(key)
        if term is None:
            term = self._terms[key] = self._term(deadline, why, dark, told)
        return term

    def _term(self, deadline: datetime | None, why: str, dark: str, told: Sequence[datetime]) -> Term:
        expired, warned = self._expired(deadline, why, dark), self._warned(deadline, dark, told)
        return Term(deadline, expired, warned, self._due(deadline) and expired.truth is not Truth.YES)

    def cap(self, lease: Resource) -> datetime | None:
        """The latest end (UTC) that a lease may have by the file; None where its start is not known."""
        latest = _later(lease.start, self._spec.lifetime.max)
        if latest is None or lease.start is None:
            return None
        closing = self._closing(lease.start)
        return latest if closing is None else min(latest, closing)

    def _due(self, deadline: datetime | None) -> bool:
        marks = self._spec.lifetime.warn
        return self.trusted and bool(marks) and deadline is not None and deadline <= self._soon

    def _expired(self, deadline: datetime | None, why: str, dark: str) -> Finding:
        if not self.trusted:
            return self._clock
        if deadline is not None and deadline <= self._late:
            return Finding(Rule.EXPIRED, Truth.YES, f"its deadline was {minute(deadline)}: {why}")
        if dark:
            return Finding(Rule.EXPIRED, Truth.UNKNOWN, f"when it must be gone is not known: {dark}")
        if deadline is None:
            return Finding(Rule.EXPIRED, Truth.UNKNOWN, "when it must be gone is not known")
        return Finding(Rule.EXPIRED, Truth.NO, f"its deadline is {minute(deadline)}: {why}")

    def _warned(self, deadline: datetime | None, dark: str, told: Sequence[datetime]) -> Finding:
        if deadline is None:
            return _UNDATED
        # A warning of a later instant counts, once that has come: nothing goes sooner than was said.
        for said in told:
            if deadline <= said <= self._both:
                return _WARNED
        if deadline <= self._too_late:
            return _HARD
        return _UNDATED if dark else _UNWARNED

    def _closing(self, instant: datetime) -> datetime | None:
        """The next closing; worked out once for each minute in which something was made."""
        hours = self._spec.lifetime.hours
        if hours is None:
            return None
        # Hours open and close on full minutes, so that all of a minute has the same next closing.
        key = to_the_minute(instant)
        if key not in self._closings:
            self._closings[key] = closing_after(hours, key)
        return self._closings[key]


def minute(instant: datetime) -> str:
    """In UTC, to the second: cheap, for there are many of them."""
    return f"{instant.astimezone(UTC).isoformat(' ', 'seconds')[:19]} UTC"


def _later(instant: datetime | None, length: timedelta) -> datetime | None:
    try:
        return None if instant is None else instant + length
    except OverflowError:
        return None


def _written(text: str) -> datetime | None:
    """The instant that somebody wrote; None where it cannot be read, or has no time zone."""
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_WARNED = Finding(Rule.WARNED, Truth.YES, "its owner was warned of this deadline")
_HARD = Finding(Rule.WARNED, Truth.YES, "the time after which no warning is needed (reap.hard) is over")
_UNWARNED = Finding(
    Rule.WARNED, Truth.NO, "its owner was not warned of this deadline, or that was not delivered"
)
_UNDATED = Finding(Rule.WARNED, Truth.UNKNOWN, "of what deadline to warn is not known")
