"""Object containers: what Swift says of them. Their age and notes are in headers, one look at each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind, Resource
from chi_helpers.sites.errors import GoneError
from chi_helpers.sites.inventory import notes
from chi_helpers.sites.inventory.world import World, instant, part

if TYPE_CHECKING:
    from chi_helpers.sites.inventory.service import Entry, Look

AT_ONCE = 8


def listed(look: Look) -> list[Entry]:
    """All containers of the account, which is the project's."""
    names = [entry["name"] for entry in everything(look, "", "list the object containers")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda name: _described(look, name), names))
    return [entry for entry in found if entry is not None]


def everything(look: Look, path: str, doing: str) -> list[Entry]:
    """List an account or a container to its end: Swift does not say where that is, an empty page does.

    Raises `SiteError` where a page does not go on from the one before.
    """
    found: list[Entry] = []
    marker = ""
    while True:
        page = look.body(path, doing, params={"format": "json", "marker": marker})
        try:
            names = [entry["name"] for entry in page]
        except (KeyError, TypeError) as error:
            raise SiteError(f"The answer to the request to {doing} cannot be read: {error!r}") from error
        if not names:
            return found
        if names[-1].encode() <= marker.encode():
            raise SiteError(f"Cannot {doing}: the page after {marker} does not go on from there.")
        found += page
        marker = names[-1]


def path_of(name: str) -> str:
    return f"/{quote(name, safe='')}"


def resources(world: World) -> list[Resource]:
    return [_container(entry) for entry in world.of(Kind.CONTAINER)]


def _described(look: Look, name: str) -> Entry | None:
    try:
        headers: Any = look.head(path_of(name), f"look at the container {name}").headers
    except GoneError:
        return None
    return {
        "name": name,
        "created": headers.get("X-Timestamp"),
        "modified": headers.get("Last-Modified"),
        "objects": headers.get("X-Container-Object-Count"),
        "bytes": headers.get("X-Container-Bytes-Used"),
        "read_acl": headers.get("X-Container-Read"),
        "write_acl": headers.get("X-Container-Write"),
        "metadata": notes.from_headers(headers),
    }


def _created(first: str | None, modified: str | None) -> datetime | None:
    """The later of the two headers' times; None where one of them is no time.

    Swift keeps the `X-Timestamp` of a container that was deleted, for the next one of its name: only
    `Last-Modified` is the new one's own. It is renewed by what is written on the container later, too, and
    need not be there (Ceph's gateway).
    """
    made = instant(first)
    if made is None or modified is None:
        return made
    try:
        written = parsedate_to_datetime(modified)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return None if written.tzinfo is None else max(made, written.astimezone(UTC))


def _container(entry: Entry) -> Resource:
    stamp, fault, mark = notes.of_metadata(entry["metadata"])
    return Resource(
        kind=Kind.CONTAINER,
        id=entry["name"],
        name=entry["name"],
        created=_created(entry["created"], entry["modified"]),
        stamp=stamp,
        stamp_fault=fault,
        mark=mark,
        metadata=entry["metadata"],
        spec=part(entry, "name", "objects", "bytes", "read_acl", "write_acl", "metadata"),
    )
