"""What Terraform's state file says: what is in it, and whose it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chi_helpers.model import stamp as stamps
from chi_helpers.model.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def addresses(state: Path) -> frozenset[str]:
    """The addresses of everything that the state holds. Raises `UsageError` where it cannot be read."""
    found = set()
    for resource in _managed(state):
        base = f"{resource['type']}.{resource['name']}"
        module = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource.get("instances", ()):
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key)}]"
            found.add(f"{module}{base}{index}")
    return frozenset(found)


def require_own(state: Path, lab: str, owner: str) -> None:
    """Raise `UsageError` where the state holds another lab's things: to apply it would change those."""
    for resource in _managed(state):
        for instance in resource.get("instances", ()):
            attributes = instance.get("attributes") or {}
            stamp = stamps.from_metadata(attributes.get("metadata") or {}) or stamps.from_description(
                attributes.get("description")
            )
            if stamp is not None and not stamp.of(lab, owner):
                raise UsageError(
                    f"{state} is the Terraform state of the lab {stamp.lab} of {stamp.owner}, not of {lab} "
                    f"of {owner}.",
                    do="Nothing was changed. Move the file to where it belongs, then run this again: what "
                    "this lab has at the site is found by its stamps.",
                )


def _managed(state: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(state.read_text(encoding="utf-8") or "{}")
        resources = document.get("resources") or []
        return [resource for resource in resources if resource["mode"] == "managed"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{state} is not a Terraform state: {error}.",
            do="Nothing was changed. Move it away, then run this again: what the lab has at the site is "
            "found by its stamps.",
        ) from error
