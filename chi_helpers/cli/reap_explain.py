"""Why one resource is kept or not: all that the judge knew of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.cli import render
from chi_helpers.model.words import printable
from chi_helpers.policy.clock import describe

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from chi_helpers.plan.explain import Explanation


def text(found: Explanation, where: str, zone: ZoneInfo, now: datetime) -> str:
    """The explanation for people; `now` is the site's clock, and `where` the project and its site."""

    def at(instant: datetime | None) -> str:
        return describe(instant, zone, now=now) if instant else "not known"

    resource, verdict = found.resource, found.verdict
    doubt = ", for want of knowledge" if verdict.doubtful else ""
    owner = verdict.owner or "not known"
    lines = [
        f"{resource.kind} {printable(resource.name)} ({resource.id}), {resource.status or '-'}, {where}",
        f"made {at(resource.created)}; first seen {at(found.first_seen)}; owner {owner}",
        "",
        f"{verdict.decision}{doubt}: {verdict.why or 'nothing speaks against it'}",
        "",
        render.table(
            ("rule", "holds", "because"),
            [(f.rule, f.truth.value, printable(f.why)) for f in verdict.findings],
        ),
    ]
    if found.bounds:
        rows = [(at(instant), printable(why)) for instant, why in found.bounds]
        lines += ["", render.table(("may live until", "because"), rows)]
    if found.clues:
        rows = [(printable(owner) or "somebody else", printable(why)) for owner, why in found.clues]
        lines += ["", render.table(("might be of", "because"), rows)]
    if found.ties:
        rows_of_ties = [
            (
                tie.how,
                f"{tie.verdict.ref.kind} {printable(tie.verdict.name)}",
                tie.verdict.ref.id,
                tie.verdict.decision,
            )
            for tie in found.ties
        ]
        lines += ["", render.table(("tie", "to", "id", "which is to"), rows_of_ties)]
    if found.told is not None:
        lines += ["", f"its owner was warned that it goes {at(found.told)}"]
    return "\n".join(lines)


def document(found: Explanation, site: str, project: str) -> dict[str, Any]:
    """The explanation as JSON's own types."""
    resource, verdict = found.resource, found.verdict
    return {
        "site": site,
        "project": project,
        "kind": resource.kind,
        "id": resource.id,
        "name": resource.name,
        "status": resource.status,
        "created": resource.created,
        "first_seen": found.first_seen,
        "warned_of": found.told,
        "decision": verdict.decision,
        "doubtful": verdict.doubtful,
        "owner": verdict.owner,
        "deadline": verdict.deadline,
        "rules": [{"rule": f.rule, "holds": f.truth.value, "because": f.why} for f in verdict.findings],
        "limits": [{"until": instant, "because": why} for instant, why in found.bounds],
        "might_be_of": [{"owner": owner, "because": why} for owner, why in found.clues],
        "ties": [
            {
                "how": tie.how,
                "kind": tie.verdict.ref.kind,
                "id": tie.verdict.ref.id,
                "name": tie.verdict.name,
                "decision": tie.verdict.decision,
            }
            for tie in found.ties
        ],
    }
