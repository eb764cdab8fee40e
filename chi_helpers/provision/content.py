"""Where the playbook and its roles are, and whether they have what a lab asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chi_helpers.model.errors import UsageError
from chi_helpers.model.lab import LabSpec
from chi_helpers.provision.options import check_options

PLAYBOOK = "site.yml"
_CHECKOUT = Path(__file__).resolve().parents[2]


def ansible_folder(lab_file: Path, checkout: Path = _CHECKOUT) -> Path:
    """Find the folder `ansible/`: beside the lab's file or above it, else in the checkout of this package.

    So a course may bring roles of its own with its lab. Raises UsageError where there is none.
    """
    candidates = [folder / "ansible" for folder in (*lab_file.resolve().parents, checkout)]
    for candidate in candidates:
        if (candidate / PLAYBOOK).is_file() and (candidate / "roles").is_dir():
            return candidate
    raise UsageError(
        f"No ansible/{PLAYBOOK} beside {lab_file} or above it, nor in {checkout}.",
        do="Run chi-lab from a checkout of the lab kit, or copy its folder ansible/ next to the lab's file.",
    )


def checked(spec: LabSpec, stacks: Mapping[str, tuple[str, ...]]) -> Path:
    """Find the folder `ansible/` of a lab. Raises UsageError where a role or an option of it does not exist.

    `stacks` are the roles of each node.
    """
    folder = ansible_folder(spec.source)
    check_stack(folder, stacks)
    check_options(folder, (role for stack in stacks.values() for role in stack), spec.options)
    return folder


def check_stack(folder: Path, stacks: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse roles that do not exist, all of them at once. `stacks` are the roles of each node.

    A role with a playbook of its own, such as `reaper`, is not for a lab's nodes.
    """
    roles = sorted(path.parent.parent.name for path in (folder / "roles").glob("*/tasks/main.yml"))
    known = [role for role in roles if not (folder / f"{role}.yml").exists()]
    wrong = [
        f"{node}: {role}" for node, stack in sorted(stacks.items()) for role in stack if role not in known
    ]
    if wrong:
        raise UsageError(
            f"There is no such role in {folder / 'roles'}: {', '.join(wrong)}.",
            do=f"Change `stack` in the lab's file; there are: {', '.join(known)}. Nothing was changed.",
        )
