"""Terraform's stream of JSON lines (`-json`), as progress for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_DOING = {"create": "makes", "delete": "deletes", "update": "changes", "replace": "replaces", "read": "reads"}


class Watcher:
    """Told every line of one run; afterwards knows what changed and what failed."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.note = note
        self.changed = 0
        self._errors: list[str] = []

    @property
    def errors(self) -> str:
        """All errors, each with the resource that it is about; empty where there were none."""
        return "; ".join(self._errors)

    def see(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        hook = event.get("hook") or {}
        address = (hook.get("resource") or {}).get("addr", "")
        match event.get("type"):
            case "apply_start":
                self.note(f"{_DOING.get(hook.get('action', ''), 'works on')} {address}")
            case "apply_progress":
                self.note(f"{address}: {hook.get('elapsed_seconds', 0)} s")
            case "apply_complete":
                self.note(f"{address} done")
            case "change_summary":
                self._summary(event.get("changes") or {})
            case "diagnostic":
                self._diagnostic(event.get("diagnostic") or {})

    def _summary(self, changes: dict[str, Any]) -> None:
        if changes.get("operation") in ("apply", "destroy"):
            self.changed = sum(int(changes.get(key, 0)) for key in ("add", "change", "remove", "import"))

    def _diagnostic(self, found: dict[str, Any]) -> None:
        if found.get("severity") == "error":
            address = f"{found['address']}: " if found.get("address") else ""
            words = f"{found.get('summary', '')} {found.get('detail', '')}"
            self._errors.append(f"{address}{' '.join(words.split())[:600]}")
