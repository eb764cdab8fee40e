"""What a lab's file may say, and this version of the kit cannot do yet: refused, not ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chi_helpers.model.lab import LabSpec


def unbuilt(spec: LabSpec) -> str | None:
    """Say what the file asks for in vain, and what to do; None where there is nothing."""
    if spec.network.private is not None and spec.launch != "terraform":
        return (
            "`network.private` needs `launch: terraform`, which makes the network. "
            "Add that, or leave it out: the shared network joins the nodes."
        )
    return None
