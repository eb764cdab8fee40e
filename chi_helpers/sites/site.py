"""`ChameleonSite`: the verbs of `Site` on a real site. Each only passes on to the module of its resource."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chi_helpers.model.resources import Snapshot
from chi_helpers.sites import addresses, catalog, clock, groups, instances, keypairs, leases, parts, volumes
from chi_helpers.sites.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chi_helpers.model.facts import Flavor, SiteFacts
    from chi_helpers.model.parts import Part
    from chi_helpers.model.resources import FloatingIPView, InstanceView, LeaseView, SecurityGroupView
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.model.volumes import VolumeView
    from chi_helpers.model.wants import InstanceWant, KeyPair, LeaseWant
    from chi_helpers.sites.session import Session


class ChameleonSite:
    """A Chameleon site, over OpenStack's APIs and python-chi."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def name(self) -> str:
        return self.session.credentials.region

    def facts(self, images: Iterable[str], *, node_types: bool) -> SiteFacts:
        return catalog.facts(self.session, images, node_types=node_types)

    def flavors(self) -> dict[str, Flavor]:
        return catalog.flavors(self.session)

    def images(self, names: Iterable[str]) -> dict[str, int]:
        return catalog.images(self.session, names)

    def disks(self, images: Iterable[str]) -> dict[str, int]:
        return catalog.disks(self.session, images)

    def networks(self) -> frozenset[str]:
        return catalog.networks(self.session)

    def snapshot(self, lab: str, owner: str, names: Iterable[str]) -> Snapshot:
        wanted = frozenset(names)
        found, date = leases.listed(self.session)

        def ours(stamp: Stamp | None) -> bool:
            return stamp is not None and stamp.lab == lab and stamp.owner == owner

        mine = [i for i in instances.listed(self.session) if ours(i.stamp) or i.name in wanted]
        fips = addresses.listed(self.session)
        ports = addresses.ports(self.session, frozenset(i.id for i in mine))
        stamped = {i.id for i in mine if ours(i.stamp)}
        # Neutron knows at once which address is whose; Nova's own list lags by some seconds.
        bound: dict[str, list[str]] = {}
        for fip in fips:
            if fip.port_id in ports:
                bound.setdefault(ports[fip.port_id], []).append(fip.address)
        return Snapshot(
            at=clock.read_date(date) or datetime.now(UTC),
            leases=tuple(lease for lease in found if lease.name in wanted),
            instances=tuple(replace(i, floating_ips=tuple(bound.get(i.id, ()))) for i in mine),
            # One that was bound to a lab's instance by hand carries no stamp, and must not be overlooked.
            floating_ips=tuple(f for f in fips if ours(f.stamp) or ports.get(f.port_id or "") in stamped),
            security_groups=tuple(g for g in groups.listed(self.session) if ours(g.stamp)),
            user_id=self.session.user_id,
        )

    def keypair(self) -> KeyPair:
        return keypairs.local()

    def keypair_at_site(self, name: str) -> str | None:
        return keypairs.at_site(self.session, name)

    def ensure_keypair(self, pair: KeyPair) -> bool:
        return keypairs.ensure(self.session, pair)

    def lease(self, lease_id: str) -> LeaseView | None:
        return leases.one(self.session, lease_id)

    def create_lease(self, want: LeaseWant) -> LeaseView:
        return leases.create(self.session, want)

    def delete_lease(self, lease_id: str) -> None:
        leases.delete(self.session, lease_id)

    def create_group(self, name: str, stamp: Stamp) -> SecurityGroupView:
        return groups.create(self.session, name, stamp)

    def set_ports(
        self, group_id: str, ports: Iterable[int], stamp: Stamp, *, peers: bool = False
    ) -> SecurityGroupView:
        return groups.set_ports(self.session, group_id, ports, stamp, peers=peers)

    def delete_group(self, group_id: str) -> None:
        groups.delete(self.session, group_id)

    def instance(self, instance_id: str) -> InstanceView | None:
        return instances.one(self.session, instance_id)

    def create_instance(self, want: InstanceWant) -> InstanceView:
        return instances.create(self.session, want)

    def stamp_instance(self, instance_id: str, stamp: Stamp) -> InstanceView:
        return instances.restamp(self.session, instance_id, stamp)

    def delete_instance(self, instance_id: str) -> None:
        instances.delete(self.session, instance_id)

    def console(self, instance_id: str) -> str:
        return instances.console(self.session, instance_id)

    def create_address(self, instance_id: str, stamp: Stamp) -> FloatingIPView:
        return addresses.create(self.session, instance_id, stamp)

    def attach_address(self, address_id: str, instance_id: str, stamp: Stamp) -> FloatingIPView:
        return addresses.attach(self.session, address_id, instance_id, stamp)

    def delete_address(self, address_id: str) -> None:
        addresses.delete(self.session, address_id)

    def parts(self, lab: str, owner: str) -> tuple[Part, ...]:
        return parts.listed(self.session, lab, owner)

    def volumes(self, lab: str, owner: str) -> tuple[VolumeView, ...] | None:
        return volumes.listed(self.session, lab, owner)

    def delete_part(self, part: Part) -> None:
        parts.delete(self.session, part)

    def environment(self) -> dict[str, str]:
        return environment(self.session)

    def chi_lease(self, lease_id: str) -> Any:
        return leases.as_chi(self.session, lease_id)

    def chi_server(self, instance: InstanceView, image: str, network: str) -> Any:
        return instances.as_chi(instance, image, network)
