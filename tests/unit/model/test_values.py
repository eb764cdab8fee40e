"""What the small values of the model say of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chi_helpers.model.facts import Quota
from chi_helpers.model.inventory import Inventory, Kind, Listing, Ref, Resource, Seen
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.resources import (
    FloatingIPView,
    InstanceView,
    LeaseView,
    SecurityGroupView,
    Snapshot,
)
from chi_helpers.model.roster import Person, Roster
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.volumes import VolumeView
from chi_helpers.model.wants import ReservationWant
from chi_helpers.model.words import printable

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quota", "free"), [(Quota(3, 10), 7), (Quota(10, 10), 0), (Quota(12, 10), 0), (Quota(3, None), None)]
)
def test_a_quota_knows_what_is_free_and_never_less_than_nothing(quota, free):
    assert quota.free == free


def test_a_resource_is_named_by_its_kind_and_id():
    resource = Resource(Kind.FLOATING_IP, "f1", "")
    assert resource.ref == Ref(Kind.FLOATING_IP, "f1")
    assert str(resource.ref) == "floating IP f1"


def test_a_kind_was_seen_completely_unless_its_listing_failed_or_nobody_looked():
    listings = {
        Kind.LEASE: Listing(Seen.FULLY),
        Kind.IMAGE: Listing(Seen.ABSENT),
        Kind.PORT: Listing(Seen.FAILED),
    }
    inventory = Inventory("KVM@TACC", "p1", "CHI-1", NOW, listings=listings)
    seen = [inventory.complete(kind) for kind in (Kind.LEASE, Kind.IMAGE, Kind.PORT, Kind.VOLUME)]
    assert seen == [True, True, False, False]


def test_an_inventory_finds_its_resources_by_their_refs():
    lease, port = Resource(Kind.LEASE, "1", "a"), Resource(Kind.PORT, "1", "b")
    found = Inventory("KVM@TACC", "p1", "CHI-1", NOW, resources=(lease, port)).by_ref
    assert found == {Ref(Kind.LEASE, "1"): lease, Ref(Kind.PORT, "1"): port}


@pytest.mark.parametrize("result", Result)
def test_a_step_that_was_refused_or_failed_is_not_in_order(result):
    assert Outcome("a step", result).ok is (result not in (Result.REFUSED, Result.FAILED))


LEASE = LeaseView("L", "hello-sam", "ACTIVE", "u", NOW, NOW)
OURS, OTHERS, ANOTHERS = Stamp("sam", "hello", NOW), Stamp("sam", "other", NOW), Stamp("eve", "hello", NOW)


def test_only_a_terminated_lease_is_over():
    assert [replace(LEASE, status=word).over for word in ("TERMINATED", "ERROR", "ACTIVE")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(("viewer", "anothers"), [("u", False), ("v", True), ("", False)])
def test_a_lease_is_anothers_where_it_is_known_who_looked(viewer, anothers):
    assert Snapshot(NOW, (LEASE,), user_id=viewer).is_anothers(LEASE) is anothers


def test_a_snapshot_picks_what_carries_the_stamp_of_lab_and_owner():
    stamps = (OURS, OTHERS, ANOTHERS, None)
    snapshot = Snapshot(
        NOW,
        (LEASE,),
        tuple(InstanceView(str(n), "i", "ACTIVE", "u", NOW, stamp) for n, stamp in enumerate(stamps)),
        tuple(FloatingIPView(str(n), "192.0.2.1", None, stamp) for n, stamp in enumerate(stamps)),
        tuple(SecurityGroupView(str(n), "g", stamp) for n, stamp in enumerate(stamps)),
        user_id="u",
    )
    mine = snapshot.stamped("hello", "sam")
    assert [
        [thing.id for thing in kind] for kind in (mine.instances, mine.floating_ips, mine.security_groups)
    ] == [["0"]] * 3
    assert (mine.leases, mine.user_id, mine.at) == ((LEASE,), "u", NOW)


def test_a_person_is_called_by_every_name_once():
    person = Person("ann", user="ann", netid="an1", suffix="a", user_id="0123", email="a@b.c", group="g")
    assert person.names == ("ann", "an1", "a")
    assert len(Roster((person, Person("bob")))) == 2


@pytest.mark.parametrize(
    ("status", "settling", "broken"),
    [
        ("available", False, False),
        ("in-use", False, False),
        ("creating", True, False),
        ("detaching", True, False),
        ("error", False, True),
        ("error_deleting", False, True),
        ("error_extending", False, True),
    ],
)
def test_a_volume_settles_while_cinder_works_on_it_and_an_error_is_for_good(status, settling, broken):
    volume = VolumeView("v", "hello-sam", "node1", 20, status)
    assert (volume.settling, volume.broken) == (settling, broken)


@pytest.mark.parametrize(
    ("want", "words"),
    [
        (ReservationWant(2, "3", label="m1.medium"), "2 x m1.medium"),
        (ReservationWant(2, "3"), "2 x 3"),
        (ReservationWant(1, node_type="gpu_p100"), "1 x gpu_p100"),
    ],
)
def test_a_reservation_is_told_by_the_name_that_people_know(want, words):
    assert str(want) == words


def test_a_text_for_a_terminal_has_one_line_of_at_most_120_characters():
    assert printable("a\nb\x1b[31m\tc ü") == "a?b?[31m?c ü"
    assert printable("x" * 120) == "x" * 120
    assert printable("x" * 121) == "x" * 117 + "..."
