"""What holds for every window, whatever the file, the zone and the instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from chi_helpers.config.quantities import localised
from chi_helpers.model.lab import ActiveHours, LeaseSpec, Lifetime, Outage
from chi_helpers.policy.clock import describe
from chi_helpers.policy.lifetime import Refusal, Window, deadline, lease_window
from tests.unit.policy.test_window import lab

ZONES = (
    "UTC",
    "America/New_York",
    "America/Chicago",
    "Europe/Zurich",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
minutes = st.integers(1, 3 * 24 * 60).map(lambda count: timedelta(minutes=count))
naive = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31))  # noqa: DTZ001 - zones are added below
instants = naive.map(lambda instant: instant.replace(tzinfo=UTC))
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
hours = st.one_of(st.none(), st.builds(ActiveHours, clocks, clocks, zones))


@st.composite
def specs(draw):
    """Labs of all kinds: advance or not, with outages and active hours or without."""
    begin = draw(instants)
    longest = draw(minutes)
    around = st.integers(-4000, 4000).map(lambda count: begin + timedelta(minutes=count))
    outages = draw(st.lists(st.tuples(around, minutes), max_size=3))
    spec = replace(
        lab(),
        timezone=draw(zones),
        lifetime=Lifetime(longest, hours=draw(hours)),
        lease=LeaseSpec(
            min(draw(minutes), longest),
            start=draw(st.one_of(st.none(), around)),
            end_early=timedelta(minutes=draw(st.integers(0, 59))),
        ),
        outages=tuple(Outage(lab().site, start, start + length, "upgrades") for start, length in outages),
    )
    return spec, begin


@settings(deadline=None, max_examples=400)
@given(specs())
def test_a_window_keeps_every_promise(drawn):
    """Never above the cap or the duration; whole minutes of UTC; not before now; in hours; across no outage."""
    spec, now = drawn
    window = lease_window(spec, now)
    if isinstance(window, Refusal):
        assert window.reason.endswith(".")
        assert window.do.endswith(".")
        assert window.field.split(".")[0] in ("lease", "lifetime")
        return
    assert window.start < window.end
    assert window.end - window.start <= spec.lease.duration <= spec.lifetime.max
    for instant in (window.start, window.end):
        assert instant.tzinfo is UTC
        assert (instant.second, instant.microsecond) == (0, 0)
    this_minute = now.replace(second=0, microsecond=0)
    assert window.start >= this_minute
    assert window.immediate == (window.start == this_minute)
    if spec.lease.start is not None:
        assert window.end <= spec.lease.start + spec.lease.duration
    assert not any(outage.start < window.end and window.start < outage.end for outage in spec.outages)
    assert window.start < deadline(spec, window) <= window.end


@settings(deadline=None)
@given(instants, minutes, zones)
@example(datetime(2026, 3, 8, 6, 30, tzinfo=UTC), timedelta(hours=6), ZoneInfo("America/New_York"))
@example(datetime(2026, 11, 1, 4, 30, tzinfo=UTC), timedelta(hours=6), ZoneInfo("America/New_York"))
def test_a_duration_is_elapsed_time(now, length, zone):
    """Six hours across a change to or from daylight saving are six hours, and the zone changes no window."""
    spec = replace(
        lab(duration=length, end_early=timedelta(0)),
        timezone=zone,
        lifetime=Lifetime(timedelta(days=3), hours=None),
    )
    window = lease_window(spec, now)
    assert isinstance(window, Window)
    assert window.length == length
    assert window == lease_window(replace(spec, timezone=ZoneInfo("UTC")), now)


@settings(deadline=None, max_examples=300)
@given(naive.map(lambda local: local.replace(second=0, microsecond=0)), zones)
@example(datetime(2026, 3, 8, 2, 30), ZoneInfo("America/New_York"))  # noqa: DTZ001
@example(datetime(2026, 11, 1, 1, 30), ZoneInfo("America/New_York"))  # noqa: DTZ001
@example(datetime(2026, 4, 5, 1, 45), ZoneInfo("Australia/Lord_Howe"))  # noqa: DTZ001 - half an hour is repeated
def test_a_local_time_is_read_as_it_is_written_or_refused(local, zone):
    """What is accepted reads the same on a clock in that zone, and names one instant only."""
    try:
        instant = localised(local, zone)
    except ValueError as error:
        if "where clocks go" not in str(error):
            raise
        return
    assert instant.astimezone(zone).replace(tzinfo=None) == local
    assert local.replace(tzinfo=zone, fold=1).astimezone(UTC) == instant


@settings(deadline=None)
@given(instants, zones, st.integers(-5000, 5000))
def test_every_description_names_utc(instant, zone, away):
    """Whatever the zone: the reader's clock, and UTC behind it."""
    text = describe(instant, zone, now=instant + timedelta(minutes=away))
    assert f"{instant.astimezone(zone):%H:%M}" in text
    assert f"{instant:%H:%M}" in text
    assert "UTC" in text


@settings(deadline=None)
@given(instants, hours)
def test_the_offer_after_closed_hours_is_open(now, active):
    """Coming back when told finds the lab open."""
    assume(active is not None)
    spec = replace(lab(duration=timedelta(hours=1)), lifetime=Lifetime(timedelta(hours=6), hours=active))
    first = lease_window(spec, now)
    if isinstance(first, Refusal) and first.field == "lifetime.hours":
        later = next(
            (
                now + timedelta(minutes=count)
                for count in range(60 * 24 + 1)
                if _open(spec, now + timedelta(minutes=count))
            ),
            None,
        )
        assert later is not None
        assert f"{later.astimezone(spec.timezone):%Y-%m-%d %H:%M}" in first.do


def _open(spec, instant):
    found = lease_window(spec, instant)
    return isinstance(found, Window) or found.field != "lifetime.hours"
