"""The offer of a site: flavors, images, networks, quota; and who the caller is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, localtime

import pytest

from chi_helpers.model.errors import SiteError
from chi_helpers.model.facts import Flavor, Quota
from chi_helpers.sites import catalog
from tests.support.http_nova import flavor
from tests.support.http_site import DropError
from tests.unit.sites.conftest import neutron_says, nova_says, sent

DETAILS = "/network/v2.0/quotas/p1/details.json"
TOKEN = "/v3/auth/tokens"
TINY = Flavor("1", "m1.tiny", 1, 512, 1)
SMALL = Flavor("2", "m1.small", 1, 2048, 20)
BARE = Flavor("B", "baremetal", 48, 128000, 200)


class Times:
    """A clock that says each of these once."""

    def __init__(self, *times):
        self._times = list(times)

    def now(self, zone):
        return self._times.pop(0).astimezone(zone)


def facts(session, *, node_types=False):
    return catalog.facts(session, ["CC-Ubuntu24.04", "none"], node_types=node_types)


def test_flavors_that_blazar_made_for_leases_are_left_out(services, logged_in):
    services.nova.flavors["R1"] = flavor("R1", "reservation:R1")
    assert catalog.flavors(logged_in) == {"m1.tiny": TINY, "m1.small": SMALL, "baremetal": BARE}


def test_networks_are_named(logged_in):
    assert catalog.networks(logged_in) == {"public", "sharednet1"}


def test_images_are_counted_and_the_largest_of_a_name_says_the_disk(services, logged_in):
    [first] = services.glance.images
    services.glance.images.append(first | {"id": "IM2", "min_disk": 9})
    assert catalog.images(logged_in, ["CC-Ubuntu24.04", "none"]) == {"CC-Ubuntu24.04": 2, "none": 0}
    assert catalog.disks(logged_in, ["CC-Ubuntu24.04", "none"]) == {"CC-Ubuntu24.04": 9}


def test_an_image_that_is_named_twice_is_asked_for_once(services, logged_in):
    catalog.images(logged_in, ["a", "a"])
    catalog.disks(logged_in, ["b", "b"])
    assert len(sent(services.site, "GET", "/image/v2/images")) == 2


class TestFacts:
    def test_who_asks_and_what_there_is(self, logged_in):
        found = facts(logged_in)
        assert (found.source, found.user, found.project, found.project_id) == ("a test", "sam", "CHI-1", "p1")
        assert found.flavors == {"m1.tiny": TINY, "m1.small": SMALL, "baremetal": BARE}
        assert found.images == {"CC-Ubuntu24.04": 1, "none": 0}
        assert (found.networks, found.node_types) == ({"public", "sharednet1"}, None)
        assert found.restricted is False
        assert abs(found.skew) < timedelta(seconds=90)

    def test_quotas_are_what_is_used_or_reserved_of_each_limit(self, logged_in):
        assert facts(logged_in).quotas == {
            "instances": Quota(2, 10),
            "cores": Quota(3, 20),
            "ram": Quota(4096, None),
            "floatingip": Quota(2, 5),
            "security_group": Quota(3, None),
        }

    def test_a_quota_without_a_number_is_unused_and_without_a_limit(self, services, logged_in):
        services.nova.limits = {"maxTotalCores": 0}
        found = facts(logged_in).quotas
        assert (found["instances"], found["cores"]) == (Quota(0, None), Quota(0, 0))

    @pytest.mark.parametrize(
        "answer", [neutron_says(403, "Forbidden", "policy"), (404, {}, {}), neutron_says(500, "Fault", "x")]
    )
    def test_a_network_quota_that_members_may_not_see_is_left_out(self, services, logged_in, answer):
        services.site.routes["GET", DETAILS] = [answer]
        assert facts(logged_in).quotas.keys() == {"instances", "cores", "ram"}

    def test_a_network_quota_without_an_answer_is_left_out(self, services, logged_in):
        def dropped(_):
            raise DropError

        services.site.routes["GET", DETAILS] = [dropped]
        assert facts(logged_in).quotas.keys() == {"instances", "cores", "ram"}

    def test_only_the_network_quotas_that_neutron_names_are_told(self, services, logged_in):
        services.neutron.quota = {"floatingip": {"used": 4, "limit": 5}}
        assert facts(logged_in).quotas.keys() == {"instances", "cores", "ram", "floatingip"}
        assert facts(logged_in).quotas["floatingip"] == Quota(4, 5)

    def test_limits_that_cannot_be_read_are_an_error(self, services, logged_in):
        services.site.routes["GET", "/compute/v2.1/limits"] = [nova_says(500, "boom")]
        with pytest.raises(SiteError, match="read the limits"):
            facts(logged_in)

    def test_node_types_are_those_of_the_hosts(self, services, logged_in):
        hosts = [{"node_type": "a"}, {"node_type": "b"}, {"node_type": "a"}, {"node_type": None}, {"id": "1"}]
        services.site.routes["GET", "/blazar/os-hosts"] = [(200, {"hosts": hosts}, {})]
        assert facts(logged_in, node_types=True).node_types == {"a", "b"}

    def test_node_types_that_members_may_not_see_are_unknown(self, services, logged_in):
        """Upstream Blazar shows hosts to administrators only."""
        services.site.routes["GET", "/blazar/os-hosts"] = [(403, {"error_message": "policy"}, {})]
        assert facts(logged_in, node_types=True).node_types is None

    def test_hosts_that_cannot_be_listed_are_an_error_and_not_unknown(self, services, logged_in):
        services.site.routes["GET", "/blazar/os-hosts"] = [(500, {"error_message": "boom"}, {})]
        with pytest.raises(SiteError, match=r"^The site failed to list the hosts \(500\): boom"):
            facts(logged_in, node_types=True)

    def test_hosts_are_asked_for_only_where_that_is_wanted(self, services, logged_in):
        facts(logged_in)
        assert sent(services.site, "GET", "/blazar/os-hosts") == []

    @pytest.mark.parametrize("minutes", [-10, 10])
    def test_the_skew_is_how_far_this_clock_is_ahead_of_the_sites(self, services, logged_in, minutes):
        """In whole seconds: that is what the header has."""
        at = format_datetime(localtime() - timedelta(minutes=minutes))
        services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, {"Date": at})]
        assert abs(facts(logged_in).skew - timedelta(minutes=minutes)) < timedelta(seconds=90)

    def test_the_skew_is_of_the_middle_of_the_request(self, services, logged_in, monkeypatch):
        """Which took ten seconds here."""
        asked = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
        dated = {"Date": "Mon, 02 Mar 2026 22:00:05 GMT"}
        services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, dated)]
        monkeypatch.setattr(catalog, "datetime", Times(asked, asked + timedelta(seconds=10)))
        assert facts(logged_in).skew == timedelta(0)

    def test_a_site_that_does_not_say_the_time_has_no_skew(self, services, logged_in):
        services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, {"Date": "soon"})]
        assert facts(logged_in).skew == timedelta(0)

    @pytest.mark.parametrize("restricted", [True, False])
    def test_a_restricted_application_credential_is_told(self, services, logged_in, restricted):
        token = {"application_credential": {"restricted": restricted}}
        services.refuse("GET", TOKEN, (200, {"token": token}, {}))
        found = facts(logged_in)
        assert found.restricted is restricted
        assert (found.user, found.project) == ("u1", "p1"), "the token names nobody: the ids stand for them"

    def test_the_callers_own_token_is_looked_at(self, services, logged_in):
        facts(logged_in)
        [at] = [n for n, (m, path, _) in enumerate(services.site.requests) if (m, path) == ("GET", TOKEN)]
        headers = services.site.headers[at]
        assert (headers["x-subject-token"], headers["x-auth-token"]) == ("t", "t")
