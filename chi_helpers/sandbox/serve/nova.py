"""Nova in one process: API, conductor, scheduler, and one compute service for each host."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE, waiting.KEYSTONE, waiting.IDENTITY, waiting.PLACEMENT)
MODULES = (
    "nova.api.openstack.wsgi_app",
    "nova.compute.manager",
    "nova.conductor.manager",
    "nova.scheduler.manager",
)
_CONTROLLER = "controller"


def prepare(site: Description) -> None:
    os.environ["OS_NOVA_CONFIG_DIR"] = str(site.folder / "etc/nova")
    sys.argv = ["nova", "--config-file", str(site.folder / "etc/nova/nova.conf")]
    from nova import monkey_patch

    monkey_patch.patch(backend="threading")  # before any other part of nova


def application(site: Description) -> Any:
    import os_brick
    import os_vif
    from nova import conf, context, objects, service
    from nova.api.openstack import wsgi_app
    from nova.compute import rpcapi as compute_rpc
    from nova.conductor import rpcapi as conductor_rpc
    from nova.objects import host_mapping
    from nova.scheduler import rpcapi as scheduler_rpc
    from nova.scheduler.client import report

    from chi_helpers.sandbox.machines import hosts, settings

    app = wsgi_app.init_application("osapi_compute", "nova-api")
    settings.register_driver(site.machines)
    os_brick.setup(conf.CONF)
    os_vif.initialize()
    objects.register_all()
    objects.Service.enable_min_version_cache()
    # Nova 34 reads the allocations of every instance of a host at every claim (resource_tracker
    # `_update_to_placement`): quadratic. Only reshapes and PCI in Placement use what it read.
    report.SchedulerReportClient.get_allocations_for_provider_tree = lambda *_: {}

    def start(binary: str, topic: str, host: str, **more: str | None) -> None:
        service.Service.create(binary=binary, topic=topic, host=host, **more).start()

    start("nova-conductor", conductor_rpc.RPC_TOPIC, _CONTROLLER)
    start("nova-scheduler", scheduler_rpc.RPC_TOPIC, _CONTROLLER)
    more = getattr(compute_rpc, "RPC_TOPIC_ALT", None)
    # A compute service spends a third of its start waiting for Placement and podman.
    with ThreadPoolExecutor(3) as pool:
        computes = [
            pool.submit(start, "nova-compute", compute_rpc.RPC_TOPIC, host, topic_alt=more)
            for host in hosts.read()
        ]
    for compute in computes:
        compute.result()
    # Until a host is mapped to the cell, every build on it ends in HostMappingNotFound.
    host_mapping.discover_hosts(context.get_admin_context())
    return app
