"""Delete an object container: its objects first, in bulk where Swift can, else one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.sites.errors import ConflictError, GoneError
from chi_helpers.sites.inventory.objects import path_of
from chi_helpers.sites.inventory.service import Service, request_id

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_MOST = 1000
"""Objects in one bulk request. Swift allows 10,000; the answer must come before the time is up."""


def delete_container(service: Service, name: str, doing: str) -> str:
    """Empty and delete a container; the id of the last request.

    Raises `ConflictError` where an object stays, or new ones came meanwhile.
    """
    bulk: int | None = None
    marker = ""
    while names := _page(service, name, marker, doing):
        bulk = _bulk(service) if bulk is None else bulk
        for start in range(0, len(names), bulk or len(names)):
            if bulk:
                _delete_many(service, name, names[start : start + bulk], doing)
            else:
                _delete_each(service, name, names, doing)
        if names[-1].encode() <= marker.encode():
            raise SiteError(f"Cannot {doing}: the page of objects after {marker} does not go on from there.")
        marker = names[-1]
    return request_id(service.ask("DELETE", path_of(name), doing))


def _page(service: Service, name: str, marker: str, doing: str) -> list[str]:
    answer = service.ask("GET", path_of(name), doing, params={"format": "json", "marker": marker})
    if answer.status_code == 204:  # noqa: PLR2004
        return []
    try:
        return [str(entry["name"]) for entry in answer.json()]
    except (ValueError, KeyError, TypeError) as error:
        raise SiteError(f"Cannot {doing}: its list of objects cannot be read: {error!r}") from error


def _bulk(service: Service) -> int:
    """How many objects one request may delete; 0 where the site has no bulk middleware, or does not tell."""
    url = urlsplit(service.endpoint)
    base = url.path.partition("/v1")[0]
    try:
        body: Any = service.ask(
            "GET", f"{url.scheme}://{url.netloc}{base}/info", "ask what Swift can", authenticated=False
        ).json()
        return min(AT_MOST, int(body["bulk_delete"]["max_deletes_per_request"]))
    except (SiteError, ValueError, KeyError, TypeError):
        return 0


def _delete_many(service: Service, container: str, names: Sequence[str], doing: str) -> None:
    text = "\n".join(quote(f"/{container}/{name}") for name in names)
    answer = service.ask(
        "POST",
        "",
        doing,
        params={"bulk-delete": "true"},
        data=text.encode(),
        headers={"Content-Type": "text/plain", "Accept": "application/json"},
    )
    # The status is 200 whatever became of the objects: only the body tells (swift/common/middleware/bulk.py).
    try:
        body = answer.json()
        status, errors = str(body["Response Status"]), list(body["Errors"])
    except (ValueError, KeyError, TypeError) as error:
        raise SiteError(f"Cannot {doing}: Swift's answer cannot be read: {error!r}") from error
    if errors or not status.startswith("200"):
        said = (
            ", ".join(" ".join(map(str, error)) for error in errors[:3])
            or body.get("Response Body")
            or status
        )
        kind = RefusedError if any(str(e[-1]).startswith(("401", "403")) for e in errors) else ConflictError
        raise kind(
            f"Cannot {doing}: {len(errors)} of its objects stay: {said}", request_id=request_id(answer)
        )


def _delete_each(service: Service, container: str, names: Sequence[str], doing: str) -> None:
    for name in names:
        try:
            service.ask("DELETE", f"{path_of(container)}/{quote(name)}", doing)
        except GoneError:
            continue


__all__ = ["delete_container"]
