"""Which machines a new sandbox gets: containers where this computer can run them, else none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chi_helpers.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["podman", "none"]


@dataclass(frozen=True, slots=True)
class Choice:
    """`reason` says to a person what was chosen and why."""

    machines: Kind
    reason: str
    image: str = ""
    podman_args: tuple[str, ...] = ()


def choose(wanted: Kind | None, tell: Callable[[str], None]) -> Choice:
    """Decide, building the node image on the way.

    Raises SandboxError where `podman` is demanded and cannot be.
    """
    if wanted == "none":
        return Choice("none", "none, as asked: instances are records only, nothing answers behind an address")
    from chi_helpers.sandbox.machines import image, probe

    problem = probe.missing()
    if problem is None:
        name = image.ensure(tell)
        tell("trying to boot one")
        found = probe.probe(name)
        if found.ok:
            return Choice("podman", "Linux containers (podman)", name, found.podman_args)
        problem = found.advice()
    if wanted == "podman":
        raise SandboxError(f"This computer cannot run machines for a sandbox: {problem}")
    return Choice("none", f"NONE: no real machines here, instances are records only. {problem}")
