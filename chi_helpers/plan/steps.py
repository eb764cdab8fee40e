"""The steps that a plan is made of: values that say what is to be done, and to what.

A step that finds its work done already carries the id of what it found, so that a plan also shows what it
keeps. Nothing here acts; `chi_helpers.apply` does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from chi_helpers.model.parts import Part
    from chi_helpers.model.wants import KeyPair, LeaseWant, ReservationWant


class Stage(StrEnum):
    """The parts of a lab's life, in order; `Lab` has a method for each."""

    RESERVE = "reserve"
    LAUNCH = "launch"
    ADDRESS = "address"
    TRUST = "trust"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `title` is what people read; `stage` says to which part of the lab's life it belongs."""

    stage: ClassVar[Stage]
    title: str


@dataclass(frozen=True, slots=True)
class UseKey(Step):
    """See that the site has the public key."""

    stage = Stage.RESERVE
    pair: KeyPair


@dataclass(frozen=True, slots=True)
class CreateLease(Step):
    stage = Stage.RESERVE
    want: LeaseWant


@dataclass(frozen=True, slots=True)
class AwaitLease(Step):
    """Wait until the lease is active; `lease_id` None: the one that this plan creates."""

    stage = Stage.RESERVE
    starts: datetime
    lease_id: str | None = None


@dataclass(frozen=True, slots=True)
class UseGroup(Step):
    """See that a security group exists, with exactly these TCP ports open."""

    stage = Stage.LAUNCH
    node: str
    """Whose it is; empty for the one of all the lab's nodes."""
    name: str
    ports: tuple[int, ...]
    group_id: str | None = None
    right: bool = False
    """It is as it should be."""
    peers: bool = False
    """Whether its members reach each other on every port."""


@dataclass(frozen=True, slots=True)
class CreateInstance(Step):
    stage = Stage.LAUNCH
    node: str
    name: str
    image: str
    network: str
    reserved: ReservationWant
    """Which of the lease's reservations it takes a place of."""


@dataclass(frozen=True, slots=True)
class AwaitInstance(Step):
    """Wait until the instance is active; `instance_id` None: the one that this plan creates."""

    stage = Stage.LAUNCH
    node: str
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class TerraformNode:
    """What Terraform makes of a node."""

    key: str
    name: str
    image: str
    floating_ip: bool
    ports: tuple[int, ...]
    reserved: ReservationWant
    boot_volume: int | None = None
    """GiB of the volume that it boots from; None: from its flavor's disk."""


@dataclass(frozen=True, slots=True)
class ApplyTerraform(Step):
    """Let Terraform make groups, ports, volumes, instances, addresses, and a network where one is wanted."""

    stage = Stage.LAUNCH
    name: str
    """The lease's."""
    nodes: tuple[TerraformNode, ...]
    shared: str
    private: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateStamp(Step):
    """Write the deadline of now on an instance that is kept: a reaper goes by it."""

    stage = Stage.LAUNCH
    node: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class CreateAddress(Step):
    stage = Stage.ADDRESS
    node: str


@dataclass(frozen=True, slots=True)
class UseAddress(Step):
    """See that an address that exists is bound to the node's instance."""

    stage = Stage.ADDRESS
    node: str
    address_id: str
    address: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class TrustHost(Step):
    """Learn the node's SSH host keys from its console, and wait until SSH answers."""

    stage = Stage.TRUST
    node: str
    bare_metal: bool = False
    jump: str | None = None
    """The node through which this one, which has no floating IP, is reached."""


@dataclass(frozen=True, slots=True)
class ReleaseAddress(Step):
    stage = Stage.DELETE
    address_id: str
    address: str


@dataclass(frozen=True, slots=True)
class DeleteInstance(Step):
    stage = Stage.DELETE
    instance_id: str
    name: str


@dataclass(frozen=True, slots=True)
class DeleteLease(Step):
    stage = Stage.DELETE
    lease_id: str
    name: str


@dataclass(frozen=True, slots=True)
class DestroyTerraform(Step):
    """Let Terraform delete what its state knows."""

    stage = Stage.DELETE


@dataclass(frozen=True, slots=True)
class DeletePart(Step):
    """Delete what Terraform made and its state does not know any more."""

    stage = Stage.DELETE
    part: Part


@dataclass(frozen=True, slots=True)
class DeleteGroup(Step):
    stage = Stage.DELETE
    group_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps for one lab of one owner at one site; it prints, compares and serialises."""

    lab: str
    owner: str
    site: str
    made: datetime
    """The site's clock when it was looked at."""
    steps: tuple[Step, ...]
    deadline: datetime | None = None
    """What the resources are stamped with; None where nothing is made."""
    left: tuple[str, ...] = ()
    """What is bound to the lab's things, and stays though the plan is carried out; with the reason."""
    notes: tuple[str, ...] = ()
    """What the reader should know besides, in sentences."""

    def __str__(self) -> str:
        lines = [f"{number}. {step.title}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([*lines, *self.notes]) or "Nothing to do."

    def of(self, *stages: Stage) -> tuple[Step, ...]:
        """Pick the steps of some stages."""
        return tuple(step for step in self.steps if step.stage in stages)

    def document(self) -> dict[str, Any]:
        """As JSON's own types."""
        return {
            "lab": self.lab,
            "owner": self.owner,
            "site": self.site,
            "made": self.made.isoformat(),
            "deadline": self.deadline.isoformat() if self.deadline else None,
            "left": list(self.left),
            "notes": list(self.notes),
            "steps": [{"kind": type(step).__name__, **_plain(asdict(step))} for step in self.steps],
        }


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(found) for key, found in value.items()}
        case list() | tuple():
            return [_plain(found) for found in value]
        case datetime():
            return value.isoformat()
        case PurePath():
            return str(value)
        case _:
            return value
