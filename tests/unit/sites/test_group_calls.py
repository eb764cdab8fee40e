"""Security groups over HTTP: exactly the ports that are asked for are open, and a deleted group is gone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.stamp import Stamp
from chi_helpers.sites import groups
from chi_helpers.sites.errors import ConflictError, NoAnswerError
from tests.unit.sites.conftest import LOST, neutron_says, sent

GROUPS, RULES = "/network/v2.0/security-groups", "/network/v2.0/security-group-rules"
STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
LATER = Stamp("sam", "hello", datetime(2026, 3, 2, 22, 0, tzinfo=UTC), "node1")
IN_USE = neutron_says(409, "SecurityGroupInUse", "Security Group G in use.")
EXISTS = neutron_says(409, "SecurityGroupRuleExists", "Security group rule already exists.")


@pytest.fixture
def group(services, logged_in):
    return groups.create(logged_in, "hello-sam", STAMP).id


@pytest.fixture
def rules(services, group):
    """The group's rules, as Neutron has them now: protocol, port, and whether its members are meant."""

    def found():
        entries = services.neutron.things["security-groups"][group]["security_group_rules"]
        return sorted(
            (r["direction"], str(r["protocol"]), r["port_range_min"] or 0, r["remote_group_id"] == group)
            for r in entries
        )

    return found


OUT = [("egress", "None", 0, False)] * 2
SSH, WEB = ("ingress", "tcp", 22, False), ("ingress", "tcp", 80, False)
PEERS = ("ingress", "None", 0, True)


def spoil(services, group):
    """Rules that people add by hand: UDP, and a second port."""
    services.neutron.open(group, direction="ingress", ethertype="IPv4", protocol="udp", port_range_min=53)
    services.neutron.open(
        group,
        direction="ingress",
        ethertype="IPv4",
        protocol="tcp",
        port_range_min=8080,
        port_range_max=8080,
        remote_ip_prefix="0.0.0.0/0",
    )


class TestCreate:
    def test_it_is_stamped_in_the_request_that_makes_it(self, services, logged_in):
        made = groups.create(logged_in, "hello-sam", STAMP)
        assert sent(services.site, "POST", GROUPS) == [
            {"security_group": {"name": "hello-sam", "description": STAMP.description()}}
        ]
        assert (made.name, made.stamp, made.tcp_ports, made.others, made.peers) == (
            "hello-sam",
            STAMP,
            frozenset(),
            0,
            False,
        )

    def test_after_a_lost_answer_the_one_with_name_and_stamp_is_found_and_none_made_again(
        self, services, logged_in
    ):
        groups.create(logged_in, "hello-sam", LATER)
        groups.create(logged_in, "other-sam", STAMP)
        services.lose("POST", GROUPS)
        made = groups.create(logged_in, "hello-sam", STAMP)
        assert (made.name, made.stamp) == ("hello-sam", STAMP)
        assert len(sent(services.site, "POST", GROUPS)) == 3

    def test_a_lost_answer_without_a_group_is_an_error(self, services, logged_in, clock):
        services.refuse("POST", GROUPS, LOST)
        with pytest.raises(NoAnswerError, match=r"request to create the security group hello-sam \(504\)"):
            groups.create(logged_in, "hello-sam", STAMP)
        assert clock.monotonic() == pytest.approx(15)
        assert len(sent(services.site, "POST", GROUPS)) == 1

    def test_those_of_other_projects_are_not_listed(self, services, logged_in, group):
        services.neutron.add("security-groups", project_id="p2", security_group_rules=[])
        assert [g.id for g in groups.listed(logged_in)] == [group]


class TestSetPorts:
    def test_missing_ports_are_opened_to_the_world_in_one_request(self, services, logged_in, group, rules):
        found = groups.set_ports(logged_in, group, [80, 22], STAMP)
        [asked] = sent(services.site, "POST", RULES)
        assert asked["security_group_rules"] == [
            {
                "security_group_id": group,
                "direction": "ingress",
                "ethertype": "IPv4",
                "protocol": "tcp",
                "port_range_min": port,
                "port_range_max": port,
                "remote_ip_prefix": "0.0.0.0/0",
            }
            for port in (22, 80)
        ]
        assert (found.tcp_ports, found.others, found.peers) == (frozenset({22, 80}), 0, False)
        assert rules() == [*OUT, SSH, WEB]

    def test_all_other_rules_that_let_something_in_are_deleted(self, services, logged_in, group, rules):
        groups.set_ports(logged_in, group, [22], STAMP, peers=True)
        spoil(services, group)
        groups.set_ports(logged_in, group, [22], STAMP)
        assert rules() == [*OUT, SSH]

    def test_the_groups_members_are_let_in_where_that_is_asked_for(self, services, logged_in, group, rules):
        spoil(services, group)
        for _ in range(2):
            assert groups.set_ports(logged_in, group, [22], STAMP, peers=True).peers
            assert rules() == [*OUT, PEERS, SSH]

    def test_what_is_right_already_is_not_written_again(self, services, logged_in, group):
        groups.set_ports(logged_in, group, [22], STAMP, peers=True)
        services.site.requests.clear()
        groups.set_ports(logged_in, group, [22], STAMP, peers=True)
        assert {method for method, _, _ in services.site.requests} == {"GET"}

    def test_only_what_is_missing_is_opened(self, services, logged_in, group):
        groups.set_ports(logged_in, group, [22], STAMP)
        services.site.requests.clear()
        groups.set_ports(logged_in, group, [22, 80], STAMP)
        [asked] = sent(services.site, "POST", RULES)
        assert [rule["port_range_min"] for rule in asked["security_group_rules"]] == [80]

    def test_the_stamp_is_renewed_where_it_differs(self, services, logged_in, group):
        assert groups.set_ports(logged_in, group, [], LATER).stamp == LATER
        assert sent(services.site, "PUT", f"{GROUPS}/{group}") == [
            {"security_group": {"description": LATER.description()}}
        ]

    def test_a_rule_that_went_meanwhile_is_closed_enough(self, services, logged_in, group):
        groups.set_ports(logged_in, group, [22], STAMP)
        entries = services.neutron.things["security-groups"][group]["security_group_rules"]
        [ssh] = [rule for rule in entries if rule["direction"] == "ingress"]
        place = f"{RULES}/{ssh['id']}"

        def by_another(body):
            services.site.ask_behind("DELETE", place, body)
            return neutron_says(404, "SecurityGroupRuleNotFound", "no such rule")

        services.refuse("DELETE", place, by_another)
        assert groups.set_ports(logged_in, group, [], STAMP).tcp_ports == frozenset()

    def test_a_rule_that_cannot_be_closed_is_an_error(self, services, logged_in, group):
        spoil(services, group)
        entries = services.neutron.things["security-groups"][group]["security_group_rules"]
        udp = next(rule for rule in entries if rule["protocol"] == "udp")
        services.refuse("DELETE", f"{RULES}/{udp['id']}", neutron_says(403, "Forbidden", "policy"))
        with pytest.raises(RefusedError, match=r"close a port \(403\): policy"):
            groups.set_ports(logged_in, group, [22], STAMP)

    @pytest.mark.parametrize("answer", ["lost", "refused"])
    @pytest.mark.parametrize("peers", [False, True])
    def test_a_lost_answer_or_a_rule_of_another_run_is_no_error_where_the_group_is_right(
        self, services, logged_in, group, answer, peers
    ):
        def by_another(body):
            services.site.ask_behind("POST", RULES, body)
            return EXISTS

        if answer == "lost":
            services.lose("POST", RULES)
        else:
            services.refuse("POST", RULES, by_another)
        found = groups.set_ports(logged_in, group, [22], STAMP, peers=peers)
        assert (found.tcp_ports, found.peers) == (frozenset({22}), peers)

    @pytest.mark.parametrize(("answer", "kind"), [(EXISTS, ConflictError), (LOST, NoAnswerError)])
    @pytest.mark.parametrize("ports", [[22], [22, 80]])
    def test_it_is_an_error_where_a_port_or_the_members_are_still_kept_out(
        self, services, logged_in, group, answer, kind, ports
    ):
        groups.set_ports(logged_in, group, [22], STAMP)
        services.refuse("POST", RULES, answer)
        with pytest.raises(kind, match="open ports"):
            groups.set_ports(logged_in, group, ports, STAMP, peers=len(ports) == 1)

    @pytest.mark.parametrize("also", [{"protocol": "udp"}, {"protocol": "tcp"}, {}])
    def test_a_group_that_somebody_opens_meanwhile_is_an_error(self, services, logged_in, group, also):
        """UDP, another TCP port, or the group's members."""

        def opened_further(body):
            answer = services.site.ask_behind("POST", RULES, body)
            if also:
                rest = {"port_range_min": 99, "port_range_max": 99, "remote_ip_prefix": "0.0.0.0/0"}
            else:
                rest = {"remote_group_id": group}
            services.neutron.open(group, direction="ingress", ethertype="IPv4", **also, **rest)
            return answer

        services.refuse("POST", RULES, opened_further)
        with pytest.raises(SiteError, match=r"not ports \[22\] alone") as caught:
            groups.set_ports(logged_in, group, [22], STAMP)
        assert caught.value.do == "Run `chi-lab up` again."


class TestDelete:
    def test_it_returns_when_neutron_shows_the_group_no_more(self, services, logged_in, group):
        """A refusal while a port goes, a lost request, and an accepted one without effect are repeated."""
        services.refuse("DELETE", f"{GROUPS}/{group}", IN_USE, LOST, (204, None, {}))
        groups.delete(logged_in, group)
        assert services.neutron.things["security-groups"] == {}
        assert len(sent(services.site, "DELETE", f"{GROUPS}/{group}")) == 4

    def test_one_that_stays_in_use_is_an_error_with_neutrons_reason(self, services, logged_in, group, clock):
        services.site.routes["DELETE", f"{GROUPS}/{group}"] = [IN_USE]
        with pytest.raises(ConflictError, match="Security Group G in use"):
            groups.delete(logged_in, group)
        assert clock.monotonic() == pytest.approx(60)

    def test_one_that_stays_without_a_reason_is_an_error_with_its_id_and_the_time(
        self, services, logged_in, group
    ):
        services.site.routes["DELETE", f"{GROUPS}/{group}"] = [(204, None, {})]
        with pytest.raises(SiteError, match=f"^The security group {group} is still there after 60 s"):
            groups.delete(logged_in, group)

    def test_a_refusal_that_will_not_pass_is_told_at_once(self, services, logged_in, group):
        services.refuse("DELETE", f"{GROUPS}/{group}", neutron_says(403, "Forbidden", "policy"))
        with pytest.raises(RefusedError, match=r"delete the security group \(403\): policy"):
            groups.delete(logged_in, group)
