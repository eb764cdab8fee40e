"""What every `ReapSite` does, in memory or real: the same tests run on both, so that the fake cannot drift."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import pytest

from chi_helpers.model.errors import RefusedError
from chi_helpers.model.inventory import Inventory, Kind, Mark, Ref, Resource, Seen
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites.errors import ChangedError, GoneError
from chi_helpers.sites.reaping import ReapSite

SECONDS = 180.0
OPTIONAL = frozenset({Kind.VOLUME, Kind.SNAPSHOT, Kind.CONTAINER})
"""Kinds that a site may have no service for."""
WITHOUT_NOTES = frozenset({Kind.LEASE, Kind.KEY_PAIR})
NEUTRON = (Kind.FLOATING_IP, Kind.PORT, Kind.NETWORK, Kind.SUBNET, Kind.ROUTER, Kind.GROUP)
STAMP = Stamp("sam", "contract", datetime(2099, 3, 2, 21, 0, tzinfo=UTC), "node1")

Make = Callable[[Kind, str, Stamp | None], str]
"""Make a thing of a kind, with a name and perhaps a stamp, ready for use; its id."""


class ReapContract:
    """Subclasses give the fixtures `site_` (a ReapSite), `make` (a `Make`), `lock` and `pause`.

    `lock(id)` locks an instance; `pause(seconds)` lets the site's time go on.
    """

    @pytest.fixture
    def pause(self) -> Callable[[float], None]:
        return time.sleep

    @pytest.fixture
    def name(self) -> str:
        return f"c{token_hex(4)}"

    def see(self, site: ReapSite, kind: Kind, identity: str) -> Resource:
        """The resource as a look at everything shows it."""
        found = site.inventory().by_ref.get(Ref(kind, identity))
        assert found is not None, f"{kind} {identity} is not listed"
        return found

    def gone(self, site: ReapSite, kind: Kind, identity: str, pause: Callable[[float], None]) -> Inventory:
        """A look at one kind in which it is not listed any more."""
        for _ in range(int(SECONDS / 0.3)):
            seen = site.inventory([kind])
            assert seen.complete(kind), seen.listings
            found = seen.by_ref.get(Ref(kind, identity))
            if found is None or found.status == "DELETED":
                return seen
            pause(0.3)
        raise AssertionError(f"{kind} {identity} is there after {SECONDS:g} s")

    def lacks(self, site: ReapSite, kind: Kind) -> bool:
        """Whether the site has no service for this kind, which only some may."""
        absent = site.inventory([kind]).listings[kind].seen is Seen.ABSENT
        assert not absent or kind in OPTIONAL
        return absent

    def test_a_look_says_whose_and_when_and_lists_every_kind(self, site_):
        seen = site_.inventory()
        assert set(seen.listings) == set(Kind)
        assert all(seen.complete(kind) for kind in Kind), seen.listings
        assert (seen.site, seen.project_id) == (site_.name, site_.project_id)
        assert seen.at.tzinfo is not None
        assert seen.viewer
        assert abs(seen.skew) < timedelta(minutes=1)

    def test_a_look_at_some_kinds_has_listings_of_these_alone(self, site_):
        seen = site_.inventory([Kind.PORT, Kind.LEASE])
        assert set(seen.listings) == {Kind.PORT, Kind.LEASE}
        assert not seen.complete(Kind.NETWORK)

    @pytest.mark.parametrize("kind", list(Kind), ids=str)
    def test_what_was_made_is_seen_deleted_and_gone(self, site_, make, name, pause, kind):
        """Its stamp is read; a second deletion finds nothing."""
        if self.lacks(site_, kind):
            return
        stamped = kind not in WITHOUT_NOTES
        identity = make(kind, name, STAMP if stamped else None)
        seen = site_.inventory()
        found = self.see(site_, kind, identity)
        assert found.name == name or kind is Kind.FLOATING_IP
        assert found.stamp == (STAMP if stamped else None)
        assert (found.stamp_fault, found.mark, found.fixed) == ("", None, "")
        assert found.created is not None
        assert abs(seen.at - found.created) < timedelta(minutes=10)
        assert found.spec
        assert isinstance(site_.delete(found), str)
        self.gone(site_, kind, identity, pause)
        with pytest.raises(GoneError):
            site_.delete(replace(found, takes=()))

    @pytest.mark.parametrize("kind", sorted(set(Kind) - WITHOUT_NOTES), ids=str)
    def test_a_stamp_and_a_mark_are_written_and_read_again(self, site_, make, name, kind):
        if self.lacks(site_, kind):
            return
        identity = make(kind, name, None)
        found = self.see(site_, kind, identity)
        assert (found.stamp, found.mark) == (None, None)
        site_.restamp(found, STAMP)
        found = self.see(site_, kind, identity)
        assert found.stamp == STAMP
        mark = Mark(
            Ref(Kind.INSTANCE, "5b0d5a63-1d0f-4a3b-9d5e-0f4d9d5e0f4d"), "sam", "contract", STAMP.deadline
        )
        site_.mark(found, mark)
        found = self.see(site_, kind, identity)
        assert (found.stamp, found.mark) == (STAMP, mark), "the mark is beside the stamp"

    @pytest.mark.parametrize("kind", NEUTRON, ids=str)
    def test_a_thing_of_neutrons_that_changed_after_the_look_survives(self, site_, make, name, kind):
        identity = make(kind, name, None)
        before = self.see(site_, kind, identity)
        site_.restamp(before, STAMP)
        with pytest.raises(ChangedError):
            site_.delete(before)
        after = self.see(site_, kind, identity)
        assert after.stamp == STAMP
        assert after.revision != before.revision

    def test_a_network_that_lost_a_subnet_after_the_look_survives(self, site_, make, name):
        """A subnet's coming, change or end counts its network's revision up (`Subnet.revises_on_change`)."""
        subnet = make(Kind.SUBNET, name, None)
        before = site_.inventory()
        ref = Ref(Kind.SUBNET, subnet)
        network = next(r for r in before.resources if r.kind is Kind.NETWORK and ref in r.takes)
        site_.delete(before.by_ref[ref])
        with pytest.raises(ChangedError):
            site_.delete(network)
        assert self.see(site_, Kind.NETWORK, network.id).revision != network.revision

    def test_a_locked_instance_is_refused_and_stays(self, site_, make, lock, name):
        """Also where the lock came after the look."""
        identity = make(Kind.INSTANCE, name, STAMP)
        before = self.see(site_, Kind.INSTANCE, identity)
        assert before.locked is False
        lock(identity)
        for resource in (before, self.see(site_, Kind.INSTANCE, identity)):
            with pytest.raises(RefusedError, match="locked"):
                site_.delete(resource)
        assert self.see(site_, Kind.INSTANCE, identity).locked is True

    def test_a_lease_is_shortened_to_the_minute_and_never_beyond(self, site_, make, name):
        identity = make(Kind.LEASE, name, None)
        lease = self.see(site_, Kind.LEASE, identity)
        assert lease.start is not None
        assert lease.end is not None
        wanted = lease.end - timedelta(minutes=10, seconds=30)
        site_.trim(lease, wanted)
        now = self.see(site_, Kind.LEASE, identity)
        assert now.end is not None
        assert timedelta(0) <= wanted - now.end < timedelta(minutes=1)
        assert now.start == lease.start

    def test_what_does_not_exist_is_told_as_gone(self, site_, make, name):
        found = self.see(site_, Kind.PORT, make(Kind.PORT, name, None))
        for nothing in (replace(found, id="5b0d5a63-1d0f-4a3b-9d5e-0f4d9d5e0f4d"),):
            with pytest.raises(GoneError):
                site_.delete(nothing)
            with pytest.raises(GoneError):
                site_.restamp(nothing, STAMP)
