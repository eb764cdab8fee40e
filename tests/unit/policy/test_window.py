"""The window of a lease: from now or from a time to come, never above the cap, never across an outage."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chi_helpers.model.errors import Exit
from chi_helpers.model.lab import ActiveHours, LabSpec, LeaseSpec, Lifetime, NodeSpec, Outage
from chi_helpers.policy.lifetime import Refusal, Window, deadline, lease_window, time_left, warnings_due

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NEW_YORK = ZoneInfo("America/New_York")


def at(text):
    """`15:07` on 2026-01-29, or a whole date and time; UTC."""
    return datetime.fromisoformat(text if "T" in text else f"2026-01-29T{text}").replace(tzinfo=UTC)


def lab(**lease):
    """A lab of six hours, its times shown in New York (UTC-5 in January)."""
    return LabSpec(
        lab="hello",
        site="KVM@TACC",
        lifetime=Lifetime(6 * HOUR, warn=(HOUR, 15 * MINUTE)),
        lease=LeaseSpec(**{"duration": 6 * HOUR, "end_early": 5 * MINUTE, **lease}),
        nodes=(NodeSpec("node1", "CC-Ubuntu24.04", flavor="m1.small"),),
        timezone=NEW_YORK,
        source=Path("reservation.yaml"),
    )


@pytest.mark.parametrize(
    ("now", "lease", "start", "end"),
    [
        pytest.param("15:07", {}, "15:07", "21:07", id="now"),
        pytest.param("15:07:59.999999", {}, "15:07", "21:07", id="seconds are rounded down at both ends"),
        pytest.param("15:00", {}, "15:00", "20:55", id="an end on the hour moves to :55"),
        pytest.param("14:57", {}, "14:57", "20:55", id="an end just before the hour, too"),
        pytest.param("14:55", {}, "14:55", "20:55", id="an end at :55 stays"),
        pytest.param("14:54", {}, "14:54", "20:54", id="an end before :55 stays"),
        pytest.param("15:00", {"end_early": 10 * MINUTE}, "15:00", "20:50", id="as early as the file says"),
        pytest.param("15:00", {"end_early": 0 * MINUTE}, "15:00", "21:00", id="switched off"),
        pytest.param("15:00", {"duration": HOUR}, "15:00", "15:55", id="one hour"),
        pytest.param(
            "15:01", {"duration": 59 * MINUTE}, "15:01", "16:00", id="less than an hour is left alone"
        ),
        pytest.param("15:58", {"duration": 2 * MINUTE}, "15:58", "16:00", id="a lease of minutes"),
        pytest.param(
            "15:07", {"start": at("19:00")}, "19:00", "2026-01-30T00:55", id="in advance, from its start on"
        ),
        pytest.param(
            "2026-01-20T15:07", {"start": at("19:30")}, "19:30", "2026-01-30T01:30", id="days in advance"
        ),
        pytest.param("15:07", {"start": at("15:07")}, "15:07", "21:07", id="this very minute"),
        pytest.param("15:07", {"duration": 9 * HOUR}, "15:07", "21:07", id="never above the cap"),
    ],
)
def test_start_and_end(now, lease, start, end):
    """Whole minutes in UTC; the end counted from the start."""
    window = lease_window(lab(**lease), at(now))
    assert isinstance(window, Window)
    assert (window.start, window.end, window.notes) == (at(start), at(end), ())
    assert window.start.tzinfo is window.end.tzinfo is UTC
    assert window.immediate == (window.start == at(now).replace(second=0, microsecond=0))


def test_a_start_that_has_just_passed_keeps_its_end():
    """`up` run late, or run again, does not gain time by it."""
    window = lease_window(lab(start=at("15:30")), at("16:10:30"))
    assert isinstance(window, Window)
    assert (window.start, window.end, window.immediate) == (at("16:10"), at("21:30"), True)
    assert window.notes == (
        "The start, today 10:30 EST (15:30 UTC), has passed: the lease starts now, and its end stays.",
    )


@pytest.mark.parametrize(
    "late", [pytest.param(timedelta(0), id="this minute"), pytest.param(300 * HOUR, id="days ago")]
)
def test_a_lease_of_the_past_is_refused(late):
    """With the times, and what to set."""
    refusal = lease_window(lab(start=at("15:30")), at("21:30") + late)
    assert isinstance(refusal, Refusal)
    assert refusal.field == "lease.start"
    assert refusal.reason.endswith("is over.")
    assert refusal.do == "Set lease.start to now, or to a time to come."


def with_outage(begin, end, site="KVM@TACC", **lease):
    return replace(lab(**lease), outages=(Outage(site, at(begin), at(end), "upgrades"),))


def test_an_outage_offers_the_longest_lease_before_it():
    """Refused with the reason, the longest duration that fits, and the first start after it."""
    refusal = lease_window(with_outage("18:30", "2026-01-30T03:00"), at("15:07"))
    assert refusal == Refusal(
        "The lease, today 10:07 EST (15:07 UTC) to today 16:07 EST (21:07 UTC), would run across a planned outage of "
        "KVM@TACC, today 13:30 EST (18:30 UTC) to today 22:00 EST (2026-01-30 03:00 UTC): upgrades.",
        "Set lease.duration to 3h23m or less, or lease.start to 2026-01-29 22:00 or later.",
        "lease.duration",
    )
    assert refusal.error().exit_code == Exit.USAGE
    assert str(refusal.error()) == f"{refusal.reason} {refusal.do}"


@pytest.mark.parametrize(
    "now",
    [
        pytest.param("18:30", id="as it begins"),
        pytest.param("20:00", id="amid"),
        pytest.param("18:29:59", id="seconds before"),
    ],
)
def test_in_an_outage_only_a_later_start_helps(now):
    """No duration is offered where none fits; one minute is the least."""
    refusal = lease_window(with_outage("18:30", "21:00"), at(now))
    assert isinstance(refusal, Refusal)
    expected = "Set lease.start to 2026-01-29 16:00 or later."
    if now == "18:29:59":
        expected = "Set lease.duration to 1m or less, or lease.start to 2026-01-29 16:00 or later."
    assert refusal.do == expected


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(with_outage("21:07", "23:00"), id="begins as the lease ends"),
        pytest.param(with_outage("10:00", "15:07"), id="ended as the lease begins"),
        pytest.param(with_outage("16:00", "17:00", site="CHI@UC"), id="of another site"),
        pytest.param(with_outage("16:00", "17:00", start=at("18:00")), id="before an advance lease"),
    ],
)
def test_outages_that_do_not_matter(spec):
    """They touch, or they are elsewhere."""
    assert isinstance(lease_window(spec, at("15:07")), Window)


def test_what_the_refusal_offers_is_accepted():
    """A reader who does as told is not refused again."""
    spec = with_outage("18:30", "20:00")
    assert isinstance(
        lease_window(replace(spec, lease=replace(spec.lease, duration=203 * MINUTE)), at("15:07")), Window
    )
    assert isinstance(
        lease_window(replace(spec, lease=replace(spec.lease, start=at("20:00"))), at("15:07")), Window
    )


def test_the_doubt_of_a_repeated_hour_is_taken_from_the_offer():
    """01:30 on the day clocks go back is offered with its offset: the file would refuse it without."""
    spec = with_outage("2026-11-01T03:00", "2026-11-01T06:30")
    refusal = lease_window(spec, at("2026-11-01T04:00"))
    assert isinstance(refusal, Refusal)
    assert "lease.start to 2026-11-01 01:30-05:00 or later" in refusal.do


def open_at(opens, closes, zone=NEW_YORK, **lease):
    return replace(lab(**lease), lifetime=Lifetime(6 * HOUR, hours=ActiveHours(opens, closes, zone)))


@pytest.mark.parametrize(
    ("opens", "closes", "now", "end"),
    [
        pytest.param(time(8), time(0), "15:07", "21:07", id="well inside"),
        pytest.param(time(8), time(0), "2026-01-30T01:00", "2026-01-30T04:55", id="cut at midnight"),
        pytest.param(time(8), time(17, 30), "20:00", "22:30", id="cut in the afternoon"),
        pytest.param(
            time(20), time(2), "2026-01-30T04:00", "2026-01-30T06:55", id="over midnight, before it"
        ),
        pytest.param(time(20), time(2), "2026-01-30T06:30", "2026-01-30T07:00", id="over midnight, after it"),
        pytest.param(time(0), time(0), "2026-01-30T03:00:30", "2026-01-30T08:55", id="always"),
        pytest.param(time(8), time(0), "13:00", "18:55", id="as it opens"),
    ],
)
def test_active_hours_cut_the_lease(opens, closes, now, end):
    """The lease ends when the active hours do, and says so."""
    window = lease_window(open_at(opens, closes), at(now))
    assert isinstance(window, Window)
    assert window.end == at(end)
    assert bool(window.notes) == (window.end - window.start < 5 * HOUR + 50 * MINUTE)


def test_the_cut_is_told():
    """How long the lease is now, and why."""
    window = lease_window(open_at(time(8), time(0)), at("2026-01-30T01:00"))
    assert isinstance(window, Window)
    assert window.notes == ("Cut to 3h55m: this lab's active hours end tomorrow 00:00 EST (05:00 UTC).",)


def test_outside_the_active_hours():
    """Refused, with when to come back, in the reader's time."""
    refusal = lease_window(open_at(time(8), time(0)), at("08:30"))
    assert refusal == Refusal(
        "This lab is not active today 03:30 EST (08:30 UTC): 08:00-24:00 America/New_York only.",
        "Come back today 08:00 EST (13:00 UTC), or set lease.start to 2026-01-29 08:00.",
        "lifetime.hours",
    )


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        pytest.param("15:00", "20:55", "20:55", id="the lease's own end"),
        pytest.param("15:00", "2026-01-30T03:00", "21:00", id="a longer lease, made by hand"),
    ],
)
def test_the_deadline_is_never_above_the_cap(start, end, left):
    """Also where a lease was found that this kit did not make."""
    assert deadline(lab(), Window(at(start), at(end))) == at(left)


def test_the_deadline_is_never_after_the_active_hours():
    """A lease that runs into the night does not move it."""
    assert deadline(open_at(time(8), time(17)), Window(at("19:00"), at("23:00"))) == at("22:00")


def test_time_left():
    """Down to zero, not below."""
    assert time_left(at("20:00"), at("20:55")) == 55 * MINUTE
    assert time_left(at("21:00"), at("20:55")) == timedelta(0)


@pytest.mark.parametrize(
    ("now", "since", "due"),
    [
        pytest.param("19:54:59", None, (), id="early"),
        pytest.param("19:55", None, (HOUR,), id="the first, to the second"),
        pytest.param("20:40", None, (HOUR, 15 * MINUTE), id="both"),
        pytest.param("20:40", "19:55", (15 * MINUTE,), id="only what is new"),
        pytest.param("20:45", "20:40", (), id="nothing new"),
        pytest.param("20:55", None, (), id="too late"),
    ],
)
def test_warnings(now, since, due):
    """Each warning is due from its instant on, and told once."""
    assert warnings_due(lab(), at("20:55"), at(now), since and at(since)) == due
