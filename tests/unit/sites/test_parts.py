"""Parts: all that carries a lab's stamp, of every kind that Terraform makes, and its deletion."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.parts import Part
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites import parts
from chi_helpers.sites.errors import ConflictError, NoAnswerError
from tests.support.http_project import server
from tests.unit.sites.conftest import LOST, neutron_says, sent

STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
OTHERS = [Stamp("alex", "hello", STAMP.deadline), Stamp("sam", "other", STAMP.deadline)]
MINE = STAMP.description()
OPEN = {"direction": "ingress", "ethertype": "IPv4"}
SSH = {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0"}


def listed(session, kind):
    return [part for part in parts.listed(session, "hello", "sam") if part.kind == kind]


class TestListed:
    @pytest.mark.parametrize(
        ("things", "kind"),
        [
            ("floatingips", "floating IP"),
            ("security-groups", "security group"),
            ("ports", "port"),
            ("subnets", "subnet"),
            ("networks", "network"),
            ("routers", "router"),
        ],
    )
    def test_of_neutrons_kinds_the_projects_own_with_the_stamp_are_the_labs(
        self, services, logged_in, things, kind
    ):
        services.neutron.add(things, id="T", name="mine", description=MINE)
        services.neutron.add(things, id="F", name="foreign", description=MINE, project_id="p2")
        for description in ["", *(stamp.description() for stamp in OTHERS)]:
            services.neutron.add(things, name="x", description=description)
        found = parts.listed(logged_in, "hello", "sam")
        name = "192.0.2.1" if things == "floatingips" else "mine"
        assert [(part.kind, part.id, part.node) for part in found] == [(kind, "T", "node1")]
        assert found[0].name in (name, "mine")

    def test_what_has_no_name_is_called_by_its_id(self, services, logged_in):
        services.neutron.add("ports", id="T", description=MINE)
        assert listed(logged_in, "port") == [Part("port", "T", "T", "node1")]

    def test_an_instance_carries_the_stamp_in_its_metadata(self, services, logged_in):
        for n, stamp in enumerate([STAMP, *OTHERS]):
            services.nova.servers[f"I{n}"] = server(id=f"I{n}", name="x", metadata=stamp.metadata())
        services.nova.servers["I9"] = server(id="I9", metadata={})
        assert listed(logged_in, "instance") == [Part("instance", "I0", "x", "node1")]

    def test_an_address_that_is_bound_has_an_association_too(self, services, logged_in):
        services.neutron.add("floatingips", id="F1", name="a", description=MINE, port_id="P1")
        services.neutron.add("floatingips", id="F2", name="b", description=MINE, port_id=None)
        assert parts.listed(logged_in, "hello", "sam") == (
            Part("floating IP", "F1", "a", "node1"),
            Part("association", "F1", "a", "node1"),
            Part("floating IP", "F2", "b", "node1"),
        )

    def test_a_groups_rules_for_a_port_and_for_its_members_are_parts(self, services, logged_in):
        """Other rules are none: no lab file asks for them."""
        services.neutron.add("security-groups", id="G", name="g", description=MINE, security_group_rules=[])
        services.neutron.open("G", **OPEN, **SSH)
        services.neutron.open("G", **OPEN, remote_group_id="G")
        services.neutron.open("G", **OPEN, protocol="udp")
        out = {"direction": "egress", "ethertype": "IPv4"}
        for rule in ({}, SSH, {"remote_group_id": "G"}):
            services.neutron.open("G", **out, **rule)
        ids = [rule["id"] for rule in services.neutron.things["security-groups"]["G"]["security_group_rules"]]
        assert parts.listed(logged_in, "hello", "sam") == (
            Part("security group", "G", "g", "node1"),
            Part("rule", ids[0], "g", "node1", port=22),
            Part("rule", ids[1], "g", "node1", port=None),
        )

    def test_a_routers_interfaces_are_parts_and_its_other_ports_are_not(self, services, logged_in):
        services.neutron.add("routers", id="R", name="r", description=MINE)
        owner = {"device_id": "R", "device_owner": "network:router_interface"}
        services.neutron.add("ports", id="P1", **owner)
        services.neutron.add("ports", id="P2", **(owner | {"device_owner": "network:router_gateway"}))
        services.neutron.add("ports", id="P3", **(owner | {"device_id": "R2"}))
        assert parts.listed(logged_in, "hello", "sam") == (
            Part("router", "R", "r", "node1"),
            Part("interface", "P1", "r"),
        )

    def test_half_a_list_is_an_error(self, services, logged_in):
        services.site.routes["GET", "/network/v2.0/routers"] = [neutron_says(500, "Fault", "boom")]
        with pytest.raises(SiteError, match="list: router"):
            parts.listed(logged_in, "hello", "sam")


class TestDelete:
    @pytest.mark.parametrize("kind", ["port", "subnet", "network", "router"])
    def test_it_is_gone_on_return(self, services, logged_in, kind):
        """A conflict, a lost request, and an accepted one without effect are repeated."""
        services.neutron.add(f"{kind}s", id="T")
        place = f"/network/v2.0/{kind}s/T"
        services.refuse("DELETE", place, neutron_says(409, "InUse", "in use"), LOST, (204, None, {}))
        parts.delete(logged_in, Part(kind, "T", "mine"))
        assert "T" not in services.neutron.things[f"{kind}s"]
        assert len(sent(services.site, "DELETE", place)) == 4
        parts.delete(logged_in, Part(kind, "T", "mine"))

    def test_a_volume_is_gone_on_return(self, services, logged_in):
        services.cinder.volumes["V"] = {"id": "V", "name": "v", "size": 1, "status": "available"}
        parts.delete(logged_in, Part("volume", "V", "v"))
        assert services.cinder.volumes == {}

    def test_a_routers_interfaces_are_taken_off_first(self, services, logged_in):
        services.neutron.add("routers", id="R")
        owner = {"device_id": "R", "device_owner": "network:router_interface"}
        services.neutron.add("ports", id="P1", **owner)
        services.neutron.add("ports", id="P2", **owner)
        services.neutron.add("ports", id="P3", **(owner | {"device_id": "R2"}))
        parts.delete(logged_in, Part("router", "R", "r"))
        assert services.neutron.things["routers"] == {}
        assert list(services.neutron.things["ports"]) == ["P3"]
        taken = sent(services.site, "PUT", "/network/v2.0/routers/R/remove_router_interface")
        assert taken == [{"port_id": "P1"}, {"port_id": "P2"}]

    def test_a_router_that_goes_while_its_interfaces_are_taken_off_is_gone(self, services, logged_in):
        services.neutron.add("ports", id="P1", device_id="R", device_owner="network:router_interface")
        gone = neutron_says(404, "RouterNotFound", "Router R could not be found")
        services.refuse("PUT", "/network/v2.0/routers/R/remove_router_interface", gone)
        parts.delete(logged_in, Part("router", "R", "r"))
        assert sent(services.site, "DELETE", "/network/v2.0/routers/R") == []

    @pytest.mark.parametrize(
        ("answer", "kind", "said"),
        [
            (neutron_says(409, "InUse", "in use"), ConflictError, r"delete the network mine \(409\): in use"),
            (LOST, NoAnswerError, "request to delete the network mine"),
            ((204, None, {}), SiteError, "^The network mine is still there after 120 s"),
        ],
    )
    def test_one_that_stays_is_an_error_with_the_last_reason(
        self, services, logged_in, clock, answer, kind, said
    ):
        services.neutron.add("networks", id="T")
        services.site.routes["DELETE", "/network/v2.0/networks/T"] = [answer]
        with pytest.raises(kind, match=said):
            parts.delete(logged_in, Part("network", "T", "mine"))
        assert clock.monotonic() == pytest.approx(120)

    def test_a_refusal_that_will_not_pass_is_told_at_once(self, services, logged_in, clock):
        services.neutron.add("ports", id="T")
        services.refuse("DELETE", "/network/v2.0/ports/T", neutron_says(403, "Forbidden", "policy"))
        with pytest.raises(RefusedError, match="policy"):
            parts.delete(logged_in, Part("port", "T", "mine"))
        assert clock.monotonic() == 0

    def test_a_volume_that_cinder_never_finishes_is_an_error_with_its_reason(self, services, logged_in):
        services.cinder.volumes["V"] = {"id": "V", "name": "v", "size": 1, "status": "detaching"}
        with pytest.raises(RefusedError, match="must be available or error"):
            parts.delete(logged_in, Part("volume", "V", "v"))

    def test_a_volume_that_goes_after_a_refusal_is_gone(self, services, logged_in):
        services.cinder.volumes["V"] = {"id": "V", "name": "v", "size": 1, "status": "deleting"}
        parts.delete(logged_in, Part("volume", "V", "v"))
        assert services.cinder.volumes == {}

    @pytest.mark.parametrize("kind", ["instance", "floating IP", "security group", "rule", "lease"])
    def test_other_kinds_are_not_deleted_here(self, services, logged_in, kind):
        services.site.requests.clear()
        with pytest.raises(ValueError, match=kind):
            parts.delete(logged_in, Part(kind, "T", "mine"))
        assert services.site.requests == []
