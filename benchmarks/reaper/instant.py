"""A site that deletes at once: what a client does with its time, where the site's own work takes none.

The sandbox's Neutron needs most of a second for an instance, its port and its address, however they are asked
for. Here reading is the site's: each answer is taken from it once, in a run that is not measured, and given
again. Deleting is the proxy's: it answers yes, and leaves the thing out of every answer from then on. The
site itself is never changed. Revisions (`If-Match`) are not looked at.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from benchmarks.reaper.proxy import Answer, CountingProxy

_TOKENS = "/v3/auth/tokens"
_DELETED = re.compile(r"/(servers|ports|floatingips|networks|routers|security-groups)/([0-9a-f-]{36})$")
_TAKEN_OFF = re.compile(r"/routers/[0-9a-f-]{36}/remove_router_interface$")
_JSON = [("Content-Type", "application/json")]
Entry = dict[str, Any]


class InstantSite(CountingProxy):
    """Enter it for one run. The next takes another, with what this one has `kept`."""

    def __init__(
        self,
        subnets: Mapping[str, Collection[str]],
        delay: float = 0.0,
        kept: dict[tuple[str, str, str], Answer] | None = None,
    ) -> None:
        """`subnets`: of each network, they go with it. `kept`: what another one has read."""
        super().__init__(delay)
        self.subnets = subnets
        self.kept = {} if kept is None else kept
        """Method, address and project -> what the site said."""
        self.gone: set[str] = set()
        self.asked = 0
        """Calls that the site itself had to answer, but for tokens."""
        self._projects: dict[str, str] = {}
        self._guard = threading.Lock()

    def instead(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        path = urlsplit(url).path
        if path == _TOKENS and method == "POST":
            return None
        with self._guard:
            if method in ("GET", "HEAD"):
                found = self.kept.get(self._key(method, url, headers))
                if found is None:
                    self.asked += 1
                return None if found is None else self._today(path, found)
            if method == "DELETE" and (match := _DELETED.search(path)):
                return self._delete(match[2])
            if method == "PUT" and _TAKEN_OFF.search(path):
                return self._take_off(path, json.loads(body))
        return 501, "Not Implemented", [], f"this site only reads and deletes: {method} {path}\n".encode()

    def passed(self, method: str, url: str, headers: Mapping[str, str], answer: Answer) -> Answer:
        path = urlsplit(url).path
        with self._guard:
            if path == _TOKENS:
                token = next((v for k, v in answer[2] if k.lower() == "x-subject-token"), "")
                self._projects[token] = json.loads(answer[3])["token"]["project"]["id"]
                return answer
            if answer[0] < 500:  # noqa: PLR2004
                self.kept[self._key(method, url, headers)] = answer
            return self._today(path, answer)

    def _key(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[str, str, str]:
        return method, url, self._projects.get(headers.get("X-Auth-Token", ""), "")

    def _delete(self, identifier: str) -> Answer:
        if identifier in self.gone:
            return 404, "Not Found", _JSON, b"{}"
        self.gone |= {identifier, *self.subnets.get(identifier, ())}
        return 204, "No Content", [], b""

    def _take_off(self, path: str, body: Mapping[str, str]) -> Answer:
        router = path.split("/")[-2]
        self.gone |= {
            port["id"]
            for port in self._ports()
            if port["device_id"] == router
            and (
                port["id"] == body.get("port_id")
                or any(ip["subnet_id"] == body.get("subnet_id") for ip in port["fixed_ips"])
            )
        }
        return 200, "OK", _JSON, b"{}"

    def _ports(self) -> Iterator[Entry]:
        """All ports in any answer that was kept."""
        for answer in self.kept.values():
            if b'"ports"' in answer[3]:
                yield from json.loads(answer[3]).get("ports") or ()

    def _today(self, path: str, answer: Answer) -> Answer:
        """The answer as of now: without what was deleted since."""
        status, reason, headers, data = answer
        # Clients take the site's time from it.
        headers = [(k, v) for k, v in headers if k.lower() != "date"] + [("Date", formatdate(usegmt=True))]
        if path.rpartition("/")[2] in self.gone:
            return 404, "Not Found", _JSON, b"{}"
        if not self.gone or not data.startswith(b"{"):
            return status, reason, headers, data
        said = json.loads(data)
        for key, value in said.items():
            if isinstance(value, list) and all(isinstance(one, dict) for one in value):
                said[key] = [self._freed(one) for one in value if one.get("id") not in self.gone]
        return status, reason, headers, json.dumps(said).encode()

    def _freed(self, entry: Entry) -> Entry:
        """A port without its instance, an address without its port."""
        if entry.get("device_id") in self.gone:
            return entry | {"device_id": "", "device_owner": "", "binding:host_id": ""}
        if entry.get("port_id") in self.gone:
            return entry | {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}
        return entry
