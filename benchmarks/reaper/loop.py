"""A contestant: a plain loop with openstacksdk, one call after the other, in the right order.

    python -m benchmarks.reaper.loop CUTOFF LAB SPARED CLOUD...

A network stays while an instance that stays is on it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

import openstack

from benchmarks.reaper.rule import Rule

_INTERFACE = "network:router_interface"


def main() -> None:
    cutoff, lab, spared, *clouds = sys.argv[1:]
    for cloud in clouds:
        _Project(openstack.connect(cloud=cloud), Rule.told(cutoff, lab, spared)).purge()


class _Project:
    def __init__(self, cloud: Any, rule: Rule) -> None:
        self.cloud, self.rule = cloud, rule

    def purge(self) -> None:
        network = self.cloud.network
        mine = network.get_project_id()
        self._instances()
        for ip in self._doomed(network.ips(project_id=mine)):
            network.delete_ip(ip.id)
        for port in self._doomed(network.ports(project_id=mine)):
            if not port.device_owner:
                network.delete_port(port.id)
        for net in self._doomed(network.networks(project_id=mine)):
            self._network(net)
        for group in self._doomed(network.security_groups(project_id=mine)):
            network.delete_security_group(group.id)

    def _instances(self) -> None:
        compute = self.cloud.compute
        doomed = {server.id for server in self._doomed(compute.servers())}
        for server in doomed:
            compute.delete_server(server)
        while doomed & {server.id for server in compute.servers(details=False)}:
            time.sleep(1)

    def _doomed(self, things: Iterable[Any]) -> list[Any]:
        return [thing for thing in things if self.rule.goes(thing)]

    def _network(self, net: Any) -> None:
        network = self.cloud.network
        ports = list(network.ports(network_id=net.id))
        if any(port.device_owner != _INTERFACE for port in ports):
            return
        for port in ports:
            network.remove_interface_from_router(port.device_id, port_id=port.id)
            network.delete_router(port.device_id)
        network.delete_network(net.id)


if __name__ == "__main__":
    main()
