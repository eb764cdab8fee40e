"""What a node's roles serve, and where it listens there. Pure.

The ports are those of the roles in ansible/roles: on the node itself nothing is open to the world but SSH.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from chi_helpers.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Service:
    """One service of one node: what listens on the node's own 127.0.0.1."""

    name: str
    node: str
    port: int
    path: str = "/"
    """Of the page that a person would open."""


_OF_ROLES: Mapping[str, tuple[str, int, str]] = {
    "jupyter": ("jupyter", 8888, "/lab"),
    "mlflow": ("mlflow", 5000, "/"),
    "serving": ("serving", 8000, "/docs"),
    "monitoring": ("prometheus", 9090, "/alerts"),
    "ray": ("ray", 8265, "/"),
}
"""Role: (name of what it serves, port, page)."""
_PORTS = 65536
_ONCE = frozenset({"monitoring", "ray"})
"""Roles whose page is on the first of their nodes alone."""


def services(
    stacks: Mapping[str, Iterable[str]], options: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Service, ...]:
    """What the nodes serve. `stacks` are the nodes' roles, by the node's name, in the file's order.

    `options` are those of the lab's file: they may name other ports.
    """
    found: list[Service] = []
    served: set[str] = set()
    for role, (name, port, path) in _OF_ROLES.items():
        for node, roles in stacks.items():
            if role in roles and not (role in _ONCE and role in served):
                served.add(role)
                found.append(Service(name, node, _port(f"{role}_port", options, port), path))
    return tuple(found)


def _port(option: str, options: Mapping[str, Any], usual: int) -> int:
    value = options.get(option, usual)
    if isinstance(value, bool) or not str(value).isdecimal() or not 0 < int(value) < _PORTS:
        raise UsageError(f"options.{option} is {value!r}.", do="Give a TCP port, 1 to 65535.")
    return int(value)


def chosen(all_: tuple[Service, ...], names: Iterable[str]) -> tuple[Service, ...]:
    """Those of these names, or all where none is said. Raises `UsageError` for a name that no service has."""
    wanted = list(names)
    known = ", ".join(dict.fromkeys(service.name for service in all_))
    if not all_:
        raise UsageError(
            "No node of this lab serves anything.",
            do="Give a node a role such as jupyter or mlflow: `stack` in the lab's file.",
        )
    for name in wanted:
        if name not in {service.name for service in all_}:
            raise UsageError(f"No node of this lab serves {name}.", do=f"There is: {known}.")
    return tuple(service for service in all_ if not wanted or service.name in wanted)
