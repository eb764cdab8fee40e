"""A site in memory with the verbs of `chi_helpers.sites.protocol.Site`; the contract tests keep it honest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from chi_helpers.model.facts import Flavor, Quota, SiteFacts
from chi_helpers.model.parts import Part
from chi_helpers.model.resources import (
    FloatingIPView,
    InstanceView,
    LeaseView,
    ReservationView,
    SecurityGroupView,
    Snapshot,
)
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.volumes import VolumeView
from chi_helpers.model.wants import InstanceWant, KeyPair, LeaseWant

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH"
CONSOLE = (
    f"boot\n-----BEGIN SSH HOST KEY KEYS-----\n{HOST_KEY} root@n\n-----END SSH HOST KEY KEYS-----\nlogin: "
)
NOW = datetime(2026, 3, 2, 15, 0, 20, tzinfo=UTC)
FLAVORS = {
    "m1.tiny": Flavor("1", "m1.tiny", 1, 512, 1),
    "m1.small": Flavor("2", "m1.small", 1, 2048, 20),
    "m1.medium": Flavor("3", "m1.medium", 2, 4096, 40),
}


class FakeSite:
    """Leases become active and instances ACTIVE at the second look. `fail[verb]` is raised, once each."""

    def __init__(self, name: str = "CHI@Fake", now: datetime = NOW) -> None:
        self.name = name
        self.now = now
        self.user_id = "user-1"
        self.leases: dict[str, LeaseView] = {}
        self.instances: dict[str, InstanceView] = {}
        self.addresses: dict[str, FloatingIPView] = {}
        self.groups: dict[str, SecurityGroupView] = {}
        self.keys: dict[str, str] = {}
        self.in_group: dict[str, tuple[str, ...]] = {}
        """Instance -> its groups."""
        self.of_reservation: dict[str, str] = {}
        """Instance -> its reservation."""
        self.pair = KeyPair("me", Path("/nowhere/id"), PUBLIC_KEY)
        self.fail: dict[str, list[Exception]] = {}
        self.calls: Counter[str] = Counter()
        self.console_text = CONSOLE
        self.image_counts = {"CC-Ubuntu24.04": 1}
        self.image_disk = 1
        """GiB."""
        self.lab_volumes: tuple[VolumeView, ...] | None = ()
        self.quotas: dict[str, Quota] = {}
        self.skew = timedelta(0)
        self.restricted = False
        self._number = count(1)
        self._fixed = count(2)

    def _called(self, verb: str) -> None:
        self.calls[verb] += 1
        if self.fail.get(verb):
            raise self.fail[verb].pop(0)

    def _id(self, kind: str) -> str:
        return f"{kind}-{next(self._number)}"

    def facts(self, images: Iterable[str], *, node_types: bool) -> SiteFacts:
        self._called("facts")
        return SiteFacts(
            source="a test",
            user="sam",
            project="CHI-1",
            skew=self.skew,
            restricted=self.restricted,
            flavors=FLAVORS,
            images=self.images(images),
            networks=self.networks(),
            node_types=frozenset({"gpu_a100_pcie"}) if node_types else None,
            quotas=self.quotas,
        )

    def flavors(self) -> dict[str, Flavor]:
        return dict(FLAVORS)

    def images(self, names: Iterable[str]) -> dict[str, int]:
        return {name: self.image_counts.get(name, 0) for name in names}

    def disks(self, images: Iterable[str]) -> dict[str, int]:
        return {name: self.image_disk for name in images if self.image_counts.get(name)}

    def networks(self) -> frozenset[str]:
        return frozenset({"sharednet1"})

    def snapshot(self, lab: str, owner: str, names: Iterable[str]) -> Snapshot:
        self._called("snapshot")
        wanted = set(names)

        def ours(stamp: Stamp | None) -> bool:
            return stamp is not None and (stamp.lab, stamp.owner) == (lab, owner)

        on_ours = {f"port-{i.id}" for i in self.instances.values() if ours(i.stamp)}
        bound = {f.port_id: f.address for f in self.addresses.values()}
        return Snapshot(
            self.now,
            tuple(x for x in self.leases.values() if x.name in wanted),
            tuple(
                replace(i, floating_ips=(bound[f"port-{i.id}"],) if f"port-{i.id}" in bound else ())
                for i in self.instances.values()
                if ours(i.stamp) or i.name in wanted
            ),
            tuple(f for f in self.addresses.values() if ours(f.stamp) or f.port_id in on_ours),
            tuple(g for g in self.groups.values() if ours(g.stamp)),
            self.user_id,
        )

    def keypair(self) -> KeyPair:
        return self.pair

    def keypair_at_site(self, name: str) -> str | None:
        return self.keys.get(name)

    def ensure_keypair(self, pair: KeyPair) -> bool:
        self._called("ensure_keypair")
        new = pair.name not in self.keys
        self.keys.setdefault(pair.name, pair.public_key)
        return new

    def lease(self, lease_id: str) -> LeaseView | None:
        self._called("lease")
        found = self.leases.get(lease_id)
        if found is not None and found.status == "PENDING" and found.start <= self.now:
            self.leases[lease_id] = replace(found, status="ACTIVE")
        return found

    def create_lease(self, want: LeaseWant) -> LeaseView:
        self._called("create_lease")
        made = LeaseView(
            self._id("lease"),
            want.name,
            "PENDING",
            self.user_id,
            (want.start or self.now).replace(second=0, microsecond=0),
            want.end.replace(second=0, microsecond=0),
            tuple(
                ReservationView(
                    self._id("reservation"),
                    "flavor:instance" if r.flavor_id else "physical:host",
                    r.amount,
                    "pending",
                    r.flavor_id,
                    "" if r.flavor_id else f'["==", "$node_type", "{r.node_type}"]',
                )
                for r in want.reservations
            ),
        )
        self.leases[made.id] = made
        return made

    def delete_lease(self, lease_id: str) -> None:
        self._called("delete_lease")
        lease = self.leases.pop(lease_id, None)
        # Blazar deletes the instances of a lease with it; addresses and groups stay.
        reservations = {r.id for r in lease.reservations} if lease else set()
        for instance in [i for i, r in self.of_reservation.items() if r in reservations]:
            self._vanish(instance)

    def end_lease(self, lease_id: str, *, instances_stay: bool = False) -> None:
        """The lease's time is over: Blazar takes its instances, unless Nova fails it, and keeps its name."""
        over = replace(self.leases[lease_id], status="TERMINATED")
        if not instances_stay:
            self.delete_lease(lease_id)
        self.leases[lease_id] = over

    def create_group(self, name: str, stamp: Stamp) -> SecurityGroupView:
        self._called("create_group")
        made = SecurityGroupView(self._id("group"), name, stamp)
        self.groups[made.id] = made
        return made

    def set_ports(
        self, group_id: str, ports: Iterable[int], stamp: Stamp, *, peers: bool = False
    ) -> SecurityGroupView:
        self._called("set_ports")
        self.groups[group_id] = replace(
            self.groups[group_id], tcp_ports=frozenset(ports), stamp=stamp, others=0, peers=peers
        )
        return self.groups[group_id]

    def delete_group(self, group_id: str) -> None:
        self._called("delete_group")
        assert not any(group_id in groups for groups in self.in_group.values()), (
            "Neutron refuses: the group is in use"
        )
        self.groups.pop(group_id, None)

    def instance(self, instance_id: str) -> InstanceView | None:
        self._called("instance")
        found = self.instances.get(instance_id)
        if found is not None and found.status == "BUILD":
            self.instances[instance_id] = replace(found, status="ACTIVE")
        return found

    def create_instance(self, want: InstanceWant) -> InstanceView:
        self._called("create_instance")
        lease = next(x for x in self.leases.values() if want.reservation_id in {r.id for r in x.reservations})
        amount = next(r.amount for r in lease.reservations if r.id == want.reservation_id)
        taken = sum(r == want.reservation_id for r in self.of_reservation.values())
        fits = taken < amount
        made = InstanceView(
            self._id("instance"),
            want.name,
            "BUILD" if fits else "ERROR",
            self.user_id,
            self.now,
            want.stamp,
            addresses=(f"10.0.0.{next(self._fixed)}",) if fits else (),
            key_name=want.key_name,
            fault="" if fits else "No valid host was found.",
        )
        self.instances[made.id] = made
        self.in_group[made.id] = want.group_ids
        self.of_reservation[made.id] = want.reservation_id
        return made

    def stamp_instance(self, instance_id: str, stamp: Stamp) -> InstanceView:
        self._called("stamp_instance")
        assert self.instances[instance_id].status == "ACTIVE", "Nova refuses while it builds"
        self.instances[instance_id] = replace(self.instances[instance_id], stamp=stamp)
        return self.instances[instance_id]

    def delete_instance(self, instance_id: str) -> None:
        self._called("delete_instance")
        self._vanish(instance_id)

    def _vanish(self, instance_id: str) -> None:
        for store in (self.instances, self.in_group, self.of_reservation):
            store.pop(instance_id, None)
        for fip in self.addresses.values():
            if fip.port_id == f"port-{instance_id}":
                self.addresses[fip.id] = replace(fip, port_id=None, status="DOWN")

    def console(self, instance_id: str) -> str:  # noqa: ARG002
        self._called("console")
        return self.console_text

    def create_address(self, instance_id: str, stamp: Stamp) -> FloatingIPView:
        self._called("create_address")
        number = next(self._number)
        made = FloatingIPView(f"fip-{number}", f"192.0.2.{number}", f"port-{instance_id}", stamp, "ACTIVE")
        self.addresses[made.id] = made
        return made

    def attach_address(self, address_id: str, instance_id: str, stamp: Stamp) -> FloatingIPView:
        self._called("attach_address")
        self.addresses[address_id] = replace(
            self.addresses[address_id], port_id=f"port-{instance_id}", stamp=stamp
        )
        return self.addresses[address_id]

    def delete_address(self, address_id: str) -> None:
        self._called("delete_address")
        self.addresses.pop(address_id, None)

    def parts(self, lab: str, owner: str) -> tuple[Part, ...]:  # noqa: ARG002
        self._called("parts")
        return ()

    def volumes(self, lab: str, owner: str) -> tuple[VolumeView, ...] | None:  # noqa: ARG002
        self._called("volumes")
        return self.lab_volumes

    def delete_part(self, part: Part) -> None:  # noqa: ARG002
        self._called("delete_part")

    def environment(self) -> dict[str, str]:
        return {}

    def chi_lease(self, lease_id: str) -> Any:
        return self.leases[lease_id]

    def chi_server(self, instance: InstanceView, image: str, network: str) -> Any:  # noqa: ARG002
        return instance
