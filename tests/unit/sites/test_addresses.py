"""Floating IPs: bound and stamped in the one call that makes them, and gone when `delete` returns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites import addresses
from chi_helpers.sites.errors import ConflictError, GoneError, NoAnswerError, QuotaError
from tests.unit.sites.conftest import LOST, neutron_says, sent

IPS = "/network/v2.0/floatingips"
STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
LATER = Stamp("sam", "hello", datetime(2026, 3, 2, 22, 0, tzinfo=UTC), "node1")


@pytest.fixture
def port(services):
    """The port of instance I1; instance I2 has another, whose id comes first."""
    services.neutron.add("ports", id="A", device_id="I2")
    services.neutron.add("ports", id="P2", device_id="I1")
    return services.neutron.add("ports", id="P1", device_id="I1")


@pytest.fixture
def ips(services):
    return services.neutron.things["floatingips"]


@pytest.mark.usefixtures("port")
class TestCreate:
    def test_one_request_binds_and_stamps_it(self, services, logged_in):
        """The first of the instance's ports, by id, is taken."""
        made = addresses.create(logged_in, "I1", STAMP)
        assert sent(services.site, "POST", IPS) == [
            {
                "floatingip": {
                    "floating_network_id": "N-public",
                    "port_id": "P1",
                    "description": STAMP.description(),
                }
            }
        ]
        assert (made.address, made.port_id, made.stamp, made.status, made.reserved) == (
            "192.0.2.1",
            "P1",
            STAMP,
            "ACTIVE",
            False,
        )

    @pytest.mark.parametrize(("names", "taken"), [(("a", "z", "public"), "public"), (("z", "a", "q"), "a")])
    def test_the_network_public_is_taken_else_the_first_by_name(self, services, logged_in, names, taken):
        """`sharednet1` is not external, and is never taken."""
        del services.neutron.things["networks"]["N-public"]
        for name in names:
            services.neutron.add("networks", id=f"N-{name}", name=name, **{"router:external": True})
        services.neutron.reachable = {f"N-{taken}"}
        addresses.create(logged_in, "I1", STAMP)
        [asked] = sent(services.site, "POST", IPS)
        assert asked["floatingip"]["floating_network_id"] == f"N-{taken}"

    def test_a_site_without_an_external_network_is_told(self, services, logged_in):
        del services.neutron.things["networks"]["N-public"]
        with pytest.raises(RefusedError, match=r"^The site has no external network, so no floating IPs"):
            addresses.create(logged_in, "I1", STAMP)
        assert sent(services.site, "POST", IPS) == []

    def test_an_instance_without_a_port_is_told(self, logged_in):
        with pytest.raises(RefusedError, match=r"^The instance I9 has no network port yet") as caught:
            addresses.create(logged_in, "I9", STAMP)
        assert caught.value.do == "Run `chi-lab up` again."

    def test_a_network_without_a_router_is_told_with_neutrons_reason_and_request(self, services, logged_in):
        services.neutron.reachable = set()
        with pytest.raises(
            RefusedError, match=r"^The network has no router to the outside.*not reachable"
        ) as caught:
            addresses.create(logged_in, "I1", STAMP)
        assert not isinstance(caught.value, GoneError)
        assert "shared network" in caught.value.do
        assert caught.value.request_id == "req-fake"

    def test_a_port_that_went_meanwhile_is_gone_and_no_matter_of_routers(self, services, logged_in):
        services.refuse("POST", IPS, neutron_says(404, "PortNotFound", "Port P1 could not be found."))
        with pytest.raises(GoneError, match="Port P1 could not be found"):
            addresses.create(logged_in, "I1", STAMP)

    def test_a_spent_quota_says_what_to_release(self, services, logged_in):
        said = "Quota exceeded for resources: ['floatingip']."
        services.refuse("POST", IPS, neutron_says(409, "OverQuota", said))
        with pytest.raises(QuotaError, match="Quota exceeded") as caught:
            addresses.create(logged_in, "I1", STAMP)
        assert caught.value.do == "Release one that is not needed, or ask the instructor for more."

    def test_after_a_lost_answer_the_one_on_the_port_is_found_and_none_made_again(
        self, services, logged_in, ips
    ):
        addresses.create(logged_in, "I2", STAMP)
        services.lose("POST", IPS)
        made = addresses.create(logged_in, "I1", STAMP)
        assert (made.port_id, len(ips)) == ("P1", 2)

    def test_one_that_appears_within_fifteen_seconds_of_the_lost_answer_is_found(
        self, services, logged_in, clock, ips
    ):
        late = {"port_id": "P1", "floating_ip_address": "192.0.2.9", "status": "DOWN"}

        def listed(_):
            if clock.monotonic() > 11 and not ips:
                services.neutron.add("floatingips", **late)
            return 200, {"floatingips": list(ips.values())}, {}

        services.site.routes["GET", IPS] = [listed]
        services.refuse("POST", IPS, LOST)
        assert addresses.create(logged_in, "I1", STAMP).address == "192.0.2.9"

    def test_a_lost_answer_without_an_address_is_an_error(self, services, logged_in, clock):
        services.neutron.add("floatingips", port_id=None, floating_ip_address="192.0.2.7", status="DOWN")
        services.refuse("POST", IPS, LOST)
        with pytest.raises(NoAnswerError, match="request to create a floating IP"):
            addresses.create(logged_in, "I1", STAMP)
        assert len(sent(services.site, "POST", IPS)) == 1
        assert clock.monotonic() == pytest.approx(15)


@pytest.mark.usefixtures("port")
class TestAttach:
    def test_it_is_bound_to_the_instance_and_stamped_anew_in_one_request(self, services, logged_in):
        made = addresses.create(logged_in, "I1", STAMP)
        seen = addresses.attach(logged_in, made.id, "I2", LATER)
        assert (seen.id, seen.port_id, seen.stamp) == (made.id, "A", LATER)
        assert sent(services.site, "PUT", f"{IPS}/{made.id}") == [
            {"floatingip": {"port_id": "A", "description": LATER.description()}}
        ]

    def test_a_lost_answer_is_asked_for_again(self, services, logged_in):
        made = addresses.create(logged_in, "I1", STAMP)
        services.lose("PUT", f"{IPS}/{made.id}")
        assert addresses.attach(logged_in, made.id, "I2", LATER).port_id == "A"


@pytest.mark.usefixtures("port")
class TestDelete:
    @pytest.fixture
    def made(self, logged_in):
        return addresses.create(logged_in, "I1", STAMP).id

    def test_it_is_gone_when_neutron_shows_it_no_more(self, services, logged_in, made):
        """An accepted deletion without effect, and a lost request, are repeated."""
        services.refuse("DELETE", f"{IPS}/{made}", (204, None, {}), LOST)
        addresses.delete(logged_in, made)
        assert addresses.one(logged_in, made) is None
        assert len(sent(services.site, "DELETE", f"{IPS}/{made}")) == 3

    def test_one_that_stays_is_an_error_with_its_id_and_the_time(self, services, logged_in, made, clock):
        services.site.routes["DELETE", f"{IPS}/{made}"] = [(204, None, {})]
        with pytest.raises(SiteError, match=rf"^The floating IP {made} is still there 60 s after"):
            addresses.delete(logged_in, made)
        assert clock.monotonic() == pytest.approx(60)

    def test_a_refusal_is_told_at_once(self, services, logged_in, made):
        services.refuse("DELETE", f"{IPS}/{made}", neutron_says(409, "InUse", "it is held"))
        with pytest.raises(ConflictError, match=r"release the floating IP \(409\): it is held"):
            addresses.delete(logged_in, made)


@pytest.mark.usefixtures("port")
class TestLooks:
    def test_those_of_other_projects_are_not_listed(self, services, logged_in):
        services.neutron.add("floatingips", id="F1", floating_ip_address="192.0.2.1", port_id=None)
        services.neutron.add("floatingips", id="F2", project_id="p2", port_id=None)
        assert [ip.id for ip in addresses.listed(logged_in)] == ["F1"]

    @pytest.mark.parametrize(
        ("tags", "reserved"),
        [
            (["blazar"], True),
            (["x", "reservation:R1"], True),
            (["mine", "my-reservation:"], False),
            ([], False),
        ],
    )
    def test_blazars_tags_mark_an_address_that_is_reserved(self, services, logged_in, tags, reserved):
        services.neutron.add("floatingips", id="F", port_id=None, tags=tags)
        seen = addresses.one(logged_in, "F")
        assert seen is not None
        assert (seen.reserved, seen.status, seen.stamp) == (reserved, "", None)

    def test_ports_are_those_of_the_instances_that_are_asked_for(self, logged_in):
        assert addresses.ports(logged_in, frozenset({"I1"})) == {"P1": "I1", "P2": "I1"}
        both = addresses.ports(logged_in, frozenset({"I1", "I2"}))
        assert both == {"P1": "I1", "P2": "I1", "A": "I2"}

    def test_neutron_is_not_asked_for_the_ports_of_no_instance(self, services, logged_in):
        """Without a filter it lists the ports of everybody."""
        assert addresses.ports(logged_in, frozenset()) == {}
        assert sent(services.site, "GET", "/network/v2.0/ports") == []

    def test_other_ports_that_neutron_lists_are_left_out(self, services, logged_in):
        services.site.routes["GET", "/network/v2.0/ports"] = [
            (200, {"ports": list(services.neutron.things["ports"].values())}, {})
        ]
        assert addresses.ports(logged_in, frozenset({"I2"})) == {"A": "I2"}
