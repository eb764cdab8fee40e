"""Apply each node's stack of roles, and say what became of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from chi_helpers.model.lab import LabSpec
from chi_helpers.model.outcome import Progress, Silent
from chi_helpers.provision.content import checked
from chi_helpers.provision.inventory import (
    Host,
    base_variables,
    inventory,
    lab_variables,
    to_yaml,
    users_variables,
)
from chi_helpers.provision.report import Listener, ProvisionReport
from chi_helpers.provision.runner import ProvisionError, run
from chi_helpers.provision.secrets import made
from chi_helpers.provision.unfinished import PREFIX, clear

MINUTES = 60.0
"""How long a whole run may take: environments are large, and a small node takes its time over them."""
_TAIL = 1500


def provision(
    spec: LabSpec,
    owner: str,
    deadline: datetime,
    hosts: Sequence[Host],
    state_dir: Path,
    progress: Progress | None = None,
    *,
    check: bool = False,
    minutes: float = MINUTES,
) -> ProvisionReport:
    """Apply the stack of each host in `hosts`; those with an empty stack are left out.

    May be repeated: the second time nothing changes. One run at a time in a `state_dir`. `check` only says
    what would change. `deadline` (aware) is what the node's guard keeps. What Ansible printed stays in
    `state_dir`/provision.log, and the services' secrets in `state_dir`/secrets.json.

    Raises UsageError before anything is changed for a role or an option that does not exist; ProvisionError
    where Ansible itself did not work. A host that failed is in the report, and does not stop the others.
    """
    chosen = [host for host in hosts if host.stack]
    if not chosen:
        return ProvisionReport()
    content = checked(spec, {host.name: host.stack for host in chosen})
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets = made(state_dir, {role for host in chosen for role in host.stack})
    variables = {
        **spec.options,
        **lab_variables(spec, owner, secrets),
        **base_variables(spec, owner, deadline),
        **users_variables(spec),
    }
    document = to_yaml(inventory(chosen, variables))
    listener = Listener(tuple(host.name for host in chosen), progress or Silent())
    log = state_dir / "provision.log"
    clear(state_dir, PREFIX)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=state_dir) as folder:
        listener.begin()
        ended = run(content, document, Path(folder), listener.hear, minutes=minutes, check=check)
    _keep(log, ended.output)
    report = listener.report()
    if report is None or ended.status in ("timeout", "canceled", "error"):
        why = f"was stopped after {minutes:g} minutes" if ended.status == "timeout" else "did not finish"
        raise ProvisionError(
            f"Ansible {why}. It last said:\n{ended.output[-_TAIL:].strip() or 'nothing'}",
            do=f"All it printed is in {log}. It is safe to run the same command again.",
        )
    return report


def _keep(log: Path, text: str) -> None:
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
