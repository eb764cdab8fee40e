"""The documents that the reference API serves (see `serve.reference`)."""

from __future__ import annotations

from typing import Any

from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.hosts import Host


def documents(site: Description, hosts: dict[str, Host]) -> dict[str, Any]:
    """`{path: document}`: the list of sites, and this site's nodes.

    The keys are those that python-chi 1.2.10 reads (chi/context.py, chi/hardware.py): a site
    needs `name`, `web`, `location`, `user_support_contact` and `site_class`.
    """
    short = site.region.split("@")[-1].lower()
    about = {
        "uid": short,
        "name": site.region,
        "web": f"http://{site.addresses.api}",
        "location": "this machine",
        "user_support_contact": "whoever started this sandbox",
        "site_class": "baremetal",
        "description": "A Chameleon-like site on one machine",
        "type": "site",
        "links": [],
    }
    return {
        "sites.json": {"items": [about], "total": 1, "offset": 0},
        f"sites/{short}/clusters/chameleon/nodes.json": {
            "items": [_node(name, host) for name, host in hosts.items()],
            "total": len(hosts),
            "offset": 0,
        },
    }


def _node(name: str, host: Host) -> dict[str, Any]:
    return {
        "uid": name,
        "node_name": name,
        "node_type": host.node_type,
        "architecture": {"platform_type": "x86_64", "smp_size": 2, "smt_size": host.vcpus},
        "bios": {"release_date": "01/01/2024", "vendor": "Sandbox", "version": "1.0"},
        "chassis": {"manufacturer": "Sandbox", "name": "simulated", "serial": name},
        "gpu": {"gpu": bool(host.gpus), "gpu_count": host.gpus, "gpu_model": host.gpu_model or None},
        "main_memory": {
            "humanized_ram_size": f"{host.memory_mb // 1024} GiB",
            "ram_size": host.memory_mb * 2**20,
        },
        "network_adapters": [
            {
                "device": "eno1",
                "enabled": True,
                "rate": 10**10,
                "mac": "02:00:00:00:00:01",
                "interface": "Ethernet",
                "driver": "simulated",
            }
        ],
        "placement": {"node": 1, "rack": 1},
        "processor": {
            "clock_speed": 2_400_000_000,
            "instruction_set": "x86-64",
            "model": "Sandbox",
            "vendor": "Sandbox",
            "version": "0",
            "cache_l1": None,
            "cache_l1d": 2**15,
            "cache_l1i": 2**15,
            "cache_l2": 2**20,
            "cache_l3": 2**25,
            "other_description": "",
        },
        "storage_devices": [
            {
                "device": "sda",
                "humanized_size": f"{host.local_gb} GB",
                "size": host.local_gb * 10**9,
                "interface": "SATA",
                "media_type": "SSD",
                "model": "simulated",
                "vendor": "Sandbox",
                "rev": "0",
                "serial": name,
                "driver": "simulated",
            }
        ],
        "supported_job_types": {"besteffort": False, "deploy": True, "virtual": "ivt"},
        "type": "node",
        "version": "1",
        "links": [],
    }
