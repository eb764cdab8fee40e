"""Neutron with a state, over HTTP: networks, ports, floating IPs, security groups, routers."""

from __future__ import annotations

from itertools import count
from typing import Any

from tests.support.http_service import Entry, RefusalError, Service, get, matching, route

LISTS = ("networks", "subnets", "ports", "routers", "floatingips", "security-groups")
_INTERFACE = "network:router_interface"


class Neutron(Service):
    """`things[list][id]` is what there is; tests may put more there. Not everything that Neutron checks is checked."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Entry]] = {name: {} for name in LISTS}
        self.quota = {
            "floatingip": {"used": 1, "reserved": 1, "limit": 5},
            "security_group": {"used": 3, "reserved": 0, "limit": -1},
        }
        self.reachable = {"N-public"}
        """The external networks that the instances' network has a router to."""
        self._number = count(1)
        external: Entry = {"router:external": True}
        self.add("networks", id="N-public", name="public", project_id="admin", **external)
        self.add("networks", id="N-shared", name="sharednet1", project_id="admin", shared=True)

    @staticmethod
    def refusal(status: int, kind: str, message: str) -> Entry:  # noqa: ARG004
        return {"NeutronError": {"type": kind, "message": message, "detail": ""}}

    def add(self, kind: str, **values: Any) -> Entry:
        """Something more of a list, with what all its kinds have."""
        made: Entry = {"id": f"{kind}-{next(self._number)}", "name": "", "description": "", "tags": []}
        made |= {"project_id": "p1", "router:external": False, **values}
        self.things[kind][made["id"]] = made
        return made

    def plug(self, device: str, groups: list[str]) -> Entry:
        """Give an instance a port."""
        return self.add("ports", device_id=device, device_owner="compute:nova", security_groups=groups)

    def unplug(self, device: str) -> None:
        for port in [p for p in self.things["ports"].values() if p["device_id"] == device]:
            del self.things["ports"][port["id"]]
            for ip in self.things["floatingips"].values():
                if ip["port_id"] == port["id"]:
                    ip |= {"port_id": None, "status": "DOWN"}

    # --- all kinds

    @route("GET", "/v2.0/([a-z-]+)")
    def every(self, kind: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        return 200, {kind.replace("-", "_"): matching(self.things[kind].values(), query)}

    @route("GET", "/v2.0/([a-z-]+)/{}")
    def show(self, kind: str, identifier: str, _: Any) -> tuple[int, Any]:
        return 200, {_one(kind): self._get(kind, identifier)}

    @route("DELETE", "/v2.0/([a-z-]+)/{}")
    def delete(self, kind: str, identifier: str, _: Any) -> tuple[int, Any]:
        if kind == "security-group-rules":
            return self._close(identifier)
        self._get(kind, identifier)
        ports = self.things["ports"].values()
        used = {
            "security-groups": lambda p: identifier in p["security_groups"],
            "routers": lambda p: p["device_id"] == identifier,
            "networks": lambda p: p.get("network_id") == identifier,
            "subnets": lambda p: p.get("subnet_id") == identifier,
        }.get(kind, lambda _: False)
        if any(map(used, ports)):
            raise RefusalError(409, "InUse", f"{_one(kind)} {identifier} in use.")
        del self.things[kind][identifier]
        return 204, None

    def _get(self, kind: str, identifier: str) -> Entry:
        return get(self.things[kind], identifier, _one(kind), "NotFound")

    # --- floating IPs

    @route("POST", "/v2.0/floatingips")
    def create_ip(self, body: Any) -> tuple[int, Any]:
        asked = body["floatingip"]
        network = self._get("networks", asked["floating_network_id"])
        port = self._get("ports", asked["port_id"])
        if network["id"] not in self.reachable:
            said = f"External network {network['id']} is not reachable from subnet S. Therefore, cannot associate"
            raise RefusalError(404, "ExternalGatewayForFloatingIPNotFound", f"{said} Port {port['id']}.")
        number = len(self.things["floatingips"]) + 1
        made = {"floating_ip_address": f"192.0.2.{number}", "status": "ACTIVE", **asked}
        return 201, {"floatingip": self.add("floatingips", **made)}

    @route("PUT", "/v2.0/floatingips/{}")
    def update_ip(self, identifier: str, body: Any) -> tuple[int, Any]:
        found = self._get("floatingips", identifier)
        self._get("ports", body["floatingip"]["port_id"])
        found |= body["floatingip"]
        return 200, {"floatingip": found}

    # --- security groups

    @route("POST", "/v2.0/security-groups")
    def create_group(self, body: Any) -> tuple[int, Any]:
        group = self.add("security-groups", security_group_rules=[], **body["security_group"])
        for version in ("IPv4", "IPv6"):
            self.open(group["id"], direction="egress", ethertype=version)
        return 201, {"security_group": group}

    @route("PUT", "/v2.0/security-groups/{}")
    def update_group(self, identifier: str, body: Any) -> tuple[int, Any]:
        found = self._get("security-groups", identifier)
        found |= body["security_group"]
        return 200, {"security_group": found}

    def open(self, group_id: str, **values: Any) -> Entry:
        """One more rule of a group; refused where it has the same already."""
        empty = dict.fromkeys(
            ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
        )
        rule = {**empty, "security_group_id": group_id, **values}
        rules = self._get("security-groups", group_id)["security_group_rules"]
        if any({**known, "id": None} == {**rule, "id": None} for known in rules):
            raise RefusalError(409, "SecurityGroupRuleExists", "Security group rule already exists.")
        rules.append(rule | {"id": f"rule-{next(self._number)}"})
        return rule

    @route("POST", "/v2.0/security-group-rules")
    def create_rules(self, body: Any) -> tuple[int, Any]:
        return 201, {"security_group_rules": [self.open(**_of(r)) for r in body["security_group_rules"]]}

    def _close(self, rule_id: str) -> tuple[int, Any]:
        for group in self.things["security-groups"].values():
            rules = group["security_group_rules"]
            kept = [rule for rule in rules if rule["id"] != rule_id]
            if len(kept) < len(rules):
                group["security_group_rules"] = kept
                return 204, None
        raise RefusalError(404, "SecurityGroupRuleNotFound", f"Rule {rule_id} does not exist")

    # --- routers and quota

    @route("PUT", "/v2.0/routers/{}/remove_router_interface")
    def remove_interface(self, router: str, body: Any) -> tuple[int, Any]:
        port = self._get("ports", body["port_id"])
        assert (port["device_id"], port["device_owner"]) == (router, _INTERFACE)
        del self.things["ports"][port["id"]]
        return 200, {"port_id": port["id"]}

    @route("GET", "/v2.0/quotas/{}/details.json")
    def quotas(self, project: str, _: Any) -> tuple[int, Any]:
        assert project == "p1"
        return 200, {"quota": self.quota}


def _one(kind: str) -> str:
    return kind.replace("-", "_").removesuffix("s")


def _of(rule: Entry) -> Entry:
    rest = dict(rule)
    return {"group_id": rest.pop("security_group_id"), **rest}
