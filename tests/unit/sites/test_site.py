"""The face of a real site: a snapshot shows all that is one lab's and one owner's, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import LeaseWant, ReservationWant
from chi_helpers.sites.errors import GoneError
from chi_helpers.sites.site import ChameleonSite
from tests.support.http_project import server

STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
OTHERS = {
    "lab": Stamp("sam", "other", STAMP.deadline),
    "owner": Stamp("alex", "hello", STAMP.deadline),
    "none": None,
}


@pytest.fixture
def site_(logged_in):
    return ChameleonSite(logged_in)


def look(site):
    return site.snapshot("hello", "sam", ["hello-sam"])


class TestSnapshot:
    def test_leases_are_known_by_their_exact_names(self, site_):
        until = datetime.now(UTC) + timedelta(hours=1)
        for name in ("hello-sam", "hello-sam-2", "hello"):
            site_.create_lease(LeaseWant(name, until, (ReservationWant(1, flavor_id="1"),)))
        assert [lease.name for lease in look(site_).leases] == ["hello-sam"]

    def test_instances_are_known_by_stamp_or_by_name(self, site_, services):
        shown = {"I1": ("x", STAMP), "I2": ("hello-sam", None), "I3": ("hello-sam-2", None)}
        shown |= {key: ("x", stamp) for key, stamp in OTHERS.items()}
        for key, (name, stamp) in shown.items():
            metadata = stamp.metadata() if stamp else {}
            services.nova.servers[key] = server(id=key, name=name, metadata=metadata)
        assert [found.id for found in look(site_).instances] == ["I1", "I2"]

    def test_groups_are_known_by_stamp(self, site_, services):
        for key, stamp in {"mine": STAMP, **OTHERS}.items():
            site_.create_group(key, stamp or STAMP)
            if stamp is None:
                [*_, last] = services.neutron.things["security-groups"].values()
                last["description"] = "web"
        assert [found.name for found in look(site_).security_groups] == ["mine"]

    def test_addresses_are_known_by_stamp_or_by_the_stamped_instance_that_they_are_bound_to(
        self, site_, services
    ):
        """One that is bound to an instance that only has the name is not the lab's."""
        services.nova.servers = {
            "I1": server(id="I1", metadata=STAMP.metadata(), addresses={}),
            "I2": server(id="I2", name="hello-sam", addresses={}),
            "I3": server(id="I3", name="x", addresses={}),
        }
        for n in "123":
            services.neutron.add("ports", id=f"P{n}", device_id=f"I{n}")
            ip = {"id": f"F{n}", "port_id": f"P{n}", "floating_ip_address": f"192.0.2.{n}"}
            services.neutron.add("floatingips", **ip)
        for key, stamp in {"mine": STAMP, **OTHERS}.items():
            described = stamp.description() if stamp else ""
            services.neutron.add("floatingips", id=key, port_id=None, description=described)
        found = look(site_)
        assert [ip.id for ip in found.floating_ips] == ["F1", "mine"]
        assert [(i.id, i.floating_ips) for i in found.instances] == [
            ("I1", ("192.0.2.1",)),
            ("I2", ("192.0.2.2",)),
        ]

    def test_two_addresses_of_one_instance_are_both_shown(self, site_, services):
        services.nova.servers = {"I1": server(id="I1", metadata=STAMP.metadata())}
        services.neutron.add("ports", id="P1", device_id="I1")
        for n in "12":
            ip = {"port_id": "P1", "floating_ip_address": f"192.0.2.{n}"}
            services.neutron.add("floatingips", **ip)
        assert look(site_).instances[0].floating_ips == ("192.0.2.1", "192.0.2.2")

    def test_it_is_of_the_sites_own_time_and_of_the_user_who_looked(self, site_, services):
        dated = {"Date": "Mon, 02 Mar 2026 22:00:00 GMT"}
        services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, dated)]
        found = look(site_)
        assert (found.at, found.user_id) == (datetime(2026, 3, 2, 22, 0, tzinfo=UTC), "u1")

    def test_where_the_site_does_not_say_the_time_it_is_of_this_machines(self, site_, services):
        services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, {"Date": "soon"})]
        assert abs(look(site_).at - datetime.now(UTC)) < timedelta(seconds=90)


def test_a_site_is_named_by_its_region(site_):
    assert site_.name == "CHI@Http"


def test_the_console_and_python_chis_objects_are_those_of_the_lab(site_, services):
    until = datetime.now(UTC) + timedelta(hours=1)
    lease = site_.create_lease(LeaseWant("hello-sam", until, (ReservationWant(1, flavor_id="1"),)))
    assert (site_.chi_lease(lease.id).id, site_.chi_lease(lease.id).name) == (lease.id, "hello-sam")
    services.nova.servers["I1"] = server(id="I1", metadata=STAMP.metadata(), addresses={})
    services.nova.consoles["I1"] = "login: "
    assert site_.console("I1") == "login: "
    seen = site_.instance("I1")
    made = site_.chi_server(replace(seen, key_name=None), "CC-Ubuntu24.04", "sharednet1")
    assert (made.id, made.keypair.name) == ("I1", "-"), "without a name python-chi makes a key pair"


def test_python_chis_lease_of_one_that_is_gone_is_an_error(site_):
    with pytest.raises(GoneError, match="lease L9 does not exist any more") as caught:
        site_.chi_lease("L9")
    assert caught.value.do == "Run `chi-lab up`."


def test_volumes_parts_and_their_deletion_are_passed_on(site_, services):
    services.cinder.volumes["V"] = {
        "id": "V",
        "name": "data",
        "size": 4,
        "status": "available",
        "metadata": STAMP.metadata(),
    }
    [volume] = site_.volumes("hello", "sam")
    [part] = site_.parts("hello", "sam")
    assert (volume.id, part.kind, part.id, part.node) == ("V", "volume", "V", "node1")
    assert site_.volumes("hello", "alex") == site_.volumes("other", "sam") == ()
    site_.delete_part(part)
    assert site_.volumes("hello", "sam") == ()


def test_a_public_key_is_read_from_the_site(site_, services):
    services.nova.keys["sam-key"] = {"name": "sam-key", "public_key": "ssh-ed25519 AAAA"}
    assert site_.keypair_at_site("sam-key") == "ssh-ed25519 AAAA"
    assert site_.keypair_at_site("other") is None
