"""What `terraform/lab` makes for its variables, and how each kind is made on the site in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chi_helpers.model.errors import SiteError
from chi_helpers.model.resources import FloatingIPView, InstanceView
from chi_helpers.model.stamp import Stamp, from_metadata
from chi_helpers.model.wants import InstanceWant
from tests.support.terraform_site import TerraformSite

NODES, NETWORK = "module.nodes", "module.network[0]"
GROUP, RULE = "openstack_networking_secgroup_v2", "openstack_networking_secgroup_rule_v2"
PORT, VOLUME = "openstack_networking_port_v2", "openstack_blockstorage_volume_v3"
INSTANCE = "openstack_compute_instance_v2"
ADDRESS = "openstack_networking_floatingip_v2"
ASSOCIATION = "openstack_networking_floatingip_associate_v2"
_OTHERS = {
    "openstack_networking_network_v2": "network",
    "openstack_networking_subnet_v2": "subnet",
    "openstack_networking_router_v2": "router",
    "openstack_networking_router_interface_v2": "interface",
    RULE: "rule",
    PORT: "port",
    VOLUME: "volume",
}
_ORDER = (*list(_OTHERS)[:4], GROUP, RULE, PORT, VOLUME, INSTANCE, ADDRESS, ASSOCIATION)
_PARTS = re.compile(r"(?:(module\.\w+(?:\[0\])?)\.)?(\w+)\.(\w+)(?:\[(.+)\])?")


class Refusal(Exception):  # noqa: N818 - Terraform's own word is "error", of its diagnostics
    """What Terraform tells as an error, of the resource at `address`."""

    def __init__(self, said: str, address: str = "") -> None:
        super().__init__(said)
        self.address = address


@dataclass(frozen=True)
class Resource:
    address: str
    id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self._parts()[1]

    @property
    def node(self) -> str:
        """Its node's key; empty where it is of all of them."""
        key = self._parts()[3]
        return json.loads(key).split("/")[0] if key and key.startswith('"') else ""

    @property
    def declared(self) -> str:
        """How its configuration begins."""
        _, kind, name, _ = self._parts()
        return f'resource "{kind}" "{name}" {{'

    def recorded(self) -> dict[str, Any]:
        """As an entry of the state file's `resources`."""
        module, kind, name, key = self._parts()
        index = {"index_key": json.loads(key)} if key else {}
        entry = {**index, "attributes": {"id": self.id, **self.attributes}}
        return {"module": module, "mode": "managed", "type": kind, "name": name, "instances": [entry]}

    @classmethod
    def read(cls, recorded: Mapping[str, Any]) -> Resource:
        [instance] = recorded["instances"]
        key = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
        attributes = dict(instance["attributes"])
        thing_id = attributes.pop("id")
        return cls(f"{recorded['module']}.{recorded['type']}.{recorded['name']}{key}", thing_id, attributes)

    def _parts(self) -> tuple[str, str, str, str]:
        match = _PARTS.fullmatch(self.address)
        assert match, self.address
        module, kind, name, key = match.groups()
        return module, kind, name, key


def wanted(variables: Mapping[str, Any], site: TerraformSite) -> list[Resource]:
    """What the configuration has, in the order in which it is made. Raises `Refusal` before anything is."""
    nodes, owned = variables["nodes"], variables["stamp"]
    lab = {"chi_lab_owner": owned["owner"], "chi_lab": owned["lab"], "delete_at": owned["delete_at"]}
    private, name = variables["private_network"], variables["name"]
    if private is None and variables["shared_network"] not in site.networks():
        raise Refusal("Your query returned no results", "data.openstack_networking_network_v2.shared[0]")
    network = name if private else variables["shared_network"]
    found = [
        Resource(f"{NETWORK}.{kind}.lab", attributes={"name": name, "metadata": lab, "cidr": private})
        for kind in list(_OTHERS)[:4]
        if private
    ]
    if len(nodes) > 1:
        peers = {"name": f"{name}-nodes", "metadata": lab}
        found += [
            Resource(f"{NODES}.{GROUP}.peers[0]", attributes=peers),
            Resource(f"{NODES}.{RULE}.peers[0]"),
        ]
    for key, node in nodes.items():
        found += _node(key, {**node, "key_name": variables["key_name"], "network": network}, lab, site)
    return sorted(found, key=lambda one: Store.order(one.address))


def _node(key: str, node: dict[str, Any], lab: dict[str, str], site: TerraformSite) -> list[Resource]:
    index = f"[{json.dumps(key)}]"
    if (node["flavor_id"] is None) == (node["reservation_id"] is None):
        raise Refusal("Each node needs exactly one of flavor_id and reservation_id")
    if not site.images([node["image"]])[node["image"]]:
        raise Refusal("Your query returned no results", f"{NODES}.data.openstack_images_image_v2.node")
    same = {"name": node["name"], "metadata": {**lab, "chi_lab_node": key}}
    ports = [22] if node["ports"] is None else node["ports"]
    of = f"{NODES}.{{}}.node{index}"
    found = [Resource(of.format(GROUP), attributes=same), Resource(of.format(PORT), attributes=same)]
    found += [
        Resource(f"{NODES}.{RULE}.port[{json.dumps(f'{key}/{port}')}]", attributes={"port": port})
        for port in ports
    ]
    if node["boot_volume"]:
        found.append(
            Resource(f"{NODES}.{VOLUME}.boot{index}", attributes={**same, "size": node["boot_volume"]})
        )
    found.append(Resource(of.format(INSTANCE), attributes={**node, **same}))
    if node["floating_ip"]:
        found.append(Resource(of.format(ADDRESS), attributes=same))
        found.append(Resource(of.format(ASSOCIATION)))
    return found


@dataclass(frozen=True)
class Store:
    """Makes, changes and deletes on `site`."""

    site: TerraformSite

    @staticmethod
    def order(address: str) -> int:
        return _ORDER.index(Resource(address).kind)

    def there(self, one: Resource) -> bool:
        if one.kind == ASSOCIATION:
            return one.id in self.site.addresses and bool(self.site.addresses[one.id].port_id)
        return any(one.id in store for store in self._stores())

    def create(self, want: Resource, known: Mapping[str, Resource]) -> str:
        try:
            return self._create(want, known)
        except SiteError as error:
            raise Refusal(f"Error creating {want.kind}: {error}", want.address) from error

    def settle(self, one: Resource) -> None:
        """Wait until an instance is active, as the provider does."""
        if one.kind != INSTANCE:
            return
        self.site.instance(one.id)
        found = self.site.instances[one.id]
        if found.status != "ACTIVE":
            raise Refusal(f"Error waiting for instance ({one.id}): {found.fault}", one.address)

    def update(self, found: Resource, want: Resource) -> bool:
        """Make name and stamp what they should be; tell whether something was to do."""
        name, stamp = want.attributes.get("name"), _stamp(want)
        if stamp is None:
            return False
        if found.id in self.site.others and self.site.others[found.id].kind == "interface":
            return False
        for store in self._stores():
            if found.id in store:
                before = store[found.id]
                named = {} if isinstance(before, FloatingIPView) else {"name": name}
                store[found.id] = replace(before, stamp=stamp, **named)
                return bool(store[found.id] != before)
        raise AssertionError(found)

    def leave(self, groups: Collection[str]) -> None:
        """Take every instance out of `groups`: Terraform changes their ports before it deletes a group."""
        for instance, found in self.site.in_group.items():
            self.site.in_group[instance] = tuple(group for group in found if group not in groups)

    def delete(self, one: Resource) -> None:
        try:
            self._delete(one)
        except SiteError as error:
            raise Refusal(f"Error deleting {one.kind}: {error}", one.address) from error

    def nodes(self, known: Mapping[str, Resource]) -> dict[str, Any]:
        """The output `nodes`."""
        found = {}
        for one in known.values():
            if one.kind == INSTANCE:
                instance: InstanceView = self.site.instances[one.id]
                bound = [a for a in self.site.addresses.values() if a.port_id == f"port-{one.id}"]
                found[one.node] = {
                    "instance_id": one.id,
                    "name": instance.name,
                    "private_address": instance.addresses[0],
                    "floating_ip": bound[0].address if bound else None,
                }
        return found

    def _stores(self) -> tuple[dict[str, Any], ...]:
        return self.site.others, self.site.groups, self.site.instances, self.site.addresses

    def _create(self, want: Resource, known: Mapping[str, Resource]) -> str:  # noqa: PLR0911 - one a kind
        def of(kind: str, name: str = f"node[{json.dumps(want.node)}]") -> str:
            return known[f"{NODES}.{kind}.{name}"].id

        site, stamp, name = self.site, _stamp(want), want.attributes.get("name", "")
        match want.kind:
            case "openstack_networking_secgroup_v2":
                assert stamp is not None
                return site.create_group(name, stamp).id
            case "openstack_networking_secgroup_rule_v2":
                group = of(GROUP) if want.node else of(GROUP, "peers[0]")
                return site.make("rule", "", None, of=group, port=want.attributes.get("port"))
            case "openstack_compute_instance_v2":
                peers = known.get(f"{NODES}.{GROUP}.peers[0]")
                return self._launch(want, (of(GROUP), *([peers.id] if peers else [])))
            case "openstack_networking_floatingip_v2":
                fip_id = site.make("address", "", None)
                number = fip_id.rpartition("-")[2]
                site.others.pop(fip_id)
                site.addresses[fip_id] = FloatingIPView(fip_id, f"192.0.2.{number}", None, stamp, "DOWN")
                return fip_id
            case "openstack_networking_floatingip_associate_v2":
                fip = site.addresses[of(ADDRESS)]
                assert fip.stamp is not None
                return site.attach_address(fip.id, of(INSTANCE), fip.stamp).id
            case "openstack_networking_router_interface_v2":
                router = known[f"{NETWORK}.openstack_networking_router_v2.lab"].id
                return site.make("interface", name, None, of=router)
            case kind:
                return site.make(_OTHERS[kind], name, stamp, size=want.attributes.get("size", 0))

    def _launch(self, want: Resource, groups: tuple[str, ...]) -> str:
        node, stamp = want.attributes, _stamp(want)
        assert stamp is not None
        if node["key_name"] not in self.site.keys:
            raise Refusal("Error creating OpenStack server: Invalid key_name provided.", want.address)
        reserved = node["flavor_id"] or node["reservation_id"]
        kinds = {r.id: r.resource_type for lease in self.site.leases.values() for r in lease.reservations}
        if kinds.get(reserved) != ("flavor:instance" if node["flavor_id"] else "physical:host"):
            raise Refusal(f"Error creating OpenStack server: no flavor or host {reserved}", want.address)
        made = self.site.create_instance(
            InstanceWant(
                name=node["name"], image=node["image"], key_name=node["key_name"], network=node["network"],
                group_ids=groups, stamp=stamp, reservation_id=reserved, flavor=bool(node["flavor_id"]),
            )
        )  # fmt: skip
        self.site.on_network[made.id] = node["network"]
        return made.id

    def _delete(self, one: Resource) -> None:
        site = self.site
        if one.kind == ASSOCIATION:
            site.addresses[one.id] = replace(site.addresses[one.id], port_id=None)
        elif one.kind == ADDRESS:
            site.delete_address(one.id)
        elif one.kind == INSTANCE:
            site.delete_instance(one.id)
        elif one.kind == GROUP:
            site.delete_group(one.id)
        elif one.id in site.others:
            site.remove(one.id)


def _stamp(one: Resource) -> Stamp | None:
    return from_metadata(one.attributes.get("metadata") or {})
