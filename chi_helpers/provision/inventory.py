"""The Ansible inventory of a lab's nodes. Pure: nothing is read or written."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import LabSpec
from chi_helpers.provision.openssh import as_options, settings

GROUP = "lab"
"""The group that ansible/site.yml works on."""
FROM_THE_FILE: Mapping[str, str] = MappingProxyType(
    {
        "base_lab": "`lab`",
        "base_owner": "the owner's name",
        "base_deadline": "the end of `lease`",
        "base_warn": "`lifetime.warn`",
        "base_timezone": "`timezone`",
        "users_keys": "`people`",
    }
)
"""Options of roles that `base_variables` and `users_variables` set, and what they are in the lab's file."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Host:
    """A node that Ansible can reach by SSH. `known_hosts` must hold its keys already."""

    name: str
    address: str
    private_key: Path
    known_hosts: Path
    port: int = 22
    user: str = "cc"
    host_key_alias: str = ""
    """Under which name `known_hosts` holds the keys, where not under the address."""
    stack: tuple[str, ...] = ()
    """Roles to apply."""
    private_address: str = ""
    """Where the lab's other nodes reach it."""
    proxy: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """OpenSSH's setting that leads there through another node, where only that one reaches `address`."""
    variables: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Variables of this host alone; they win over the lab's."""


def away(name: str, stack: Iterable[str], private_address: str = "") -> Host:
    """A node that has no active instance just now. It keeps its place in the inventory, and its address.

    Or the others would be set up as if the lab had no database, or Ray another head.
    """
    return Host(
        name,
        "",
        Path(),
        Path(),
        stack=tuple(stack),
        private_address=private_address,
        variables={"lab_away": True},
    )


def base_variables(spec: LabSpec, owner: str, deadline: datetime) -> dict[str, Any]:
    """Variables of the role `base`, the same for all nodes of a lab. `deadline` must be aware."""
    if deadline.tzinfo is None:
        raise ValueError(f"deadline without a time zone: {deadline}")
    return {
        "base_lab": spec.lab,
        "base_owner": owner,
        "base_deadline": deadline.astimezone(UTC).isoformat(timespec="seconds"),
        "base_warn": [int(mark.total_seconds()) for mark in spec.lifetime.warn],
        "base_timezone": spec.timezone.key,
    }


def lab_variables(spec: LabSpec, owner: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Variables of every role. A task that uses one of `lab_secrets` says `no_log`."""
    return {"lab_name": spec.lab, "lab_owner": owner, "lab_secrets": dict(secrets)}


def users_variables(spec: LabSpec) -> dict[str, Any]:
    """Variables of the role `users`. None where the file names nobody: then the role's own default counts."""
    return {"users_keys": list(spec.people)} if spec.people else {}


def inventory(hosts: Iterable[Host], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Make the inventory, as Ansible's YAML plug-in reads it: one group, its hosts, its variables.

    Raises UsageError for two hosts of one name, or a name that Ansible would take for a pattern.
    """
    found: dict[str, Any] = {}
    for host in hosts:
        if not _NAME.fullmatch(host.name):
            raise UsageError(
                f"{host.name!r} cannot be a host in an Ansible inventory.",
                do="Use letters, digits, '-', '_' and '.' in the names of the lab's nodes.",
            )
        if host.name in found:
            raise UsageError(f"Two nodes are called {host.name}.", do="Give every node a name of its own.")
        found[host.name] = _host(host)
    return {GROUP: {"hosts": found, "vars": dict(variables)}}


def to_yaml(document: Mapping[str, Any]) -> str:
    """Write the inventory as YAML. Values are data: Ansible must not find templates in them."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=False)


def _host(host: Host) -> dict[str, Any]:
    return {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        # ansible-runner switches it off in the environment (config/runner.py), and OpenSSH takes the first of
        # two settings: without this the StrictHostKeyChecking below would come too late.
        "ansible_host_key_checking": True,
        "ansible_ssh_common_args": _ssh_arguments(host),
        "lab_stack": list(host.stack),
        "lab_private_address": host.private_address,
        **host.variables,
    }


def _ssh_arguments(host: Host) -> str:
    # The key is among the settings: Ansible's own variable for it goes to ssh without an escape for % and ".
    options = {**settings(host.known_hosts, host.private_key), "BatchMode": "yes", **host.proxy}
    if host.host_key_alias:
        options["HostKeyAlias"] = host.host_key_alias
    return shlex.join(as_options(options))


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # `!unsafe` is Ansible's own tag for text that is not a template.
    tag = "!unsafe" if "{{" in text or "{%" in text or "{#" in text else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, text)


_Dumper.add_representer(str, _text)
