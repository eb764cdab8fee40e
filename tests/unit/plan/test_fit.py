"""A lease that is there serves the lab, or the reason why it does not is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.model.lab import LeaseSpec, Lifetime
from chi_helpers.model.resources import ReservationView, Snapshot
from chi_helpers.model.wants import ReservationWant
from chi_helpers.plan.fit import misfit, node_type, reserved_for, serves, usable, wanted
from tests.support.fake_site import NOW
from tests.unit.plan.labs import SIX, lab, node
from tests.unit.plan.test_up import LEASE, NAME, START

SMALL = ReservationWant(1, "2", label="m1.small")
BARE = ReservationWant(1, node_type="gpu_p100", label="gpu_p100")
HOST = ReservationView("R", "physical:host", 1, resource_properties='["==", "$node_type", "gpu_p100"]')
OTHER_KIND = ReservationView("F", "virtual:floatingip", 1)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def why(lease=LEASE, spec=None, wants=(SMALL,), now=NOW):
    return misfit(spec or lab(), lease, wants, now)


@pytest.mark.parametrize("status", ["PENDING", "STARTING", "ACTIVE", "UPDATING", "CREATING"])
def test_a_lease_of_exactly_the_name_that_has_not_ended_is_usable(status):
    lease = replace(LEASE, status=status)
    assert usable(NAME, Snapshot(NOW, (lease,))) == [lease]
    assert usable(NAME, Snapshot(NOW, (replace(lease, name="hello-samantha"),))) == []
    assert usable(NAME, Snapshot(LEASE.end - SECOND, (lease,))) == [lease]
    assert usable(NAME, Snapshot(LEASE.end, (lease,))) == []


@pytest.mark.parametrize("status", ["ERROR", "TERMINATED", "TERMINATING", "DELETING"])
def test_a_lease_that_has_ended_or_failed_is_not_usable(status):
    assert usable(NAME, Snapshot(NOW, (replace(LEASE, status=status),))) == []


def test_nodes_of_one_flavor_or_node_type_share_a_reservation():
    bare = node("g", flavor=None, node_type="gpu_p100")
    spec = lab(node("a"), bare, node("b", flavor="m1.medium"), node("c"), replace(bare, key="h"))
    found = wanted(spec, {"m1.small": "2", "m1.medium": "3"})
    assert found == (
        ReservationWant(2, "2", label="m1.small"),
        ReservationWant(2, node_type="gpu_p100", label="gpu_p100"),
        ReservationWant(1, "3", label="m1.medium"),
    )
    assert [reserved_for(one, found).label for one in spec.nodes] == [
        "m1.small",
        "gpu_p100",
        "m1.medium",
        "m1.small",
        "gpu_p100",
    ]


@pytest.mark.parametrize(
    ("reservation", "want", "answer"),
    [
        (LEASE.reservations[0], SMALL, True),
        (replace(LEASE.reservations[0], flavor_id="3"), SMALL, False),
        (replace(LEASE.reservations[0], flavor_id=None), SMALL, True),
        (replace(LEASE.reservations[0], resource_type="physical:host"), SMALL, False),
        (HOST, BARE, True),
        (replace(HOST, resource_type="flavor:instance"), BARE, False),
        (replace(HOST, resource_properties='["==", "$node_type", "gpu_a100"]'), BARE, False),
        (replace(HOST, resource_properties=""), BARE, False),
    ],
)
def test_a_reservation_serves_what_it_is_of(reservation, want, answer):
    """A site that does not tell the flavor gets the benefit of the doubt."""
    assert serves(reservation, want) is answer


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ('["==", "$node_type", "gpu_p100"]', "gpu_p100"),
        ('["=", "$node_type", "gpu_p100"]', "gpu_p100"),
        ('["==", "$node_type", 5]', "5"),
        ('[">=", "$node_type", "gpu_p100"]', None),
        ('["==", "$uid", "gpu_p100"]', None),
        ('["and", ["==", "$node_type", "a"], ["==", "$uid", "b"]]', None),
        ('["==", "$node_type"]', None),
        ("5", None),
        ("not JSON", None),
        ("", None),
    ],
)
def test_a_node_type_is_read_only_as_python_chi_writes_it(properties, found):
    assert node_type(replace(HOST, resource_properties=properties)) == found


def test_a_lease_that_reserves_what_the_file_asks_for_serves():
    """Whatever floating IPs it reserves beside that."""
    assert why() is None
    assert why(replace(LEASE, reservations=(OTHER_KIND, *LEASE.reservations))) is None
    both = (HOST, *LEASE.reservations)
    assert why(replace(LEASE, reservations=both), wants=(SMALL, BARE)) is None


@pytest.mark.parametrize(
    ("reservations", "wants", "asked"),
    [
        ((), (SMALL,), "1 x m1.small"),
        ((HOST,), (SMALL,), "1 x m1.small"),
        ((HOST, *LEASE.reservations), (SMALL,), "1 x m1.small"),
        (LEASE.reservations, (SMALL, BARE), "1 x m1.small, 1 x gpu_p100"),
        ((replace(HOST, amount=2),), (BARE,), "1 x gpu_p100"),
    ],
    ids=["nothing", "something else", "more", "less", "another amount"],
)
def test_a_lease_that_reserves_anything_else_does_not(reservations, wants, asked):
    assert why(replace(LEASE, reservations=reservations), wants=wants) == (
        f"it does not reserve what the file asks for ({asked})"
    )


def test_a_lease_may_last_as_long_as_the_file_allows_and_a_minute_for_blazars_rounding():
    assert why(replace(LEASE, start=START, end=NOW + SIX + MINUTE), lab(lifetime=Lifetime(2 * SIX))) is None
    assert why(replace(LEASE, end=NOW + SIX + MINUTE + SECOND), lab(lifetime=Lifetime(2 * SIX))) == (
        "it lasts until today 15:01 CST (21:01 UTC), longer than the 6:00:00 that is allowed from now on"
    )


def test_what_is_allowed_is_the_shorter_of_the_leases_duration_and_the_labs_lifetime():
    long = lab(lease=LeaseSpec(4 * SIX))
    assert "longer than the 6:00:00" in (why(replace(LEASE, end=START + 2 * SIX), long) or "")
    short = lab(lease=LeaseSpec(SIX / 2))
    assert "longer than the 3:00:00" in (why(spec=short) or "")


def test_a_lease_to_come_is_measured_from_its_start():
    later = replace(LEASE, start=START + SIX, end=START + 2 * SIX)
    assert why(later) is None
    assert why(replace(later, end=later.end + 2 * MINUTE)) is not None


def test_a_lease_may_not_be_longer_in_all_than_the_lab_may_live():
    old = replace(LEASE, start=START - timedelta(hours=2), end=START - timedelta(hours=2) + SIX + MINUTE)
    assert why(old) is None
    assert why(replace(old, end=old.end + MINUTE)) == "it is 6:02:00 long, above lifetime.max (6:00:00)"


def test_a_lease_to_come_starts_when_the_file_says():
    asked = START + timedelta(days=1)
    there = replace(LEASE, start=asked, end=asked + SIX)
    spec = lab(lease=LeaseSpec(SIX, asked + 30 * SECOND))
    assert why(there, spec) is None
    assert why(replace(there, start=asked - MINUTE), spec) == (
        "it starts tomorrow 08:59 CST (14:59 UTC), and the file says tomorrow 09:00 CST (15:00 UTC)"
    )


def test_a_start_that_has_passed_is_compared_no_more():
    for asked in (NOW - timedelta(hours=1), NOW):
        assert why(spec=lab(lease=LeaseSpec(SIX, asked))) is None
