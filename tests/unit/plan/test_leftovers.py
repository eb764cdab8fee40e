"""What of a lab is left, in words; and what outlived its lease or its own deadline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.model.resources import Snapshot
from chi_helpers.plan.leftovers import left, orphans
from tests.support.fake_site import NOW
from tests.unit.plan.test_up import ALL, FIP, GROUP, INSTANCE, LEASE, NAME, STAMP

SECOND = timedelta(seconds=1)
NEXT_LEASE = (LEASE,)


def test_everything_of_the_lab_is_left_while_nothing_was_deleted():
    assert left("hello", "sam", NAME, ALL) == (
        "floating IP 192.0.2.1",
        "instance hello-sam",
        "lease hello-sam",
        "security group hello-sam",
    )
    assert left("hello", "sam", NAME, Snapshot(NOW)) == ()


def test_the_lease_of_another_user_is_left_only_where_the_owner_was_named_on_purpose():
    seen = Snapshot(NOW, (LEASE,), user_id="staff")
    assert left("hello", "sam", NAME, seen) == ()
    assert left("hello", "sam", NAME, seen, on_behalf=True) == ("lease hello-sam",)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"instances": (INSTANCE,)}, "instance hello-sam"),
        ({"floating_ips": (FIP,)}, "floating IP 192.0.2.1"),
        ({"security_groups": (GROUP,)}, "security group hello-sam"),
    ],
)
def test_each_thing_is_an_orphan_from_the_instant_of_its_deadline(what, words):
    seen = Snapshot(NOW, NEXT_LEASE, **what)
    assert orphans("hello", "sam", NAME, seen, STAMP.deadline - SECOND) == ()
    assert orphans("hello", "sam", NAME, seen, STAMP.deadline) == (words,)


def test_what_carries_no_stamp_is_no_orphan():
    bare = Snapshot(NOW, NEXT_LEASE, (replace(INSTANCE, stamp=None),))
    assert orphans("hello", "sam", NAME, bare, STAMP.deadline) == ()


def test_a_lease_that_serves_is_no_orphan_however_late_it_is():
    assert orphans("hello", "sam", NAME, Snapshot(NOW, NEXT_LEASE), STAMP.deadline) == ()
