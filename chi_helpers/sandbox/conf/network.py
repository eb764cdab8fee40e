"""Neutron: ML2 without agents; what agents would do, the plugins in `machines/` do."""

from __future__ import annotations

from chi_helpers.sandbox.conf.ini import Sections, common, distributed, merged, service_login, token_checks
from chi_helpers.sandbox.description import PORTS, Description
from chi_helpers.sandbox.machines import settings


def files(site: Description) -> dict[str, Sections]:
    own: Sections = {
        "DEFAULT": {
            "core_plugin": "ml2",
            "transport_url": "fake://",
            "bind_host": site.addresses.api,
            "bind_port": PORTS["neutron"],
            "api_paste_config": str(distributed("neutron", "api-paste.ini")),
            "state_path": str(site.folder / "neutron"),
            "dhcp_agent_notification": False,
            "notify_nova_on_port_status_changes": False,
            # Without it Nova's address list never shows the floating IP, and python-chi's
            # Server.get_floating_ip() returns None. The interval's minimum is 1.
            "notify_nova_on_port_data_changes": True,
            "send_events_interval": 1,
            "rpc_workers": 0,
            "rpc_state_report_workers": 0,
        },
        # A class is larger than Neutron's defaults.
        "quotas": {
            "quota_network": 10000,
            "quota_subnet": 10000,
            "quota_port": 100000,
            "quota_router": 1000,
            "quota_floatingip": 10000,
            "quota_security_group": 10000,
            "quota_security_group_rule": 100000,
        },
        "ml2": {
            "type_drivers": "local,flat,vlan",
            "tenant_network_types": "vlan",
            "mechanism_drivers": "chi_sandbox",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": "public"},
        "ml2_type_vlan": {"network_vlan_ranges": "physnet1:100:3999"},
        "nova": service_login(site),
    }
    machines = settings.neutron(site.machines, label=site.label, floating_range=site.addresses.floating_range)
    return {
        "neutron/neutron.conf": merged(common(site, "neutron"), token_checks(site), own, machines),
    }
