"""Options of roles that a lab's file gives: which there are, and which are not the file's to give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from chi_helpers.config.problems import did_you_mean
from chi_helpers.model.errors import UsageError
from chi_helpers.provision.inventory import FROM_THE_FILE

SPECIFICATION = "meta/argument_specs.yml"


def check_options(folder: Path, roles: Iterable[str], options: Mapping[str, Any]) -> None:
    """Refuse options that none of `roles` has, or that the kit sets itself, all of them at once.

    Their values are Ansible's to check, by the same specification, before a role's first task.
    """
    if not options:
        return
    known: dict[str, Any] = {}
    for role in dict.fromkeys(roles):
        known |= _of_role(folder / "roles" / role)
    if wrong := list(_wrong(known, options)):
        raise UsageError(
            f"The lab's file gives what cannot be given: {'; '.join(wrong)}.",
            do="Change `options` in it. Nothing was changed.",
        )


def _of_role(role: Path) -> dict[str, Any]:
    """The options of a role: name to specification; none where it has no specification."""
    file = role / SPECIFICATION
    if not file.is_file():
        return {}
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        options = found["argument_specs"]["main"].get("options") or {}
        return {str(name): dict(options[name]) for name in options}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{file} is no specification of a role's options: {type(error).__name__} {error}.",
            do="Write `argument_specs: {main: {options: {...}}}`, as the kit's own roles do.",
        ) from error


def _wrong(known: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    for name in options:
        if name in FROM_THE_FILE:
            yield f"options.{name} is {FROM_THE_FILE[name]}, elsewhere in it"
        elif name not in known:
            near = did_you_mean(name, list(known))
            hint = f": did you mean {near}?" if near else ""
            yield f"options.{name} is an option of no role in this lab's stacks{hint}"
        elif known[name].get("no_log"):
            yield f"options.{name} is a secret, which chi-lab makes and keeps: remove it"
