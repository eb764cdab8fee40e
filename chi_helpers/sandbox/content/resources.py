"""Flavors, images, networks and reservable hosts, named and sized as on Chameleon.

Flavors: Chameleon documentation, "Reservations, CLI" and "KVM hardware"; images CC-*; networks
`public` and `sharednet1`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from keystoneauth1.adapter import Adapter

from chi_helpers.sandbox.content import connection
from chi_helpers.sandbox.description import Description
from chi_helpers.sandbox.errors import SandboxError
from chi_helpers.sandbox.hosts import Host, hosts_of

_KVM_ONLY = {"trait:CUSTOM_CHI_KVM": "required"}
_NO_CPU = {"resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"}
_FLAVORS: tuple[tuple[str, str, int, int, int, dict[str, str]], ...] = (
    # id, name, MiB, GiB, vCPUs, extra specs
    ("1", "m1.tiny", 512, 1, 1, _KVM_ONLY),
    ("2", "m1.small", 2048, 20, 1, _KVM_ONLY),
    ("3", "m1.medium", 4096, 40, 2, _KVM_ONLY),
    ("4", "m1.large", 8192, 40, 4, _KVM_ONLY),
    ("5", "m1.xlarge", 16384, 40, 8, _KVM_ONLY),
    ("6", "m1.xxlarge", 32768, 40, 16, _KVM_ONLY),
    ("7", "g1.h100.pci.1", 256000, 40, 48, {**_KVM_ONLY, "resources:CUSTOM_GPU_H100": "1"}),
    # Members may not boot a flavor without a disk (nova/compute/api.py): 20 GiB, not 0.
    ("baremetal", "baremetal", 1, 20, 1, {**_NO_CPU, "resources:CUSTOM_BAREMETAL": "1"}),
)
_IMAGES = ("CC-Ubuntu24.04", "CC-Ubuntu24.04-CUDA", "CC-Ubuntu22.04")
_PATIENCE = 120.0


def create(site: Description) -> None:
    """Needs every service. The parts are independent, and the services answer side by side."""
    cloud = connection.admin(site)
    cloud.session.get_token()  # once, rather than by every thread
    hosts = hosts_of(site.kvm_hosts)
    with ThreadPoolExecutor(4) as pool:
        parts = [
            pool.submit(part)
            for part in (
                lambda: _addresses(site, cloud),
                lambda: _flavors(cloud),
                lambda: _images(site, cloud),
                lambda: _reservable_hosts(site, cloud, hosts),
            )
        ]
    for part in parts:
        part.result()


def _addresses(site: Description, cloud: Any) -> None:
    _networks(site, cloud)
    _reservable_floating_ips(site, cloud)


def _flavors(cloud: Any) -> None:
    known = {flavor.name: flavor for flavor in cloud.compute.flavors()}
    for identifier, name, ram, disk, vcpus, specs in _FLAVORS:
        flavor = known.get(name) or cloud.compute.create_flavor(
            id=identifier, name=name, ram=ram, disk=disk, vcpus=vcpus
        )
        # Always: a first start may have been killed between the two.
        cloud.compute.create_flavor_extra_specs(flavor, specs)


def _images(site: Description, cloud: Any) -> None:
    known = {}
    for image in cloud.image.images():
        if image.status == "active":
            known[image.name] = image
        else:  # a first start was killed while it was uploaded
            cloud.image.delete_image(image)
    properties = {"podman_image": site.image} if site.image else {}
    for name in _IMAGES:
        if name not in known:
            cloud.image.create_image(
                name,
                # The machine's disk is the node image; what Glance holds is a token of it.
                data=json.dumps({"image": name, "node": site.image or "none"}).encode().ljust(1024),
                disk_format="raw",
                container_format="bare",
                visibility="public",
                os_distro="ubuntu",
                min_disk=1,
                **properties,
            )


def _networks(site: Description, cloud: Any) -> None:
    network, addresses = cloud.network, site.addresses
    public = network.find_network("public") or network.create_network(
        name="public",
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network="public",
    )
    first, last = addresses.floating_pool
    if not network.find_subnet("public-subnet"):
        network.create_subnet(
            network_id=public.id,
            name="public-subnet",
            ip_version=4,
            cidr=addresses.public_cidr,
            # Blazar parses the gateway of a floating network and fails on one without.
            gateway_ip=addresses.public_gateway,
            allocation_pools=[{"start": first, "end": last}],
            is_dhcp_enabled=False,  # refused on loopback
        )
    shared = network.find_network("sharednet1") or network.create_network(name="sharednet1", is_shared=True)
    subnet = network.find_subnet("sharednet1-subnet") or network.create_subnet(
        network_id=shared.id, name="sharednet1-subnet", ip_version=4, cidr=addresses.shared_cidr
    )
    router = network.find_router("sharednet1-router") or network.create_router(
        name="sharednet1-router", external_gateway_info={"network_id": public.id}
    )
    inside = network.ports(device_id=router.id, network_id=shared.id)
    if not list(inside):
        network.add_interface_to_router(router, subnet_id=subnet.id)


def _reservable_hosts(site: Description, cloud: Any, hosts: dict[str, Host]) -> None:
    if not cloud.compute.find_aggregate("freepool"):
        cloud.compute.create_aggregate(name="freepool")
    _until(lambda: len(list(cloud.compute.hypervisors())) >= len(hosts), "every host to report to Nova")
    blazar = _blazar(site, cloud)
    known = {host["hypervisor_hostname"] for host in blazar.get("/os-hosts").json()["hosts"]}
    for name, host in hosts.items():
        if name in known:
            continue
        body = {"name": name, "node_type": host.node_type, "node_name": name, "uid": name}
        if host.gpu_model:
            body["gpu_model"] = host.gpu_model
        _post(blazar, "/os-hosts", body)


def _reservable_floating_ips(site: Description, cloud: Any) -> None:
    blazar = _blazar(site, cloud)
    public = cloud.network.find_network("public")
    known = {one["floating_ip_address"] for one in blazar.get("/floatingips").json()["floatingips"]}
    for address in site.addresses.reservable_floating_ips:
        if address not in known:
            _post(
                blazar,
                "/floatingips",
                {"floating_network_id": public.id, "floating_ip_address": address},
            )


def _blazar(site: Description, cloud: Any) -> Adapter:
    return Adapter(cloud.session, service_type="reservation", region_name=site.region, interface="public")


def _post(blazar: Adapter, path: str, body: dict[str, Any]) -> None:
    """POST until it works: a host that has just come up may not be in Placement yet."""
    answers: list[str] = []

    def done() -> bool:
        answer = blazar.post(path, json=body, raise_exc=False)
        answers.append(f"{answer.status_code} {answer.text[:300]}")
        return bool(answer.ok)

    _until(done, f"Blazar to take {body}", lambda: answers[-1])


def _until(done: Callable[[], bool], what: str, detail: Callable[[], str] = lambda: "") -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SandboxError(f"Waited {_PATIENCE:g} s for {what}. {detail()}")
        time.sleep(0.3)
