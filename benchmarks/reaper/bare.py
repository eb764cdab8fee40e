"""The site's own rate: DELETEs of what is known to go, many at once, in the right order, and nothing else.

    python -m benchmarks.reaper.bare ORDER WORKERS SCENE CLOUDS

No listing but the one that says that an instance is gone. All three projects at once share the workers.
ORDER is `quick`, where floating IPs go while the instances that they lead to are still vanishing, or `safe`,
where each goes after its port: the kit's order, which takes no address from an instance that stays after all.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LOOK_SECONDS = 0.5
_PORTS = {"compute": 8774, "network": 9696}
_PATHS = {"compute": "/v2.1", "network": "/v2.0"}


def main() -> None:
    order, workers, scene, clouds = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    found = json.loads(scene.read_text())
    logins = json.loads(clouds.read_text())["clouds"]
    with ThreadPoolExecutor(workers) as pool:
        projects = [_Project(pool, found["go"][name], logins[name]["auth"]) for name in found["go"]]
        threads = [threading.Thread(target=project.purge, args=[order == "safe"]) for project in projects]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for project in projects:
        for trouble in project.troubles[:5]:
            print(trouble, file=sys.stderr)
    sys.exit(any(project.troubles for project in projects))


class _Project:
    def __init__(self, pool: ThreadPoolExecutor, go: dict[str, list[str]], auth: dict[str, str]) -> None:
        self.pool, self.go = pool, go
        self.site = urlsplit(auth["auth_url"]).hostname or ""
        self.local = threading.local()
        self.troubles: list[str] = []
        credential = {
            "id": auth["application_credential_id"],
            "secret": auth["application_credential_secret"],
        }
        identity = {"methods": ["application_credential"], "application_credential": credential}
        _, headers, _ = self._call("POST", 5000, "/v3/auth/tokens", {"auth": {"identity": identity}}, "")
        self.token = headers["X-Subject-Token"]

    def purge(self, safe: bool) -> None:
        go = self.go
        port_of = dict(zip(go["instance"], go["port"], strict=True))
        # Instances first: Nova says yes at once and works on, while Neutron's own deletions go on.
        asked = [self._later("compute", f"/servers/{one}") for one in go["instance"]]
        addresses = [("network", f"/floatingips/{one}") for one in go["floating IP"]]
        if not safe:
            asked += [self._later(*one) for one in addresses]
        wait(asked[: len(port_of)])
        while port_of:
            there = self._instances()
            for gone in [one for one in port_of if one not in there]:
                asked.append(self._later("network", f"/ports/{port_of.pop(gone)}"))
            if port_of:
                time.sleep(_LOOK_SECONDS)
        wait(asked)
        if safe:
            wait([self._later(*one) for one in addresses])
        faces = [
            self.pool.submit(self._take_off, router, interface)
            for router, interface in zip(go["router"], go["router interface"], strict=True)
        ]
        wait(faces)
        last = [("routers", one) for one in go["router"]] + [("networks", one) for one in go["network"]]
        last += [("security-groups", one) for one in go["security group"]]
        wait([self._later("network", f"/{path}/{one}") for path, one in last])

    def _later(self, service: str, path: str) -> Future[None]:
        return self.pool.submit(self._delete, service, path)

    def _delete(self, service: str, path: str) -> None:
        status, _, data = self._call("DELETE", _PORTS[service], _PATHS[service] + path, None, self.token)
        if status not in (202, 204):
            self.troubles.append(f"DELETE {path}: {status} {data[:300]!r}")

    def _take_off(self, router: str, interface: str) -> None:
        path = f"/v2.0/routers/{router}/remove_router_interface"
        status, _, data = self._call("PUT", _PORTS["network"], path, {"port_id": interface}, self.token)
        if status != http.client.OK:
            self.troubles.append(f"PUT {path}: {status} {data[:300]!r}")

    def _instances(self) -> set[str]:
        _, _, data = self._call("GET", _PORTS["compute"], "/v2.1/servers", None, self.token)
        return {server["id"] for server in json.loads(data)["servers"]}

    def _call(
        self, method: str, port: int, path: str, body: Any, token: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request, on a connection that the thread keeps."""
        kept: dict[int, http.client.HTTPConnection] = self.local.__dict__.setdefault("kept", {})
        if port not in kept:
            proxy = urlsplit(os.environ["http_proxy"])
            kept[port] = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=600)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["X-Auth-Token"] = token
        url = f"http://{self.site}:{port}{path}"
        kept[port].request(method, url, json.dumps(body) if body else None, headers)
        answer = kept[port].getresponse()
        return answer.status, answer.headers, answer.read()


if __name__ == "__main__":
    main()
