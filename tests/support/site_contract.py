"""What every `Site` does, in memory or real: the same tests run on both, so that the fake cannot drift."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import InstanceWant, LeaseWant, ReservationWant
from chi_helpers.sites.protocol import Site

IMAGE = "CC-Ubuntu24.04"
SECONDS = 90.0


def eventually(look, wanted):
    """The first answer of `look` that is `wanted`."""
    for _ in range(int(SECONDS / 0.3)):
        found = look()
        if wanted(found):
            return found
        time.sleep(0.3)
    raise AssertionError(f"not in {SECONDS} s: {found}")


class SiteContract:
    """Subclasses give the fixtures `site_` (a Site) and `person` (an owner that nobody else uses)."""

    LAB = "contract"

    @pytest.fixture
    def lease(self, site_: Site, person: str):
        until = self.look(site_, person).at + timedelta(hours=1)
        tiny = ReservationWant(1, flavor_id=site_.flavors()["m1.tiny"].id, label="m1.tiny")
        made = site_.create_lease(LeaseWant(f"{self.LAB}-{person}", until, (tiny,)))
        yield eventually(lambda: site_.lease(made.id), lambda found: found and found.status == "ACTIVE")
        site_.delete_lease(made.id)

    def look(self, site: Site, person: str):
        return site.snapshot(self.LAB, person, [f"{self.LAB}-{person}"])

    def stamp(self, lease, person: str) -> Stamp:
        return Stamp(person, self.LAB, lease.end, "node1")

    def test_a_lease_is_made_as_asked_found_by_its_exact_name_and_gone_when_deleted(
        self, site_, person, lease
    ):
        """Flavor, amount and end come back; another owner does not see it; deleting twice is harmless."""
        [found] = self.look(site_, person).leases
        assert (found.id, found.name) == (lease.id, f"{self.LAB}-{person}")
        assert found.user_id == self.look(site_, person).user_id, "who looks is told, and made it"
        assert [(r.flavor_id, r.amount) for r in found.reservations] == [(site_.flavors()["m1.tiny"].id, 1)]
        assert timedelta(minutes=58) <= found.end - found.start <= timedelta(minutes=61)
        assert self.look(site_, f"{person}x").leases == ()
        site_.delete_lease(lease.id)
        site_.delete_lease(lease.id)
        gone = site_.lease(lease.id)
        assert gone is None or gone.over

    def test_a_group_has_exactly_the_ports_that_are_set(self, site_, person, lease):
        """Set twice: no change; fewer: closed; stamped when made, and stamped anew; gone when deleted, twice."""
        stamp = self.stamp(lease, person)
        made = site_.create_group(f"{self.LAB}-{person}", stamp)
        try:
            assert made.stamp == stamp
            assert made.tcp_ports == frozenset()
            for ports in ([22, 8888], [22, 8888], [22]):
                assert site_.set_ports(made.id, ports, stamp).tcp_ports == frozenset(ports)
            for _ in range(2):
                joined = site_.set_ports(made.id, [22], stamp, peers=True)
                assert (joined.tcp_ports, joined.peers, joined.others) == (frozenset({22}), True, 0)
            assert not site_.set_ports(made.id, [22], stamp).peers
            later = Stamp(person, self.LAB, lease.end + timedelta(hours=1), "node1")
            site_.set_ports(made.id, [22], later)
            [seen] = self.look(site_, person).security_groups
            assert (seen.id, seen.stamp, seen.tcp_ports) == (made.id, later, frozenset({22}))
        finally:
            site_.delete_group(made.id)
        assert self.look(site_, person).security_groups == (), "it is gone when the verb returns"
        site_.delete_group(made.id)

    def test_an_instance_and_its_address_from_beginning_to_end(self, site_, person, lease):
        """Both are stamped from the start; one more than was reserved is an ERROR with Nova's reason."""
        stamp = self.stamp(lease, person)
        pair = site_.keypair()
        site_.ensure_keypair(pair)
        assert not site_.ensure_keypair(pair), "the second time there is nothing to upload"
        group = site_.create_group(f"{self.LAB}-{person}", stamp)
        want = InstanceWant(
            f"{self.LAB}-{person}",
            IMAGE,
            pair.name,
            "sharednet1",
            (group.id,),
            stamp,
            lease.reservations[0].id,
        )
        made = site_.create_instance(want)
        try:
            assert made.stamp == stamp
            eventually(lambda: site_.instance(made.id), lambda found: found.status == "ACTIVE")
            later = Stamp(person, self.LAB, stamp.deadline + timedelta(hours=1), "node1")
            assert site_.stamp_instance(made.id, later).stamp == later
            assert site_.instance(made.id).stamp == later
            second = site_.create_instance(want)
            failed = eventually(lambda: site_.instance(second.id), lambda found: found.status == "ERROR")
            assert "No valid host" in failed.fault
            site_.delete_instance(second.id)
            assert site_.instance(second.id) is None
            self.address(site_, person, made.id, stamp)
        finally:
            site_.delete_instance(made.id)
            site_.delete_instance(made.id)
            assert site_.instance(made.id) is None
            site_.delete_group(group.id)

    def address(self, site: Site, person: str, instance_id: str, stamp: Stamp) -> None:
        address = site.create_address(instance_id, stamp)
        try:
            assert (address.stamp, address.reserved) == (stamp, False)
            later = Stamp(person, self.LAB, stamp.deadline + timedelta(hours=1), "node1")
            assert site.attach_address(address.id, instance_id, later).stamp == later
            seen = self.look(site, person)
            assert [f.id for f in seen.floating_ips] == [address.id]
            assert [i.floating_ips for i in seen.instances] == [(address.address,)]
            assert self.look(site, f"{person}x").floating_ips == ()
            site.attach_address(address.id, instance_id, Stamp(f"{person}x", self.LAB, later.deadline))
            assert [f.id for f in self.look(site, person).floating_ips] == [address.id], (
                "it is bound to theirs"
            )
        finally:
            site.delete_address(address.id)
        assert self.look(site, person).floating_ips == (), "it is gone when the verb returns"
        site.delete_address(address.id)

    def test_what_is_not_there_is_none_to_look_at_and_gone_to_delete(self, site_):
        """No verb raises for a thing that does not exist."""
        nobody = "00000000-0000-4000-8000-000000000000"
        assert (site_.lease(nobody), site_.instance(nobody)) == (None, None)
        for delete in (site_.delete_lease, site_.delete_instance, site_.delete_address, site_.delete_group):
            delete(nobody)

    def test_images_and_networks_are_known_by_their_exact_names(self, site_):
        """An image that is not there counts zero."""
        assert site_.images([IMAGE, "no-such-image"]) == {IMAGE: 1, "no-such-image": 0}
        assert "sharednet1" in site_.networks()
        assert site_.disks([IMAGE, "no-such-image"]).keys() == {IMAGE}
        assert site_.disks([IMAGE])[IMAGE] >= 1
        assert not site_.volumes(self.LAB, "nobody"), "none, or no block storage"

    def test_the_facts_say_who_asks_and_what_there_is(self, site_):
        """They hold what the verbs for one kind alone say, too."""
        found = site_.facts([IMAGE, "no-such-image"], node_types=False)
        assert found.source
        assert found.user
        assert found.project
        assert abs(found.skew) < timedelta(minutes=1)
        assert not found.restricted
        assert found.images == {IMAGE: 1, "no-such-image": 0}
        assert found.flavors["m1.tiny"] == site_.flavors()["m1.tiny"]
        assert "sharednet1" in found.networks
        assert found.node_types is None, "they were not asked for"
        assert site_.facts([], node_types=True).node_types
