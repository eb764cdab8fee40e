"""Nova and Placement. API, conductor, scheduler and all nova-computes are one process."""

from __future__ import annotations

from chi_helpers.sandbox.conf.ini import Sections, common, distributed, merged, service_login, token_checks
from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.machines import settings

_FILTERS = (
    "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,"
    "ServerGroupAffinityFilter,AggregateInstanceExtraSpecsFilter,BlazarFilter"
)


def files(site: Description) -> dict[str, Sections]:
    return {"placement/placement.conf": _placement(site), "nova/nova.conf": _nova(site)}


def _placement(site: Description) -> Sections:
    shared = common(site, "placement")
    shared["placement_database"] = shared.pop("database")
    return merged(shared, token_checks(site), {"api": {"auth_strategy": "keystone"}})


def _nova(site: Description) -> Sections:
    login = service_login(site)
    own: Sections = {
        "DEFAULT": {
            "host": "controller",
            "my_ip": site.addresses.api,
            "state_path": str(site.folder / "nova"),
            "instances_path": str(site.folder / "instances"),
            "transport_url": "fake://",  # reaches this process only, which is all there is
            "enabled_apis": "osapi_compute",
            "osapi_compute_listen": site.addresses.api,
            "allow_resize_to_same_host": True,
            "use_cow_images": False,
            # Nothing plugs a VIF and tells Nova so.
            "vif_plugging_is_fatal": False,
            "vif_plugging_timeout": 0,
            # Blazar counts capacity itself, without ratios or reserved parts: the two must agree.
            "reserved_host_memory_mb": 0,
            "reserved_host_cpus": 0,
            "cpu_allocation_ratio": "1.0",
            "ram_allocation_ratio": "1.0",
            "disk_allocation_ratio": "1.0",
            "running_deleted_instance_action": "noop",
            # A busy machine must not make its own services look dead.
            "service_down_time": 600,
            "report_interval": 60,
            "update_resources_interval": 300,
            "sync_power_state_interval": -1,
            "heal_instance_info_cache_interval": -1,
            # Periodic tasks must not wait up to a minute before their first run.
            "periodic_fuzzy_delay": 0,
        },
        "api": {"auth_strategy": "keystone"},
        "wsgi": {"api_paste_config": str(distributed("nova", "api-paste.ini"))},
        # A host that left Blazar and came back has a new child provider in Placement.
        "compute": {"resource_provider_association_refresh": 30},
        "quota": {
            "instances": 10000,
            "cores": 100000,
            "ram": 100000000,
            "key_pairs": 1000,
            "server_groups": 1000,
        },
        "api_database": {
            "connection": site.database_url("nova_api"),
            "max_pool_size": 10,
            "max_overflow": 40,
        },
        "scheduler": {"discover_hosts_in_cells_interval": -1, "max_attempts": 3},
        "filter_scheduler": {
            "available_filters": (
                "nova.scheduler.filters.all_filters",
                "blazarnova.scheduler.filters.blazar_filter.BlazarFilter",
            ),
            # BlazarFilter is what makes a launch without a reservation fail, as on Chameleon.
            "enabled_filters": _FILTERS,
            "track_instance_changes": False,
        },
        "notifications": {"notification_format": "unversioned"},
        "glance": {"region_name": site.region},
        "service_user": {"send_service_user_token": True, **login},
        "neutron": login,
        "placement": login,
        "cinder": login,
    }
    machines = settings.nova(
        site.machines,
        label=site.label,
        image=site.image,
        podman_args=site.podman_args,
        folder=site.folder,
    )
    return merged(common(site, "nova"), token_checks(site), own, machines)
