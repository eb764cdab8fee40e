"""How long a lab may live: the window of its lease, the deadline of everything in it, the time left.

Pure: `now` is an argument (aware), answers are values. A duration is elapsed time, not wall-clock time: six
hours across a change to daylight saving are six hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import ActiveHours, LabSpec
from chi_helpers.model.span import span
from chi_helpers.policy.clock import MINUTE, describe, to_the_minute

HOUR = timedelta(hours=1)
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Window:
    """A lease's start and end: UTC, whole minutes, start < end, never longer than lifetime.max."""

    start: datetime
    end: datetime
    immediate: bool = True
    """It starts now. Send Blazar the word `now` then, for a start in the past minute would be refused."""
    notes: tuple[str, ...] = ()
    """Why it is not quite what the file says; each a sentence for the reader."""

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Refusal:
    """No: the `reason`, what to `do` about it, and the `field` of the file that decided."""

    reason: str
    do: str
    field: str = ""

    def error(self) -> UsageError:
        """The same as an error, for callers that stop here."""
        return UsageError(self.reason, do=self.do)


def lease_window(spec: LabSpec, now: datetime) -> Window | Refusal:
    """When a lease of `spec` that is made at `now` starts and ends.

    The end is counted from the start (python-chi counts it from now: chi/lease.py, `Lease.__init__`). It
    is cut at the end of the active hours. A lease of an hour or more that would end on a full hour of UTC, or
    within `end_early` before one, ends `end_early` before it. A window across a planned outage of the lab's
    site is refused.
    """
    this_minute = to_the_minute(now)
    asked = this_minute if spec.lease.start is None else to_the_minute(spec.lease.start)
    start = max(asked, this_minute)
    end = asked + min(spec.lease.duration, spec.lifetime.max)
    notes: list[str] = []
    if asked < this_minute:
        if end <= this_minute:
            return _past(spec, asked, end, now)
        notes.append(
            f"The start, {_at(asked, spec, now)}, has passed: the lease starts now, and its end stays."
        )
    closing = _closing(spec.lifetime.hours, start)
    if isinstance(closing, _Closed):
        return _closed(spec, start, closing.opens, now)
    closes = closing if closing is not None and closing < end else None
    end = to_the_minute(_before_the_hour(start, closes or end, spec.lease.end_early))
    if closes:
        notes.append(f"Cut to {span(end - start)}: this lab's active hours end {_at(closes, spec, now)}.")
    window = Window(start, end, immediate=start == this_minute, notes=tuple(notes))
    if end - start < MINUTE:
        return _nothing_left(spec, start, now)
    return _across_an_outage(spec, window, now) or window


def deadline(spec: LabSpec, window: Window) -> datetime:
    """The instant (UTC) after which nothing of the lab may exist.

    The lease's own end, or sooner where the file allows less: a lease that was made by hand may be longer.
    """
    latest = min(window.end, window.start + spec.lifetime.max)
    closing = _closing(spec.lifetime.hours, window.start)
    if isinstance(closing, datetime):
        latest = min(latest, closing)
    return latest.astimezone(UTC)


def time_left(now: datetime, deadline: datetime) -> timedelta:
    """What is left until `deadline`; zero once it has passed."""
    return max(deadline - now, _ZERO)


def warnings_due(
    spec: LabSpec, deadline: datetime, now: datetime, since: datetime | None = None
) -> tuple[timedelta, ...]:
    """Which of `lifetime.warn` are due at `now`, longest first.

    With `since` (the last time this was asked) only those that became due after it. None once the deadline
    has passed: then it is too late to warn.
    """
    if now >= deadline:
        return ()
    return tuple(
        warning
        for warning in spec.lifetime.warn
        if deadline - warning <= now and (since is None or since < deadline - warning)
    )


def closing_after(hours: ActiveHours | None, instant: datetime) -> datetime | None:
    """The next end (UTC) of the active hours after `instant`, whether it lies in them or not; None: never."""
    closing = _closing(hours, instant)
    if isinstance(closing, _Closed):
        closing = _closing(hours, closing.opens)
    if isinstance(closing, _Closed):
        raise AssertionError("active hours that do not hold their own beginning")  # noqa: TRY004 - no caller's type
    return closing


@dataclass(frozen=True, slots=True)
class _Closed:
    opens: datetime


def _closing(hours: ActiveHours | None, instant: datetime) -> datetime | _Closed | None:
    """When the active hours that hold `instant` end; None: never."""
    if hours is None or hours.opens == hours.closes == time(0):
        return None
    today = instant.astimezone(hours.zone).date()
    over_midnight = hours.closes <= hours.opens
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        last = day + timedelta(days=1) if over_midnight else day
        opens = datetime.combine(day, hours.opens, hours.zone).astimezone(UTC)
        closes = datetime.combine(last, hours.closes, hours.zone).astimezone(UTC)
        if opens <= instant < closes:
            return closes
        if instant < opens:
            return _Closed(opens)
    raise AssertionError("a day that neither holds an instant nor comes after it")


def _before_the_hour(start: datetime, end: datetime, early: timedelta) -> datetime:
    """`end`, moved to `early` before the full hour (of UTC) where it is nearer to it than that."""
    if early <= _ZERO or end - start < HOUR:
        return end
    short_of = -timedelta(minutes=end.minute) % HOUR
    return end - (early - short_of) if short_of < early else end


def _across_an_outage(spec: LabSpec, window: Window, now: datetime) -> Refusal | None:
    hit = sorted(
        (
            outage
            for outage in spec.outages
            if outage.site == spec.site and outage.start < window.end and window.start < outage.end
        ),
        key=lambda outage: outage.start,
    )
    if not hit:
        return None
    first = hit[0]
    lease, outage = (f"{_at(one.start, spec, now)} to {_at(one.end, spec, now)}" for one in (window, first))
    reason = f"The lease, {lease}, would run across a planned outage of {first.site}, {outage}: {first.why}."
    fits = to_the_minute(first.start) - window.start
    later = f"lease.start to {_written(hit[-1].end, spec)} or later"
    if fits < MINUTE:
        return Refusal(reason, f"Set {later}.", "lease.start")
    return Refusal(reason, f"Set lease.duration to {span(fits)} or less, or {later}.", "lease.duration")


def _past(spec: LabSpec, asked: datetime, end: datetime, now: datetime) -> Refusal:
    return Refusal(
        f"The lease of the file, {_at(asked, spec, now)} to {_at(end, spec, now)}, is over.",
        "Set lease.start to now, or to a time to come.",
        "lease.start",
    )


def _closed(spec: LabSpec, start: datetime, opens: datetime, now: datetime) -> Refusal:
    return Refusal(
        f"This lab is not active {_at(start, spec, now)}: {_hours(spec)} only.",
        f"Come back {_at(opens, spec, now)}, or set lease.start to {_written(opens, spec)}.",
        "lifetime.hours",
    )


def _nothing_left(spec: LabSpec, start: datetime, now: datetime) -> Refusal:
    return Refusal(
        f"Nothing is left for a lease that starts {_at(start, spec, now)}.",
        "Set lease.start to now or to a later time, and lease.duration to some minutes at least.",
        "lease.start",
    )


def _hours(spec: LabSpec) -> str:
    hours = spec.lifetime.hours
    if hours is None:
        return "at any time"
    closes = "24:00" if hours.closes == time(0) else f"{hours.closes:%H:%M}"
    return f"{hours.opens:%H:%M}-{closes} {hours.zone.key}"


def _at(instant: datetime, spec: LabSpec, now: datetime) -> str:
    return describe(instant, spec.timezone, now=now)


def _written(instant: datetime, spec: LabSpec) -> str:
    """As the file would say it, rounded up to a minute and without the doubt of a repeated hour."""
    rounded = to_the_minute(instant)
    if rounded < instant:
        rounded += MINUTE
    here = rounded.astimezone(spec.timezone)
    doubtful = here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()
    return here.isoformat(sep=" ", timespec="minutes") if doubtful else f"{here:%Y-%m-%d %H:%M}"
