"""Blazar: the reservations that Chameleon has and upstream can do, and its own cap on leases."""

from __future__ import annotations

from chi_helpers.sandbox.conf.ini import Sections, common, merged, token_checks
from chi_helpers.sandbox.description import PORTS, SERVICE_USER, Description

# Chameleon lets members read hosts and allocations; python-chi's hardware module needs it.
_POLICY = """\
"blazar:oshosts:get": "@"
"blazar:oshosts:get_allocations": "@"
"blazar:oshosts:get_resource_properties": "@"
"blazar:floatingips:get": "@"
"""


def files(site: Description) -> dict[str, Sections | str]:
    own: Sections = {
        "DEFAULT": {
            "host": site.addresses.api,
            "transport_url": "fake://",
            "os_auth_protocol": "http",
            "os_auth_host": site.addresses.api,
            "os_auth_port": PORTS["keystone"],
            "os_auth_prefix": "",
            "os_auth_version": "v3",
            "os_admin_username": SERVICE_USER,
            "os_admin_password": site.secrets.service,
            "os_admin_project_name": "service",
            "identity_service": "identity",
            "os_region_name": site.region,
            "cleaning_time": 0,
        },
        "oslo_policy": {"policy_file": str(site.folder / "etc" / "blazar" / "policy.yaml")},
        "manager": {
            "plugins": "physical.host.plugin,virtual.floatingip.plugin,flavor.instance.plugin",
            "minutes_before_end_lease": 0,
            "event_max_retries": 1,
        },
        "physical:host": {"blazar_az_prefix": "blazar_"},
        "nova": {"aggregate_freepool_name": "freepool"},
        "enforcement": {
            "enabled_filters": "MaxLeaseDurationFilter",
            "max_lease_duration": site.max_lease_seconds,
        },
    }
    return {
        "blazar/blazar.conf": merged(common(site, "blazar"), token_checks(site), own),
        "blazar/policy.yaml": _POLICY,
    }
