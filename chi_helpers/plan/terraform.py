"""The part of giving a lab back that is about Terraform. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chi_helpers.model.parts import DELETABLE
from chi_helpers.plan.steps import DeleteGroup, DeletePart, DestroyTerraform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chi_helpers.model.parts import Part
    from chi_helpers.plan.steps import Plan


def with_terraform(plan: Plan, parts: Iterable[Part]) -> Plan:
    """The same plan, with Terraform first, and after the instances what only Terraform makes, `parts`.

    What went with Terraform is gone when its own step comes: that is no error. So what the state does not
    know, or Terraform could not delete, goes all the same.
    """
    ends = [DeletePart(f"delete {part.kind} {part.name}", part) for part in deletable(parts)]
    groups = [step for step in plan.steps if isinstance(step, DeleteGroup)]
    others = [step for step in plan.steps if step not in groups]
    destroy = DestroyTerraform("terraform destroy")
    return replace(plan, steps=(destroy, *others, *ends, *groups))


def deletable(parts: Iterable[Part]) -> list[Part]:
    """Those that go by themselves, in the order in which they can."""
    chosen = [part for part in parts if part.kind in DELETABLE]
    return sorted(chosen, key=lambda part: DELETABLE.index(part.kind))
