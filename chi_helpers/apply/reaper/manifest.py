"""The manifest: what a run is about to delete, in enough detail to make it again. Written before it goes.

One file a run, `manifest-<time>-<digest>.json` (0600: instances' specs hold what people gave them):

    {"format": 1, "plan": <digest>, "site": ..., "project": ..., "project_id": ..., "lab": ..., "made": <UTC>,
     "resources": [{"kind": ..., "id": ..., "name": ..., "owner": ..., "created": <UTC or null>,
                    "needs": [[kind, id], ...], "takes": [[kind, id], ...], "spec": {...}}, ...]}

`spec` is `Resource.spec`: the fields of the service's own create call. To make everything again, go through
`resources` so that what a resource needs comes before it, and replace the old ids in `needs` and `spec` by
the new ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chi_helpers.apply.reaper.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from chi_helpers.model.inventory import Inventory, Ref, Resource
    from chi_helpers.model.reaping import ReapPlan

FORMAT = 1


@dataclass(slots=True)
class Manifest:
    """Of one run of `plan`, whose digest is `digest`, in `folder`."""

    folder: Path
    plan: ReapPlan
    digest: str
    resources: dict[Ref, dict[str, Any]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / f"manifest-{self.plan.made:%Y%m%dT%H%M%SZ}-{self.digest[:12]}.json"

    def add(self, refs: Iterable[Ref], inventory: Inventory, owners: dict[Ref, str]) -> None:
        """Note these, with all that goes along with them, and wait until it is on the disk."""
        before = dict(self.resources)
        todo = list(refs)
        seen = set(todo)
        while todo:
            resource = inventory.by_ref.get(todo.pop())
            if resource is None:
                continue
            self.resources[resource.ref] = _document(resource, owners.get(resource.ref, ""))
            fresh = [ref for ref in resource.takes if ref not in seen]
            todo += fresh
            seen.update(fresh)
        if self.resources != before:
            replace_file(self.file, json.dumps(self._document(), ensure_ascii=False, default=str, indent=1))

    def _document(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "format": FORMAT,
            "plan": self.digest,
            "site": plan.site,
            "project": plan.project,
            "project_id": plan.project_id,
            "lab": plan.lab,
            "made": plan.made.isoformat(),
            "resources": list(self.resources.values()),
        }


def _document(resource: Resource, owner: str) -> dict[str, Any]:
    return {
        "kind": str(resource.kind),
        "id": resource.id,
        "name": resource.name,
        "owner": owner,
        "created": resource.created.isoformat() if resource.created else None,
        "needs": [[str(ref.kind), ref.id] for ref in resource.needs],
        "takes": [[str(ref.kind), ref.id] for ref in resource.takes],
        "spec": dict(resource.spec),
    }
