"""Instances: one request makes a stamped one, whatever happens to its answer; and `delete` waits until it is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import InstanceWant
from chi_helpers.sites import instances
from chi_helpers.sites.errors import ConflictError, GoneError, NoAnswerError
from tests.support.http_nova import flavor
from tests.unit.sites.conftest import LOST, nova_says, sent

SERVERS = "/compute/v2.1/servers"
STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
LATER = Stamp("sam", "hello", datetime(2026, 3, 2, 22, 0, tzinfo=UTC), "node1")
WANT = InstanceWant("hello-sam", "CC-Ubuntu24.04", "sam-key", "sharednet1", ("G1", "G2"), STAMP, "R1")


@pytest.fixture
def nova(services):
    """With room for three instances of reservation R1."""
    services.nova.flavors["R1"] = flavor("R1", "reservation:R1")
    services.nova.amounts["R1"] = 3
    return services.nova


@pytest.fixture
def made(nova, logged_in):
    """The id of an instance that is ACTIVE."""
    found = instances.create(logged_in, WANT).id
    nova.servers[found]["status"] = "ACTIVE"
    return found


class TestCreate:
    def test_stamp_groups_flavor_image_key_and_network_are_in_the_one_request(
        self, services, nova, logged_in, capsys
    ):
        found = instances.create(logged_in, WANT)
        [asked] = sent(services.site, "POST", SERVERS)
        assert asked["server"] == {
            "name": "hello-sam",
            "flavorRef": "R1",
            "imageRef": "IM1",
            "key_name": "sam-key",
            "networks": [{"uuid": "N-shared"}],
            "metadata": STAMP.metadata(),
            "security_groups": [{"name": "G1"}, {"name": "G2"}],
        }
        assert "reservation" not in asked.get("OS-SCH-HNT:scheduler_hints", {})
        assert (found.id, found.name, found.stamp, found.key_name) == ("I1", "hello-sam", STAMP, "sam-key")
        assert capsys.readouterr().out == "", "python-chi prints, and stdout is data"
        assert nova.servers["I1"]["status"] == "BUILD", "it is not waited for"

    def test_a_bare_metal_node_is_asked_for_by_the_hint_of_its_reservation(self, services, nova, logged_in):
        del nova.flavors["R1"]
        bare = InstanceWant(
            "hello-sam", "CC-Ubuntu24.04", "sam-key", "sharednet1", (), STAMP, "R1", flavor=False
        )
        assert instances.create(logged_in, bare).status == "BUILD"
        [asked] = sent(services.site, "POST", SERVERS)
        assert asked["OS-SCH-HNT:scheduler_hints"] == {"reservation": "R1"}
        assert asked["server"]["flavorRef"] == "B"

    @pytest.mark.usefixtures("made")
    def test_after_a_lost_answer_the_new_one_is_found_and_none_made_again(self, services, nova, logged_in):
        """The older one of the same name and stamp is not taken for it."""
        services.lose("POST", SERVERS)
        assert instances.create(logged_in, WANT).id == "I2"
        assert len(nova.servers) == 2

    @pytest.mark.parametrize("other", [{"name": "hello-sam-2"}, {"metadata": LATER.metadata()}])
    def test_another_one_that_comes_meanwhile_is_not_taken_for_it(
        self, services, nova, logged_in, clock, other
    ):
        def another(body):
            services.site.ask_behind("POST", SERVERS, {"server": body["server"] | other})
            return LOST

        services.refuse("POST", SERVERS, another)
        with pytest.raises(NoAnswerError, match="create the instance hello-sam"):
            instances.create(logged_in, WANT)
        assert len(nova.servers) == 1
        assert clock.monotonic() == pytest.approx(20)

    def test_one_that_nova_accepts_and_never_lists_is_an_error(self, services, logged_in, nova):
        assert not nova.servers
        services.refuse("POST", SERVERS, (202, {"server": {"id": "I9"}}, {}))
        with pytest.raises(SiteError, match="accepted the instance hello-sam, and does not list it"):
            instances.create(logged_in, WANT)

    def test_one_that_is_listed_late_is_found(self, services, logged_in, nova, clock):
        def listed(_):
            shown = list(nova.servers.values()) if clock.monotonic() > 15 else []
            return 200, {"servers": shown}, {}

        services.site.routes["GET", f"{SERVERS}/detail"] = [listed]
        assert instances.create(logged_in, WANT).id == "I1"

    def test_novas_refusal_is_told_with_its_reason(self, services, logged_in, nova):
        services.refuse("POST", SERVERS, nova_says(403, "Quota exceeded for instances"))
        with pytest.raises(RefusedError, match=r"create the instance hello-sam \(403\): Quota exceeded"):
            instances.create(logged_in, WANT)
        assert not nova.servers


class TestReservedFlavor:
    def test_the_flavor_whose_id_is_the_reservations_is_asked_for_alone(self, services, nova, logged_in):
        assert nova.flavors["R1"]["name"] == "reservation:R1"
        assert instances.reserved_flavor(logged_in, "R1") == "reservation:R1"
        assert sent(services.site, "GET", "/compute/v2.1/flavors/detail") == []

    def test_else_it_is_the_one_whose_extra_specs_name_the_reservation(self, nova, logged_in):
        key = "aggregate_instance_extra_specs:reservation"
        nova.flavors |= {
            "F1": flavor("F1", "other", specs={key: "R8"}),
            "F2": flavor("F2", "mine", specs={key: "R9"}),
        }
        assert instances.reserved_flavor(logged_in, "R9") == "mine"

    def test_without_one_the_lease_is_not_active(self, logged_in):
        with pytest.raises(RefusedError, match=r"reservation R9\) is not there: the lease is not") as caught:
            instances.reserved_flavor(logged_in, "R9")
        assert caught.value.do == "Look with `chi-lab status`."


class TestLooks:
    def test_a_listing_with_an_instance_of_an_unknown_state_is_incomplete(self, nova, logged_in, made):
        nova.servers["I9"] = nova.servers[made] | {"id": "I9", "status": "UNKNOWN"}
        with pytest.raises(SiteError, match="list of instances is incomplete") as caught:
            instances.listed(logged_in)
        assert "again later" in caught.value.do

    def test_those_of_other_projects_which_an_administrator_is_shown_are_not_listed(
        self, nova, logged_in, made
    ):
        nova.servers["I9"] = nova.servers[made] | {"id": "I9", "tenant_id": "p2"}
        assert [found.id for found in instances.listed(logged_in)] == [made]

    def test_an_instance_is_shown_with_what_nova_says_of_it(self, nova, logged_in, made):
        fixed = {"addr": "10.0.0.1", "OS-EXT-IPS:type": "fixed"}
        floating = {"addr": "192.0.2.1", "OS-EXT-IPS:type": "floating"}
        nova.servers[made] |= {
            "created": "2026-03-02T15:00:05Z",
            "addresses": {"sharednet1": [fixed, floating], "other": [{"addr": "10.9.0.1"}]},
            "locked": True,
            "fault": {"message": "boom"},
        }
        found = instances.one(logged_in, made)
        assert found is not None
        assert (found.status, found.user_id, found.key_name) == ("ACTIVE", "u1", "sam-key")
        assert found.created == datetime(2026, 3, 2, 15, 0, 5, tzinfo=UTC)
        assert (found.addresses, found.floating_ips) == (("10.0.0.1", "10.9.0.1"), ("192.0.2.1",))
        assert (found.locked, found.fault, found.stamp) == (True, "boom", STAMP)

    def test_an_instance_of_which_nova_says_little_is_shown_all_the_same(self, nova, logged_in):
        nova.servers["I9"] = {
            "id": "I9",
            "OS-EXT-STS:task_state": None,
            "created": "yesterday",
            "status": None,
        }
        found = instances.one(logged_in, "I9")
        assert found is not None
        assert (found.name, found.status, found.user_id, found.created) == ("", "", "", None)
        assert (found.stamp, found.addresses, found.locked, found.fault) == (None, (), False, "")

    def test_one_that_is_being_deleted_is_shown_so(self, nova, logged_in, made):
        """Nova's own status stays ACTIVE."""
        nova.servers[made]["OS-EXT-STS:task_state"] = "deleting"
        found = instances.one(logged_in, made)
        assert found is not None
        assert found.status == "DELETING"

    def test_the_consoles_text_is_read(self, nova, logged_in, made):
        nova.consoles[made] = "boot\nlogin: "
        assert instances.console(logged_in, made) == "boot\nlogin: "
        nova.consoles[made] = None
        assert instances.console(logged_in, made) == ""

    def test_a_node_without_a_console_is_refused(self, services, logged_in, made):
        services.refuse("POST", f"{SERVERS}/{made}/action", nova_says(400, "no console"))
        with pytest.raises(RefusedError, match="read the console"):
            instances.console(logged_in, made)


class TestRestamp:
    def test_the_new_stamp_is_written_beside_other_metadata(self, nova, logged_in, made):
        nova.servers[made]["metadata"]["mine"] = "x"
        assert instances.restamp(logged_in, made, LATER).stamp == LATER
        assert nova.servers[made]["metadata"] == {**LATER.metadata(), "mine": "x"}

    def test_one_that_goes_meanwhile_is_gone(self, services, nova, logged_in, made):
        def written_and_gone(_):
            nova.vanish(made)
            return 200, {"metadata": {}}, {}

        services.refuse("POST", f"{SERVERS}/{made}/metadata", written_and_gone)
        with pytest.raises(GoneError, match=f"instance {made} does not exist any more") as caught:
            instances.restamp(logged_in, made, LATER)
        assert caught.value.do == "Run `chi-lab up`."


class TestDelete:
    def asked(self, services, made):
        return len(sent(services.site, "DELETE", f"{SERVERS}/{made}"))

    def test_one_request_is_enough_and_it_is_gone_on_return(self, services, nova, logged_in, made):
        instances.delete(logged_in, made)
        assert nova.servers == {}
        assert self.asked(services, made) == 1

    def test_one_that_is_busy_or_whose_answer_was_lost_is_asked_again(self, services, nova, logged_in, made):
        services.refuse("DELETE", f"{SERVERS}/{made}", nova_says(409, "task_state spawning"), LOST)
        instances.delete(logged_in, made)
        assert nova.servers == {}
        assert self.asked(services, made) == 3

    def test_one_whose_deletion_failed_is_asked_again(self, services, nova, logged_in, made):
        def fails(_):
            nova.servers[made]["status"] = "ERROR"
            return 204, None, {}

        services.refuse("DELETE", f"{SERVERS}/{made}", fails)
        instances.delete(logged_in, made)
        assert nova.servers == {}
        assert self.asked(services, made) == 2

    def test_one_that_goes_between_look_and_request_is_gone(self, services, nova, logged_in, made):
        def gone(_):
            nova.vanish(made)
            return nova_says(404, f"Instance {made} could not be found.")

        services.refuse("DELETE", f"{SERVERS}/{made}", gone)
        instances.delete(logged_in, made)
        assert self.asked(services, made) == 1

    def test_a_locked_one_is_refused_at_once(self, services, nova, logged_in, made, clock):
        nova.servers[made]["locked"] = True
        services.refuse("DELETE", f"{SERVERS}/{made}", nova_says(409, f"Instance {made} is locked"))
        with pytest.raises(ConflictError, match=r"delete the instance \(409\): .* is locked"):
            instances.delete(logged_in, made)
        assert clock.monotonic() == 0

    def test_one_that_nova_shows_as_deleted_is_gone(self, services, nova, logged_in, made):
        """An administrator is shown those for a while."""
        nova.servers[made]["status"] = "DELETED"
        instances.delete(logged_in, made)
        assert self.asked(services, made) == 0

    def test_one_that_stays_is_an_error_with_its_id_and_the_time(self, services, logged_in, made, clock):
        services.site.routes["DELETE", f"{SERVERS}/{made}"] = [(204, None, {})]
        with pytest.raises(
            SiteError, match=f"^The instance {made} is still there 600 s after it was deleted"
        ):
            instances.delete(logged_in, made)
        assert clock.monotonic() == pytest.approx(600)
        assert self.asked(services, made) == 1


@pytest.mark.usefixtures("nova")
def test_python_chis_server_is_of_the_instance_that_exists(services, logged_in, made):
    """Its constructor would make a key pair anew where it is given none."""
    found = instances.one(logged_in, made)
    assert found is not None
    server = instances.as_chi(found, "CC-Ubuntu24.04", "sharednet1")
    assert (server.id, server.name, server.flavor_name) == (made, "hello-sam", "reservation:R1")
    assert (server.image_name, server.network_name, server.keypair.name) == (
        "CC-Ubuntu24.04",
        "sharednet1",
        "sam-key",
    )
    assert sent(services.site, "POST", "/compute/v2.1/os-keypairs") == []
