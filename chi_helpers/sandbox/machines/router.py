"""Neutron's L3 plugin for a machine without an L3 agent."""

from __future__ import annotations

from typing import Any

from neutron.services.l3_router import l3_router_plugin
from neutron_lib import constants
from neutron_lib.callbacks import events, registry, resources


@registry.has_registry_receivers
class RouterPlugin(l3_router_plugin.L3RouterPlugin):
    """Upstream's plugin, which also reports a floating IP's status as the agent would."""

    @registry.receives(resources.FLOATING_IP, [events.AFTER_CREATE, events.AFTER_UPDATE])
    def report_status(self, resource: str, event: str, trigger: Any, payload: Any) -> None:
        state = payload.latest_state if payload.states else {}
        bound = (state or {}).get("fixed_port_id") or (state or {}).get("port_id")
        status = constants.FLOATINGIP_STATUS_ACTIVE if bound else constants.FLOATINGIP_STATUS_DOWN
        # The caller's context, not a new one: when a port is deleted, this runs within the caller's
        # transaction, and a second session would wait for the first one's lock until it times out.
        self.update_floatingip_status(payload.context.elevated(), payload.resource_id, status)
