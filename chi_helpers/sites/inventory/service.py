"""One service of the site over plain HTTP: looks are repeated, counted and paged; changes are asked for once.

Raw JSON, since openstacksdk's objects hide what the reaper must know: the Date of an answer, the number of
requests, a page that did not come, a field that is missing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from keystoneauth1.adapter import Adapter

from chi_helpers.model.errors import SiteError
from chi_helpers.sites.clock import read_date
from chi_helpers.sites.errors import BusyError, NoAnswerError, status_of, told
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chi_helpers.sites.session import Session

Entry = dict[str, Any]
"""One resource as its service describes it."""


class Wanted(NamedTuple):
    """A service as the catalog names it; `major` of its API, and the newest `minor` that is asked for."""

    type: str
    major: int | None = None
    minor: int | None = None


LEASES = Wanted("reservation")
COMPUTE = Wanted("compute", 2, 100)
"""2.100 shows an instance's scheduler hints; 2.73 the reason of a lock; from 2.69 on a cell that does not
answer is seen (nova/api/openstack/compute/rest_api_version_history.rst)."""
NETWORK = Wanted("network", 2)
VOLUMES = Wanted("block-storage", 3, 41)
"""3.41 shows who made a snapshot."""
IMAGES = Wanted("image", 2)
OBJECTS = Wanted("object-store")


PATIENCE = 60
"""Seconds for one request of a look: after that, what the others said is too old."""
FAILURE = 500


class AbsentError(SiteError):
    """The site's catalog has no such service."""


class Clock(NamedTuple):
    """The site's clock as an answer told it, and this machine's in the middle of the request."""

    site: datetime
    here: datetime


class Service:
    """One service of one site. Raises `AbsentError` where the catalog has none."""

    def __init__(self, session: Session, wanted: Wanted) -> None:
        chosen = session.credentials
        self.wanted = wanted
        _in_catalog(session, wanted.type)
        self._adapter = Adapter(
            session.conn.session,
            service_type=wanted.type,
            region_name=chosen.region or None,
            interface=chosen.interface,
            # keystoneauth would repeat by itself, where nothing counts it and for other verbs than GET.
            connect_retries=0,
            status_code_retries=0,
            **(
                {}
                if wanted.major is None
                else {"min_version": wanted.major, "max_version": f"{wanted.major}.latest"}
            ),
        )
        doing = f"find the service {wanted.type}"
        self.minor: int | None = None
        if wanted.major is None:
            # The catalog's address will do: Blazar and Swift do not tell their versions.
            url = read(doing, self._adapter.get_endpoint)
        else:
            data = read(doing, self._discovered)
            url, self.minor = data.url, self._negotiated(data)
        self.endpoint = str(url)
        """Its address, with the API's version."""
        # keystoneauth is not to look for it again.
        self._adapter.endpoint_override = self.endpoint

    def _discovered(self) -> Any:
        """Ask the service for its versions.

        Where it does not answer, keystoneauth goes on with the address in the catalog: "Fallback to using
        that endpoint". All that is asked for there may be "not found", and would be taken for gone.
        """
        wanted, data = self.wanted, self._adapter.get_endpoint_data()
        enough = data is not None and (
            (data.api_version or (None,))[0] == wanted.major
            and (wanted.minor is None or data.max_microversion)
        )
        if not enough:
            raise NoAnswerError(f"The service {wanted.type} does not tell which versions it has.")
        return data

    def _negotiated(self, data: Any) -> int | None:
        """Find the newest microversion that both sides know, and ask for it from now on."""
        if self.wanted.minor is None or not data.max_microversion:
            return None
        minor = min(self.wanted.minor, int(data.max_microversion[1]))
        self._adapter.default_microversion = f"{self.wanted.major}.{minor}"
        return minor

    def ask(self, method: str, path: str, doing: str, **options: Any) -> Any:
        """Send one request, once; its answer. Raises what `chi_helpers.sites.errors` makes of a refusal."""
        with told(doing):
            return self._adapter.request(path, method, **options)


@dataclass
class Look:
    """A listing under way at one service."""

    service: Service
    requests: int = 0
    clocks: list[Clock] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What is missing, in sentences: then what was found is not all."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str, doing: str, **options: Any) -> Any:
        """Ask, and ask again where the site is busy, fails or does not answer."""
        return read(doing, lambda: self._once("GET", path, doing, options))

    def head(self, path: str, doing: str) -> Any:
        return read(doing, lambda: self._once("HEAD", path, doing, {}))

    def body(self, path: str, doing: str, **options: Any) -> Any:
        """Read the answer as JSON. Raises `SiteError` where it is none."""
        try:
            return self.get(path, doing, **options).json()
        except ValueError as error:
            raise SiteError(f"The answer to the request to {doing} cannot be read: {error}") from error

    def pages(
        self,
        path: str,
        key: str,
        doing: str,
        params: Mapping[str, Any] | None = None,
        name: Callable[[Entry], str] = lambda entry: str(entry["id"]),
    ) -> list[Entry]:
        """List every page; what two pages show is taken once.

        The link to the next page is read for its marker only: behind a proxy its address may be wrong.
        Raises `SiteError` where a page brings nothing new, or an entry has no id.
        """
        found: dict[str, Entry] = {}
        query = dict(params or {})
        used: set[str] = set()
        while True:
            body = self.body(path, doing, params=query)
            try:
                entries = list(body[key])
                found |= {name(entry): entry for entry in entries}
                link = _next(body, key)
                if link is None:
                    return list(found.values())
                marker = _marker(link) or name(entries[-1])
            except (KeyError, TypeError, IndexError) as error:
                raise SiteError(f"The answer to the request to {doing} cannot be read: {error!r}") from error
            if marker in used:
                raise SiteError(f"Cannot {doing}: the page after {marker} leads to itself.")
            used.add(marker)
            query["marker"] = marker

    def _once(self, method: str, path: str, doing: str, options: Mapping[str, Any]) -> Any:
        began = datetime.now(UTC)
        with self._lock:
            self.requests += 1
        try:
            answer = self.service.ask(method, path, doing, timeout=PATIENCE, **options)
        except SiteError as error:
            if (status_of(error.__cause__ or error) or 0) >= FAILURE and not isinstance(error, BusyError):
                # A look that failed on the site's side may be made again, as one that was not answered.
                raise NoAnswerError(error.what, do=error.do, request_id=error.request_id) from error
            raise
        now = read_date(answer.headers.get("Date"))
        if now is not None:
            self.clocks.append(Clock(now, began + (datetime.now(UTC) - began) / 2))
        return answer


def request_id(answer: Any) -> str:
    """Id of the request, under which the site's staff find it."""
    headers = answer.headers
    for name in ("x-openstack-request-id", "x-compute-request-id", "x-trans-id"):
        if headers.get(name):
            return str(headers[name])
    return ""


def _in_catalog(session: Session, service_type: str) -> None:
    keystone = session.conn.session
    catalog = read("log in", lambda: keystone.auth.get_access(keystone)).service_catalog
    region = session.credentials.region or None

    def listed(**which: Any) -> bool:
        return any(catalog.get_endpoints_data(service_type=service_type, **which).values())

    if not listed(region_name=region):
        raise AbsentError(f"The site's catalog has no service `{service_type}`.")
    if not listed(region_name=region, interface=session.credentials.interface):
        raise SiteError(
            f"The site's catalog has no {session.credentials.interface} address for its service "
            f"`{service_type}`."
        )


def _next(body: Mapping[str, Any], key: str) -> str | None:
    """Find the link to the next page: Nova's and Neutron's and Cinder's, or Glance's."""
    if body.get("next"):
        return str(body["next"])
    for link in body.get(f"{key}_links") or ():
        if link["rel"] == "next":
            return str(link["href"])
    return None


def _marker(link: str) -> str | None:
    found = parse_qs(urlsplit(link).query).get("marker")
    return found[0] if found else None
