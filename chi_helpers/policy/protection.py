"""What may not be deleted whatever its age: the site's locks, and what the file spares.

Nothing that people write on a thing protects it: they could lengthen its life. Only Nova's lock, Glance's
protection and the file do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chi_helpers.model.reaping import Finding, Rule
from chi_helpers.model.truth import Truth

if TYPE_CHECKING:
    from datetime import datetime

    from chi_helpers.model.inventory import Resource
    from chi_helpers.model.lab import LabSpec
    from chi_helpers.model.roster import Roster

_FREE = Finding(Rule.UNPROTECTED, Truth.YES, "nothing protects it")
_LOCKED = Finding(Rule.UNPROTECTED, Truth.NO, "it is locked at the site")
_NOT_TOLD = Finding(Rule.UNPROTECTED, Truth.UNKNOWN, "the site does not tell whether it is locked")


class Protection:
    """The answers to the rule UNPROTECTED at one instant."""

    def __init__(self, spec: LabSpec, roster: Roster | None, now: datetime) -> None:
        self._names = [(pattern, re.compile(pattern)) for pattern in spec.spare.names]
        self._owners = set(spec.spare.owners)
        for person in roster.people if roster is not None else ():
            # The file may call a person by any of the roster's names.
            if self._owners.intersection(person.names):
                self._owners.add(person.owner)
        self._until = {name: until for name, until in sorted(spec.spare.until) if now < until}

    def of(self, resource: Resource, owner: str, *, part: bool = False) -> Finding:
        """The finding for one resource of `owner`.

        `part`: it can only go along with what it is a part of; that it is not the project's to delete by
        itself ("Blazar holds it") does not matter then.
        """
        if resource.fixed and not part:
            return _no(resource.fixed)
        if resource.locked is not False:
            return _NOT_TOLD if resource.locked is None else _LOCKED
        spared = self._spared(resource.name, owner)
        return _no(spared) if spared else _FREE

    def _spared(self, name: str, owner: str) -> str:
        if owner in self._owners:
            return f"the file spares what is {owner}'s (spare.owners)"
        if name in self._until:
            return f"the file spares it until {self._until[name]:%Y-%m-%d %H:%M %Z} (spare.until)"
        for pattern, compiled in self._names:
            if compiled.search(name):
                return f"the file spares its name (spare.names: {pattern})"
        return ""


def _no(why: str) -> Finding:
    return Finding(Rule.UNPROTECTED, Truth.NO, why)
