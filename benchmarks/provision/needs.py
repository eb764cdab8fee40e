"""What the roles of a stack install, read from the roles themselves. Pure, but for reading them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

_APT = "ansible.builtin.apt"
_INCLUDE = "ansible.builtin.include_role"
_PACKAGES = "packages"
"""The role that installs what others name."""
_CHOSEN = re.compile(r"{{ '[^']*' if \w+ else '([^']*)' }}")
"""A lock file that is another one on nodes with a GPU: the benchmark's have none."""
_ON_FIRST = {"monitoring": "prometheus"}
"""Role to the package that only the first of its nodes gets."""
_ALWAYS = frozenset({"ray"})
"""Roles with a firewall on one node, too."""
_ROLES = "site_roles"
"""The variable of site.yml that names the roles in the order of its plays."""


class CannotTellError(Exception):
    """What a role installs does not stand in its tasks."""


@dataclass(frozen=True, slots=True)
class Needs:
    debian: tuple[str, ...]
    """Names of packages."""
    environments: Mapping[str, str]
    """Environment to the text of its lock file, in the order in which they are made."""


def of_lab(ansible: Path, stacks: Mapping[str, Sequence[str]]) -> dict[str, Needs]:
    """What each node needs, by its name. Raises CannotTellError."""
    found: dict[str, Needs] = {}
    served: set[str] = set()
    for node, stack in stacks.items():
        needs = of_stack(ansible, stack, several=len(stacks) > 1)
        there = {name for role, name in _ON_FIRST.items() if role in served}
        found[node] = replace(needs, debian=tuple(name for name in needs.debian if name not in there))
        served |= set(stack)
    return found


def of_stack(ansible: Path, stack: Iterable[str], *, several: bool) -> Needs:
    """Read what these roles install; what they do for the lab's other nodes only where there are `several`.

    Raises CannotTellError for a role that chooses on the node.
    """
    wanted = set(stack)
    debian: dict[str, None] = {}
    environments: dict[str, str] = {}
    for role in order(yaml.safe_load((ansible / "site.yml").read_text())):
        if role not in wanted:
            continue
        for task in of_role(ansible, role, several=several or role in _ALWAYS):
            debian |= dict.fromkeys(packages(role, task))
            given = task.get("vars") or {}
            if name := given.get("python_environment"):
                lock = given["python_requirements"].replace("{{ playbook_dir }}", str(ansible))
                environments[name] = Path(_CHOSEN.sub(r"\1", lock)).read_text()
    return Needs(tuple(debian), environments)


def of_role(ansible: Path, role: str, *, several: bool) -> Iterator[Mapping[str, Any]]:
    """The role's tasks, and those of roles that it includes; the firewall's where there are `several`."""
    for file in sorted((ansible / "roles" / role / "tasks").glob("*.yml")):
        yield from of_file(ansible, file, several=several)


def of_file(ansible: Path, file: Path, *, several: bool) -> Iterator[Mapping[str, Any]]:
    """The file's tasks, and those of roles that it includes."""
    for task in tasks(yaml.safe_load(file.read_text()) or []):
        yield task
        other = task.get(_INCLUDE)
        if other and other["name"] != _PACKAGES and (several or other["name"] != "firewall"):
            part = ansible / "roles" / other["name"] / "tasks" / f"{other['tasks_from']}.yml"
            yield from of_file(ansible, part, several=several)


def order(plays: Sequence[Mapping[str, Any]]) -> list[str]:
    """The roles in the order in which the playbook applies them."""
    return next(play["vars"][_ROLES] for play in plays if _ROLES in (play.get("vars") or {}))


def tasks(found: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All tasks, those within blocks too."""
    for task in found:
        yield task
        yield from tasks(task.get("block") or ())


def packages(role: str, task: Mapping[str, Any]) -> list[str]:
    """Debian's packages that a task installs."""
    included = (task.get(_INCLUDE) or {}).get("name") == _PACKAGES
    given = task.get("vars") or {} if included else {}
    names = (task.get(_APT) or {}).get("name") or given.get("packages_names") or []
    names = [names] if isinstance(names, str) else names
    if templated := [name for name in names if "{{" in name]:
        raise CannotTellError(f"the role {role} names its packages on the node: {', '.join(templated)}")
    return list(names)


def pinned(lock: str) -> str:
    """The lock file's requirements, without hashes: as a course would write them down."""
    lines = (line.strip().removesuffix("\\").strip() for line in lock.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith(("#", "--hash")))


def pins(lock: str) -> dict[str, frozenset[str]]:
    """Name to versions: there are two where the lock file has one for older and one for newer Pythons."""
    found: dict[str, frozenset[str]] = {}
    for line in pinned(lock).splitlines():
        name, _, version = line.partition(";")[0].strip().partition("==")
        name = name.partition("[")[0]
        found[name] = found.get(name, frozenset()) | {version}
    return found
