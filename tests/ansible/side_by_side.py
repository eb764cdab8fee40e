"""Many hosts in one run of a playbook, one for each case: Ansible's start takes longer than a role that refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.ansible.test_content import ansible


def host_of(case: str) -> str:
    """Return the name of the host that plays the case."""
    return re.sub(r"\W+", "-", case)


def refusals(
    folder: Path, playbook: str, group: str, cases: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, str], str]:
    """Run the playbook over one host for each case, with the case's variables; return what was said of each, and of all.

    The hosts are this computer, in check mode, for whatever gets through must not touch it. What is said of a
    case is the title of the task that failed, the failure, and the counts at the end, in words one blank apart.
    """
    local = {"ansible_connection": "local", "ansible_become": False}
    hosts = folder / "hosts.yml"
    hosts.write_text(
        yaml.safe_dump({group: {"hosts": {host_of(case): {**local, **cases[case]} for case in cases}}})
    )
    done = ansible("ansible-playbook", "--check", "-i", str(hosts), playbook, folder=folder)
    assert done.returncode == 2, done.stdout + done.stderr
    said = {host_of(case): "" for case in cases}
    title = ""
    for line in [*done.stdout.splitlines(), *done.stderr.splitlines()]:
        if line.startswith(("TASK [", "RUNNING HANDLER [")):
            title = line
        found = re.match(r"(?:fatal|failed): \[([\w-]+)\]|([\w-]+) +: ok=", line)
        if found and (host := found[1] or found[2]) in said:
            said[host] += f"{title if found[1] else ''} {line} "
    return {case: " ".join(said[host_of(case)].split()) for case in cases}, done.stdout + done.stderr
