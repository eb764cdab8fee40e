"""Nova virt driver for a site without machines: the control plane alone, at any scale, without root.

Upstream's FakeDriver forgets its instances with its process and draws its nodes' identities anew;
Nova refuses to start again on that. Here both are the same after every restart.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any

from nova import exception
from nova.compute import power_state, vm_states
from nova.virt import fake
from nova.virt import node as virt_node

from chi_helpers.sandbox.machines import hosts, snapshots

_STATES = {
    vm_states.STOPPED: power_state.SHUTDOWN,
    vm_states.SHELVED: power_state.SHUTDOWN,
    vm_states.PAUSED: power_state.PAUSED,
    vm_states.SUSPENDED: power_state.SUSPENDED,
}
_NEVER_HERE = (vm_states.BUILDING, vm_states.DELETED, vm_states.SHELVED_OFFLOADED)
_LINES = 200
"""Clients that ask for the last lines of a console want to see some."""


class BareDriver(fake.FakeDriver):
    """One per nova-compute service; each is one host of the site."""

    def init_host(self, host: str) -> None:
        super().init_host(host)
        described = hosts.read()[host]
        self.described = described
        self.vcpus, self.memory_mb, self.local_gb = (
            described.vcpus,
            described.memory_mb,
            described.local_gb,
        )
        self.resources = fake.Resources(described.vcpus, described.memory_mb, described.local_gb)

    def get_host_uptime(self) -> str:
        return hosts.UPTIME

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        found: dict[str, Any] = super().get_available_resource(nodename)
        if found:
            found["uuid"] = _node_uuid(nodename)
        return found

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        return {_node_uuid(name): name for name in self.get_available_nodes()}

    def update_provider_tree(
        self, provider_tree: Any, nodename: str, allocations: dict[str, Any] | None = None
    ) -> None:
        super().update_provider_tree(provider_tree, nodename, allocations)
        ratios = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        hosts.provide(provider_tree, nodename, self.described, ratios)

    def process_instances_at_startup(self, context: Any, instances: Any) -> Any:
        """Rebuild the "hypervisor", which is this process, from what Nova recorded."""
        for instance in instances:
            if instance.vm_state in _NEVER_HERE:
                continue
            flavor = instance.flavor
            self.resources.claim(vcpus=flavor.vcpus, mem=flavor.memory_mb, disk=flavor.root_gb)
            state = _STATES.get(instance.vm_state, power_state.RUNNING)
            self.instances[instance.uuid] = fake.FakeInstance(instance.name, state, instance.uuid)
            for vif in instance.get_network_info() or ():
                self._interfaces[vif["id"]] = vif
        return instances

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        """Upstream's leaves the image without data, and Glance then shows it as queued for ever."""
        if instance.uuid not in self.instances:
            raise exception.InstanceNotRunning(instance_id=instance.uuid)
        snapshots.upload(context, instance, image_id, update_task_state)

    def get_console_output(self, context: Any, instance: Any) -> str:
        """Return boot messages that say what this is, and a host key, as cloud-init prints it.

        Nobody has the private half: the key lets clients go through their steps, at any scale, and no
        more. Where something does answer at the address, it cannot pass for this instance.
        """
        messages = [
            f"[{number / 100:12.6f}] sandbox: no machine is behind this console, message {number}"
            for number in range(_LINES)
        ]
        key = f"{_host_key(instance.uuid)} root@{instance.hostname}"
        keys = ["-----BEGIN SSH HOST KEY KEYS-----", key, "-----END SSH HOST KEY KEYS-----"]
        return "\n".join([*messages, *keys, "", f"{instance.hostname} login: "])


def _host_key(instance_uuid: str) -> str:
    """An ed25519 public key in OpenSSH's form (RFC 8709), the same for ever for an instance."""
    kind = b"ssh-ed25519"
    point = hashlib.sha256(instance_uuid.encode()).digest()
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (kind, point))
    return f"{kind.decode()} {base64.b64encode(blob).decode()}"


def _node_uuid(nodename: str) -> str:
    return hosts.node_uuid(uuid.UUID(virt_node.read_local_node_uuid()), nodename)
