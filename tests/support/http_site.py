"""Keystone and Blazar as a few answers over HTTP on a loopback port, for what a real site will not do on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
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


class DropError(Exception):
    """Raised by a route: the connection is closed without an answer."""


class HttpSite:
    """`routes[(method, path)]` is a list of answers, the last one for ever: (status, body, headers) or callable."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.routes: dict[tuple[str, str], list[Any]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.leases: list[dict[str, Any]] = []
        self.routes["GET", "/blazar/leases"] = [lambda _: (200, {"leases": self.leases}, {})]

    def posts(self) -> list[Any]:
        return [body for method, path, body in self.requests if (method, path) == ("POST", "/blazar/leases")]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        self.requests.append((method, path, body))
        if path == "/v3/auth/tokens":
            return 201, self._token(), {"X-Subject-Token": "t"}
        if path in ("/v3", "/v3/"):
            version = {
                "id": "v3.14",
                "status": "stable",
                "links": [{"rel": "self", "href": f"{self.url}/v3"}],
            }
            return 200, {"version": version}, {}
        found = self.routes.get((method, path))
        if not found:
            return 404, {"error_message": f"no {path}"}, {}
        first = found.pop(0) if len(found) > 1 else found[0]
        made: tuple[int, Any, dict[str, str]] = first(body) if callable(first) else first
        return made

    def _token(self) -> dict[str, Any]:
        endpoint = {"interface": "public", "region": "CHI@Http", "region_id": "CHI@Http", "id": "e"}
        catalog = [
            {
                "type": "reservation",
                "name": "blazar",
                "id": "b",
                "endpoints": [endpoint | {"url": f"{self.url}/blazar"}],
            }
        ]
        return {
            "token": {
                "user": {"id": "u1", "name": "sam", "domain": {"id": "d", "name": "chameleon"}},
                "project": {"id": "p1", "name": "CHI-1", "domain": {"id": "d", "name": "chameleon"}},
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "methods": ["password"],
                "roles": [],
                "catalog": catalog,
            }
        }


def _handler(
    answer: Callable[[str, str, Any], tuple[int, Any, dict[str, str]]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            try:
                status, body, headers = answer(self.command, self.path, json.loads(text) if text else None)
            except DropError:
                self.close_connection = True
                self.connection.close()
                return
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815

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
