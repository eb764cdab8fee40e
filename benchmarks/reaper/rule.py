"""The rule that the peers are told, as a careful author of a script would write it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What was created before `cutoff` and says that it is `lab`'s goes, unless it is called `spared`."""

    cutoff: datetime
    lab: str
    spared: str

    @classmethod
    def told(cls, cutoff: str, lab: str, spared: str) -> Rule:
        """From words of a command line."""
        return cls(datetime.fromisoformat(cutoff), lab, spared)

    def goes(self, thing: Any) -> bool:
        """`thing` is a resource of openstacksdk."""
        words = dict(getattr(thing, "metadata", None) or {})
        says = f"chi_lab={self.lab}" in (getattr(thing, "description", "") or "").split()
        ours = words.get("chi_lab") == self.lab or says
        old = datetime.fromisoformat(thing.created_at) < self.cutoff
        return bool(ours and old and thing.name != self.spared)
