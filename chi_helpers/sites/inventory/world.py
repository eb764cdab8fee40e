"""What the services said of one project, before it is understood: raw entries, and ways to look them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.sites.inventory.service import Entry

NOVA = "compute:"
"""What Nova's ports have in front in `device_owner`; the rest is the availability zone."""


@dataclass(frozen=True)
class World:
    """All entries of one look. A kind that was not listed, or not wholly, has fewer."""

    raw: Mapping[Kind, list[Entry]]
    now: datetime
    """The site's clock."""
    full: frozenset[Kind] = frozenset(Kind)
    """Kinds that were wholly listed: of these, what is not there does not exist."""

    def of(self, kind: Kind) -> list[Entry]:
        return self.raw.get(kind, [])

    @cached_property
    def ids(self) -> frozenset[Ref]:
        """Everything that was listed, and may be tied to."""
        return frozenset(
            Ref(kind, name_of(kind, entry)) for kind, entries in self.raw.items() for entry in entries
        )

    def known(self, refs: Iterable[Ref]) -> tuple[Ref, ...]:
        """Of `refs` those that were listed, without repeats: what is not the project's needs no tie."""
        return tuple(dict.fromkeys(ref for ref in refs if ref in self.ids))

    @cached_property
    def groups(self) -> dict[str, list[Ref]]:
        """Name or id -> security groups: Nova names an instance's groups by either."""
        found: dict[str, list[Ref]] = {}
        for group in self.of(Kind.GROUP):
            for name in {group.get("name"), group["id"]}:
                found.setdefault(str(name), []).append(Ref(Kind.GROUP, group["id"]))
        return found

    @cached_property
    def ports_of(self) -> dict[str, list[Entry]]:
        """Id of an instance, router ... -> its ports."""
        found: dict[str, list[Entry]] = {}
        for port in self.of(Kind.PORT):
            if port.get("device_id"):
                found.setdefault(port["device_id"], []).append(port)
        return found


def name_of(kind: Kind, entry: Entry) -> str:
    """The id that a `Ref` has for this entry."""
    if kind is Kind.KEY_PAIR:
        return f"{entry['user_id']}/{entry['name']}"
    return str(entry["name"] if kind is Kind.CONTAINER else entry["id"])


def instant(text: Any) -> datetime | None:
    """Read a time of any service as an aware one; None where it is missing or is none.

    Blazar's and Cinder's have no time zone and are UTC; a container's are seconds since 1970.
    """
    if not isinstance(text, str) or not text:
        return None
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(text), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def texts(metadata: Any) -> dict[str, str]:
    """Keys and values as text; what is no object has none."""
    return {str(k): str(v) for k, v in metadata.items()} if isinstance(metadata, dict) else {}


def part(entry: Entry, *keys: str) -> dict[str, Any]:
    """Pick out what the resource could be made again from; what is not there is left out."""
    return {key: entry[key] for key in keys if entry.get(key) not in (None, "", [], {})}
