"""The verbs by which the kit acts on a site. `ChameleonSite` is the real one; tests have one in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chi_helpers.model.facts import Flavor, SiteFacts
    from chi_helpers.model.parts import Part
    from chi_helpers.model.resources import (
        FloatingIPView,
        InstanceView,
        LeaseView,
        SecurityGroupView,
        Snapshot,
    )
    from chi_helpers.model.stamp import Stamp
    from chi_helpers.model.volumes import VolumeView
    from chi_helpers.model.wants import InstanceWant, KeyPair, LeaseWant


class Site(Protocol):
    """One Chameleon site, seen by one user in one project.

    Looking verbs return None for what does not exist. Creating verbs make one thing, stamped in the call that
    makes it, and after a lost answer look instead of asking again. Deleting verbs return when the site says
    that the thing is gone, also where it was gone before. All raise `SiteError`.
    """

    @property
    def name(self) -> str:
        """Such as `KVM@TACC`."""

    def facts(self, images: Iterable[str], *, node_types: bool) -> SiteFacts: ...
    def flavors(self) -> dict[str, Flavor]: ...
    def images(self, names: Iterable[str]) -> dict[str, int]:
        """How many images have each of these names."""

    def disks(self, images: Iterable[str]) -> dict[str, int]:
        """GiB that a disk must have to hold each of these images; what the site does not have is left out."""

    def networks(self) -> frozenset[str]: ...
    def snapshot(self, lab: str, owner: str, names: Iterable[str]) -> Snapshot:
        """Everything of one lab and owner: by stamp, or by one of the exact `names`.

        Floating IPs that are bound to an instance with the stamp are shown, whatever they carry themselves.
        """

    def keypair(self) -> KeyPair:
        """Find the key pair of this machine; the site is not asked."""

    def keypair_at_site(self, name: str) -> str | None: ...
    def ensure_keypair(self, pair: KeyPair) -> bool: ...

    def lease(self, lease_id: str) -> LeaseView | None: ...
    def create_lease(self, want: LeaseWant) -> LeaseView: ...
    def delete_lease(self, lease_id: str) -> None: ...

    def create_group(self, name: str, stamp: Stamp) -> SecurityGroupView: ...
    def set_ports(
        self, group_id: str, ports: Iterable[int], stamp: Stamp, *, peers: bool = False
    ) -> SecurityGroupView:
        """Let exactly these TCP ports in, and renew the stamp; `peers`: and all, from the group's members.

        May be repeated.
        """

    def delete_group(self, group_id: str) -> None: ...

    def instance(self, instance_id: str) -> InstanceView | None: ...
    def create_instance(self, want: InstanceWant) -> InstanceView: ...
    def stamp_instance(self, instance_id: str, stamp: Stamp) -> InstanceView:
        """Renew the stamp of an instance that exists. May be repeated."""

    def delete_instance(self, instance_id: str) -> None: ...
    def console(self, instance_id: str) -> str: ...

    def create_address(self, instance_id: str, stamp: Stamp) -> FloatingIPView: ...
    def attach_address(self, address_id: str, instance_id: str, stamp: Stamp) -> FloatingIPView:
        """Bind an address that exists, and renew its stamp. May be repeated."""

    def delete_address(self, address_id: str) -> None: ...

    def parts(self, lab: str, owner: str) -> tuple[Part, ...]:
        """Everything of the lab that carries its stamp, of every kind that Terraform makes."""

    def volumes(self, lab: str, owner: str) -> tuple[VolumeView, ...] | None:
        """The lab's volumes, by stamp; None where the site has no block storage."""

    def delete_part(self, part: Part) -> None: ...
    def environment(self) -> dict[str, str]:
        """Variables with which another program logs in as this session did, and no other way."""

    def chi_lease(self, lease_id: str) -> Any:
        """python-chi's `chi.lease.Lease`."""

    def chi_server(self, instance: InstanceView, image: str, network: str) -> Any:
        """python-chi's `chi.server.Server`."""
