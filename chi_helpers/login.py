"""How to log in to a lab's nodes: keys, host keys, and through which node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chi_helpers.apply.known_hosts import knows
from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import USER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from chi_helpers.model.lab import NodeSpec
    from chi_helpers.model.resources import InstanceView
    from chi_helpers.provision import Host


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in to a node; the host key is in `known_hosts`, and only there."""

    node: str
    address: str
    private_key: Path
    known_hosts: Path
    user: str = USER
    private_address: str = ""
    """Where the lab's other nodes reach it."""
    jump: Login | None = None
    """The node through which it is reached: it has no floating IP, and `address` is the private one."""

    @property
    def destination(self) -> str:
        return f"{self.user}@{self.address}"

    def settings(self, *, batch: bool = False) -> dict[str, str]:
        """OpenSSH's settings to reach the node and verify its host key; with `batch` nobody is asked."""
        from chi_helpers.provision.openssh import settings

        own = settings(self.known_hosts, self.private_key)
        return {**own, **({"BatchMode": "yes"} if batch else {}), **self.proxy(batch=batch)}

    def proxy(self, *, batch: bool) -> dict[str, str]:
        """OpenSSH's setting that leads through `jump`; empty where the node is reached directly."""
        from chi_helpers.provision.openssh import through

        return {} if self.jump is None else through(self.jump.settings(batch=batch), self.jump.destination)

    def require_key(self) -> None:
        """Raise `UsageError` where no host key of the node is known: OpenSSH's own words do not help.

        Nor of the one that it is reached through.
        """
        if self.jump is not None:
            self.jump.require_key()
        if not knows(self.known_hosts, self.address):
            raise UsageError(
                f"The SSH host key of {self.node} ({self.address}) is not in {self.known_hosts}.",
                do="Learn it from the site: run `chi-lab up`.",
            )

    def host(self, stack: Sequence[str]) -> Host:
        """The same for Ansible, which nobody can answer."""
        from chi_helpers.provision import Host

        return Host(
            self.node,
            self.address,
            self.private_key,
            self.known_hosts,
            user=self.user,
            stack=tuple(stack),
            private_address=self.private_address,
            proxy=self.proxy(batch=True),
        )


def logins(
    instances: Mapping[str, InstanceView], *, private_key: Path, known_hosts: Path, jump: NodeSpec | None
) -> tuple[Login, ...]:
    """How to log in to `instances`, by the node's name: those that are reached; empty where none is.

    One without a floating IP is reached through `jump`, or through the first that has one.
    """

    def login(node: str, address: str, through: Login | None = None) -> Login:
        private = next(iter(instances[node].addresses), "")
        return Login(node, address, private_key, known_hosts, private_address=private, jump=through)

    found = {node: login(node, i.floating_ips[0]) for node, i in instances.items() if i.floating_ips}
    if not found:
        return ()
    through = found.get(jump.key if jump else "", next(iter(found.values())))
    for node, instance in instances.items():
        if node not in found and instance.addresses:
            found[node] = login(node, instance.addresses[0], through)
    return tuple(found[node] for node in instances if node in found)
