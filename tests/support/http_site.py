"""Keystone and services as a few answers over HTTP on a loopback port, for what a real site will not do on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LEASE = {
    "id": "L1",
    "name": "hello-sam",
    "status": "ACTIVE",
    "user_id": "u1",
    "project_id": "p1",
    "start_date": "2026-03-02T15:00:00.000000",
    "end_date": "2026-03-02T21:00:00.000000",
    "created_at": "2026-03-02 15:00:01",
    "reservations": [
        {
            "id": "R1",
            "resource_type": "flavor:instance",
            "amount": 1,
            "status": "active",
            "resource_properties": '{"id": "2"}',
        }
    ],
}


NO_CONTENT = 204


class DropError(Exception):
    """Raised by a route: the connection is closed without an answer."""


class HttpSite:
    """`routes[(method, path)]` is a list of answers, the last one for ever: (status, body, headers) or callable.

    A path with a query is looked up as it is, then without the query. A body of None is no body at all.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.services = {"reservation": "/blazar"}
        """Type of each service in the catalog, and its path."""
        self.roles: list[str] = []
        self.headers: list[dict[str, str]] = []
        """Of each request, in small letters."""
        self.routes: dict[tuple[str, str], list[Any]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.leases: list[dict[str, Any]] = []
        self.once: dict[tuple[str, str], list[Any]] = {}
        """Answers that are given before all others, each once."""
        self.behind: Mapping[str, Callable[[str, str, Any], tuple[int, Any, dict[str, str]]]] = {}
        """Services with a state, by the path that they are at: they answer what no route answers."""
        self._lock = threading.RLock()
        self.routes["GET", "/blazar/leases"] = [lambda _: (200, {"leases": self.leases}, {})]

    def posts(self) -> list[Any]:
        return [body for method, path, body in self.requests if (method, path) == ("POST", "/blazar/leases")]

    def answer(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        with self._lock:
            self.requests.append((method, path, body))
            self.headers.append(headers)
            return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        plain = path.partition("?")[0]
        once = self.once.get((method, plain))
        if path == "/v3/auth/tokens" and not once:
            return 201, self._token(), {"X-Subject-Token": "t"}
        if path in ("/v3", "/v3/"):
            version = {
                "id": "v3.14",
                "status": "stable",
                "links": [{"rel": "self", "href": f"{self.url}/v3"}],
            }
            return 200, {"version": version}, {}
        found = once or self.routes.get((method, path)) or self.routes.get((method, plain))
        if not found:
            return self.ask_behind(method, path, body)
        if found is once:
            found = [found.pop(0)]
        first = found.pop(0) if len(found) > 1 else found[0]
        made: tuple[int, Any, dict[str, str]] = first(body) if callable(first) else first
        return made

    def ask_behind(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        for place, service in self.behind.items():
            if path.startswith(f"{place}/"):
                return service(method, path.removeprefix(place), body)
        return 404, {"error_message": f"no {path}"}, {}

    def _token(self) -> dict[str, Any]:
        endpoint = {"interface": "public", "region": "CHI@Http", "region_id": "CHI@Http", "id": "e"}
        catalog = [
            {"type": kind, "name": kind, "id": kind, "endpoints": [endpoint | {"url": f"{self.url}{path}"}]}
            for kind, path in self.services.items()
        ]
        return {
            "token": {
                "user": {"id": "u1", "name": "sam", "domain": {"id": "d", "name": "chameleon"}},
                "project": {"id": "p1", "name": "CHI-1", "domain": {"id": "d", "name": "chameleon"}},
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "methods": ["password"],
                "roles": [{"id": role, "name": role} for role in self.roles],
                "catalog": catalog,
            }
        }


def _handler(
    answer: Callable[[str, str, Any, dict[str, str]], tuple[int, Any, dict[str, str]]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            try:
                body = json.loads(text) if text and b"json" in self._type() else text.decode() or None
                asked = {name.lower(): value for name, value in self.headers.items()}
                status, body, headers = answer(self.command, self.path, body, asked)
            except DropError:
                self.close_connection = True
                self.connection.close()
                return
            data = b"" if body is None else json.dumps(body).encode()
            if "Date" in headers:
                self.send_response_only(status)
            else:
                self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            if status != NO_CONTENT:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if status != NO_CONTENT and self.command != "HEAD":
                self.wfile.write(data)

        def _type(self) -> bytes:
            return (self.headers.get("Content-Type") or "").encode()

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = _serve  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a dropped connection is meant."""


@contextmanager
def http_site() -> Iterator[HttpSite]:
    found: list[HttpSite] = []
    server = _Server(("127.0.0.1", 0), _handler(lambda *request: found[0].answer(*request)))  # noqa: PLW0108
    found.append(HttpSite(server.server_port))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
