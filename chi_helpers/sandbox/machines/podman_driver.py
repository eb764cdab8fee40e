"""Nova virt driver whose instances are Linux system containers under podman.

podman keeps all state, as containers' labels; the driver keeps none, so that a restarted or killed
nova-compute finds its instances again. An image made from an instance is a token, without the disk.
Not offered: shelving, which would lose the disk so, resize and migration, rescue, and volumes.
"""

from __future__ import annotations

import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import nova.conf
from nova import context as nova_context
from nova import exception, objects
from nova.compute import power_state, task_states
from nova.objects import fields
from nova.virt import driver, hardware
from nova.virt import event as virtevent
from nova.virt import node as virt_node
from oslo_config import cfg
from oslo_log import log as logging

from chi_helpers.sandbox.errors import SandboxError
from chi_helpers.sandbox.machines import hosts, kernel, networks, seed, snapshots
from chi_helpers.sandbox.machines.events import Meaning, Watcher
from chi_helpers.sandbox.machines.guest import MACHINE, Blueprint, Guest, Size
from chi_helpers.sandbox.machines.podman import Podman, PodmanError

LOG = logging.getLogger(__name__)
CONF = nova.conf.CONF

OPTIONS = [
    cfg.StrOpt("site", default="sandbox", help="Label of this site's containers and networks."),
    cfg.StrOpt("image", help="Image of instances whose Glance image has no property podman_image."),
    cfg.MultiStrOpt("run_options", default=list(MACHINE), help="What makes a container a machine."),
    cfg.ListOpt("podman_args", default=[], help="Global options of podman, as the probe chose them."),
]
CONF.register_opts(OPTIONS, group="podman")

_STATES = {
    "running": power_state.RUNNING,
    "stopping": power_state.RUNNING,
    "paused": power_state.PAUSED,
    "created": power_state.SHUTDOWN,
    "configured": power_state.SHUTDOWN,
    "exited": power_state.SHUTDOWN,
    "stopped": power_state.SHUTDOWN,
}
_NO_VOLUMES = "The machines of this site (containers) take no volumes; those of `--machines none` do"
_SOFT = 30
"""Seconds that a guest has for a soft reboot's shutdown."""


class _Site:
    """What the drivers of all hosts in this process share."""

    drivers: ClassVar[dict[str, PodmanDriver]] = {}
    watcher: Watcher | None = None
    resuming = ThreadPoolExecutor(4, thread_name_prefix="resume")
    """A class's worth of machines would hold up Nova's start by minutes, one after the other."""

    @classmethod
    def join(cls, host: str, member: PodmanDriver) -> Watcher:
        cls.drivers[host] = member
        if cls.watcher is None:
            cls.watcher = Watcher(member.podman, cls.act)
            networks.keep_protected(member.podman)
        return cls.watcher

    @classmethod
    def act(cls, host: str, instance_uuid: str, meaning: Meaning) -> None:
        cls.drivers[host].react(instance_uuid, meaning)


class PodmanDriver(driver.ComputeDriver):
    """One per nova-compute service; each is one host of the site, with one node of the same name."""

    capabilities: ClassVar[dict[str, bool]] = {
        **driver.ComputeDriver.capabilities,
        "supports_attach_interface": True,
        "supports_image_type_raw": True,
        "supports_image_type_qcow2": True,
        "supports_image_type_docker": True,
    }

    # -- the host

    def init_host(self, host: str) -> None:
        """Take up the host's instances; remove containers of instances that Nova no longer knows.

        That has to come before Nova's own check, which refuses to start a new service that has
        instances already.
        """
        self.host = host
        self.described = hosts.read()[host]
        self.podman = Podman(CONF.podman.site, tuple(CONF.podman.podman_args))
        kernel.make_room()
        known = set(objects.InstanceList.get_uuids_by_host(nova_context.get_admin_context(), host))
        for orphan in set(self.list_instance_uuids()) - known:
            LOG.warning("Removing the container of unknown instance %s", orphan)
            self._guest(orphan).remove()
        self.watcher = _Site.join(host, self)

    def react(self, instance_uuid: str, meaning: Meaning) -> None:
        """Do what follows from a guest's own reboot or power-off."""
        if meaning is Meaning.REBOOT:
            self._start(instance_uuid)
        else:
            self.emit_event(virtevent.LifecycleEvent(instance_uuid, virtevent.EVENT_LIFECYCLE_STOPPED))

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        return [self.host]

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        return {self._node_uuid(): self.host}

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        return {
            "uuid": self._node_uuid(),
            "hypervisor_hostname": nodename,
            "hypervisor_type": "podman",
            "hypervisor_version": 1,
            "numa_topology": None,
            "vcpus": self.described.vcpus,
            "vcpus_used": 0,
            "memory_mb": self.described.memory_mb,
            "memory_mb_used": 0,
            "local_gb": self.described.local_gb,
            "local_gb_used": 0,
            "disk_available_least": self.described.local_gb,
            "cpu_info": hosts.cpu_info(),
            "supported_instances": [(fields.Architecture.from_host(), fields.HVType.LXC, fields.VMMode.EXE)],
        }

    def update_provider_tree(
        self, provider_tree: Any, nodename: str, allocations: dict[str, Any] | None = None
    ) -> None:
        ratios = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        hosts.provide(provider_tree, nodename, self.described, ratios)

    def get_host_uptime(self) -> str:
        return hosts.UPTIME

    def get_host_ip_addr(self) -> str:
        return str(CONF.my_ip)

    def get_volume_connector(self, instance: Any) -> dict[str, str]:
        return {"ip": CONF.my_ip, "initiator": "none", "host": self.host}

    def _node_uuid(self) -> str:
        return hosts.node_uuid(uuid.UUID(virt_node.read_local_node_uuid()), self.host)

    # -- the life of an instance

    def spawn(
        self,
        context: Any,
        instance: Any,
        image_meta: Any,
        injected_files: Any,
        admin_password: str | None,
        allocations: Any,
        network_info: Any = None,
        block_device_info: Any = None,
        power_on: bool = True,
        accel_info: Any = None,
    ) -> None:
        if driver.block_device_info_get_mapping(block_device_info):
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=_NO_VOLUMES)
        guest = self._guest(instance.uuid)
        seed.write(guest.seed, instance, injected_files, admin_password, network_info)
        made_from = Blueprint(
            host=self.host,
            name=instance.display_name or "",
            hostname=instance.hostname,
            image=instance.system_metadata.get("image_podman_image", CONF.podman.image),
            size=Size(instance.flavor.vcpus, instance.flavor.memory_mb),
            ports=tuple(networks.port(vif) for vif in network_info or ()),
            run_options=tuple(CONF.podman.run_options),
        )
        try:
            guest.create(made_from)
        except networks.SubnetTakenError as error:  # it is on every host, and the owner shall read why
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=str(error)) from error
        if power_on:
            self._start(instance.uuid)

    def destroy(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        self._remove(instance.uuid)

    def cleanup(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        migrate_data: Any = None,
        destroy_vifs: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        self._remove(instance.uuid)

    def power_off(self, instance: Any, timeout: int = 0, retry_interval: int = 0) -> None:
        self._stop(instance.uuid, timeout)

    def power_on(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        self._start(instance.uuid)

    def reboot(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        reboot_type: str,
        block_device_info: Any = None,
        bad_volumes_callback: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        self._stop(instance.uuid, 0 if reboot_type == "HARD" else _SOFT)
        self._start(instance.uuid)

    def resume_state_on_host_boot(
        self, context: Any, instance: Any, network_info: Any, share_info: Any, block_device_info: Any = None
    ) -> None:
        _Site.resuming.submit(self._resume, instance.uuid)

    def pause(self, instance: Any) -> None:
        self.podman.run("pause", self._guest(instance.uuid).name)

    def unpause(self, instance: Any) -> None:
        guest = self._guest(instance.uuid)
        if guest.state() == "paused":
            self.podman.run("unpause", guest.name)
        else:  # the sandbox was down meanwhile
            self._start(instance.uuid)

    def suspend(self, context: Any, instance: Any) -> None:
        """Freeze it; its memory stays where it is."""
        self.pause(instance)

    def resume(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        share_info: Any = None,
    ) -> None:
        self.unpause(instance)

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        """Make a token of the instance; refuse to shelve it."""
        if instance.task_state == task_states.SHELVING:  # Nova has stopped it for this
            self._start(instance.uuid)
            raise exception.NovaException("It would lose its disk, which is in no snapshot here.")
        snapshots.upload(context, instance, image_id, update_task_state)

    def get_device_name_for_instance(self, instance: Any, bdms: Any, block_device_obj: Any) -> str:
        """Refuse a volume: the one question about it that Nova asks before it answers its caller."""
        raise exception.InvalidInput(reason=_NO_VOLUMES)

    def _guest(self, instance_uuid: str) -> Guest:
        return Guest(self.podman, Path(CONF.instances_path), instance_uuid)

    def _start(self, instance_uuid: str) -> None:
        self.watcher.expect_life(instance_uuid)
        self._guest(instance_uuid).start()

    def _resume(self, instance_uuid: str) -> None:
        try:
            self._start(instance_uuid)
        except Exception:
            LOG.exception("Instance %s cannot be started again", instance_uuid)
            self.react(instance_uuid, Meaning.POWEROFF)

    def _stop(self, instance_uuid: str, timeout: int) -> None:
        guest = self._guest(instance_uuid)
        if guest.state() == "running":  # nothing will end otherwise
            self.watcher.expect_end(instance_uuid)
        guest.stop(timeout)

    def _remove(self, instance_uuid: str) -> None:
        self.watcher.expect_end(instance_uuid)
        self._guest(instance_uuid).remove()
        self.watcher.expect_life(instance_uuid)

    # -- what Nova asks

    def list_instance_uuids(self) -> list[str]:
        return self.podman.containers(host=self.host)

    def list_instances(self) -> list[str]:
        here = set(self.list_instance_uuids())
        known = objects.InstanceList.get_by_host(nova_context.get_admin_context(), self.host)
        return [instance.name for instance in known if instance.uuid in here]

    def instance_exists(self, instance: Any) -> bool:
        return self.podman.exists("container", self._guest(instance.uuid).name)

    def get_info(self, instance: Any, use_cache: bool = True) -> Any:
        try:
            state = self._guest(instance.uuid).state()
        except PodmanError as error:
            raise exception.InstanceNotFound(instance_id=instance.uuid) from error
        return hardware.InstanceInfo(state=_STATES.get(state, power_state.NOSTATE))

    def get_console_output(self, context: Any, instance: Any) -> bytes:
        return self._guest(instance.uuid).console()

    # -- interfaces

    def plug_vifs(self, instance: Any, network_info: Any) -> None:
        """Leave it to podman, which does it at every start."""

    def unplug_vifs(self, instance: Any, network_info: Any) -> None:
        """Leave it to podman, which does it at every stop."""

    def attach_interface(self, context: Any, instance: Any, image_meta: Any, vif: Any) -> None:
        try:
            self._guest(instance.uuid).attach(networks.port(vif))
        except (SandboxError, subprocess.CalledProcessError) as error:
            LOG.warning("Interface not attached: %s", error)
            raise exception.InterfaceAttachFailed(instance_uuid=instance.uuid) from error

    def detach_interface(self, context: Any, instance: Any, vif: Any) -> None:
        try:
            self._guest(instance.uuid).detach(networks.port(vif))
        except PodmanError as error:
            LOG.warning("Interface not detached: %s", error)
            raise exception.InterfaceDetachFailed(instance_uuid=instance.uuid) from error
