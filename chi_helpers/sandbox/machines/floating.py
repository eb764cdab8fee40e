"""Neutron's service plugin that makes floating IPs work on this host.

The nftables table is always rendered whole from Neutron's database and replaced in one transaction;
Neutron's notifications only say "look again", so there is nothing to reconcile.
"""

from __future__ import annotations

import threading
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from neutron_lib import constants, context
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugin_types
from neutron_lib.plugins import directory
from neutron_lib.services import base
from oslo_config import cfg
from oslo_log import log as logging

from chi_helpers.sandbox.machines import nft, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOG = logging.getLogger(__name__)

OPTIONS = [
    cfg.StrOpt("table", help="Name of the nftables table."),
    cfg.ListOpt("ranges", help="All addresses that can become floating IPs, each first-last."),
    cfg.StrOpt("client", default="127.0.0.1", help="Source that remote_ip_prefix is compared with."),
    cfg.BoolOpt("drop", default=False, help="Let closed ports time out; otherwise they are refused."),
]

WATCHED = (
    *(
        (resources.FLOATING_IP, event)
        for event in (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE)
    ),
    *((resources.SECURITY_GROUP_RULE, event) for event in (events.AFTER_CREATE, events.AFTER_DELETE)),
    *((resources.PORT, event) for event in (events.AFTER_UPDATE, events.AFTER_DELETE)),
)
_MATTERS = ("security_groups", "fixed_ips", "port_security_enabled")
"""Of a port. It changes much more often than that: a boot updates each port several times."""
_SETTLE = 0.02
"""Seconds that a burst of changes may take."""
_ANYWAY = 30
"""Seconds after which to look even if nothing was announced."""


class FloatingIPs(base.ServicePluginBase):
    """Watches Neutron, renders, and hands over to nft."""

    supported_extension_aliases: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        cfg.CONF.register_opts(OPTIONS, group="floating")
        self._look = threading.Event()
        for resource, event in WATCHED:
            registry.subscribe(self._changed, resource, event)
        threading.Thread(target=self._follow, daemon=True, name="floating").start()

    @classmethod
    def get_plugin_type(cls) -> str:
        return "CHI_FLOATING"

    def get_plugin_description(self) -> str:
        return "Floating IPs by nftables on this host"

    def _changed(self, resource: str, event: str, trigger: Any, payload: Any) -> None:
        if resource != resources.PORT or event != events.AFTER_UPDATE or port_matters(payload.states):
            self._look.set()

    def _follow(self) -> None:
        # An empty table, rendered while Neutron still starts, would cut live connections.
        while directory.get_plugin(plugin_types.L3) is None or directory.get_plugin() is None:
            time.sleep(0.1)
        options = cfg.CONF.floating
        table = nft.Table(options.table, tuple(options.ranges), drop=options.drop)
        client = IPv4Address(options.client)
        last = ""
        self._look.set()
        while True:
            announced = self._look.wait(_ANYWAY)
            self._look.clear()
            time.sleep(_SETTLE)
            try:
                text = nft.render(table, bound(client))
                # Also when nothing has changed: someone may have flushed the ruleset.
                if text != last or not announced:
                    tables.load(text)
                    last = text
            except tables.TableError as error:
                LOG.error("Floating IPs not updated: %s", error)  # noqa: TRY400 - its words suffice
            except Exception:
                # The thread must outlive a lost database: it looks again.
                LOG.exception("Floating IPs not updated")


def port_matters(states: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a port's update can change the table; `states` is (before, after)."""
    before, after = states[0], states[-1]
    return any(before.get(key) != after.get(key) for key in _MATTERS)


def bound(client: IPv4Address) -> list[nft.Floating]:
    """Read from Neutron's database which floating IPs lead where, and what may pass."""
    admin = context.get_admin_context()
    core, l3 = directory.get_plugin(), directory.get_plugin(plugin_types.L3)
    floating = [f for f in l3.get_floatingips(admin) if f["port_id"] and f["fixed_ip_address"]]
    if not floating:
        return []
    ports = {p["id"]: p for p in core.get_ports(admin, filters={"id": [f["port_id"] for f in floating]})}
    groups = {group for port in ports.values() for group in port["security_groups"]}
    rules = core.get_security_group_rules(
        admin,
        filters={"security_group_id": sorted(groups), "direction": [constants.INGRESS_DIRECTION]},
    ) if groups else []  # fmt: skip
    found = []
    for entry in sorted(floating, key=lambda f: str(f["floating_ip_address"])):
        port = ports.get(entry["port_id"])
        if port is None:
            continue
        if port.get("port_security_enabled", True):
            mine = [rule for rule in rules if rule["security_group_id"] in port["security_groups"]]
            allowed = nft.openings(mine, client)
        else:
            allowed = (nft.Opening(),)
        found.append(nft.Floating(str(entry["floating_ip_address"]), str(entry["fixed_ip_address"]), allowed))
    return found
