"""A forward HTTP proxy on the loopback that counts what goes through, and can delay it.

Clients reach it through `http_proxy`. It speaks HTTP/1.1 with kept-alive connections to both sides, one
thread for a client connection, so that it adds little of its own.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_BODYLESS = (204, 304)
_UPSTREAM_SECONDS = 600.0
Answer = tuple[int, str, list[tuple[str, str]], bytes]
"""Status, reason, headers without those of the connection, body."""
_IDENTIFIER = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


class CountingProxy:
    """Runs while entered as a context; `delay` (seconds) is added to every call."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self._lock = threading.Lock()
        self._shapes: Counter[str] = Counter()
        self._now = self._peak = 0
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.close_clients()
        self._server.server_close()
        self._thread.join()

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that send a client through the proxy, also to loopback addresses."""
        url = "http://{}:{}".format(*self._server.server_address[:2])
        return {"http_proxy": url, "HTTP_PROXY": url, "no_proxy": "", "NO_PROXY": ""}

    @property
    def calls(self) -> int:
        with self._lock:
            return self._shapes.total()

    @property
    def shapes(self) -> dict[str, int]:
        """`{"DELETE 9696 /v2.0/ports/{id} 204": how many}`, the most frequent first."""
        with self._lock:
            return dict(self._shapes.most_common())

    @property
    def peak(self) -> int:
        """The most calls that were under way at once."""
        return self._peak

    def instead(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """What to answer without asking the site; None: ask it."""
        del method, url, headers, body
        return None

    def passed(self, method: str, url: str, headers: Mapping[str, str], answer: Answer) -> Answer:
        """What to make of the site's answer."""
        del method, url, headers
        return answer

    def began(self) -> None:
        with self._lock:
            self._now += 1
            self._peak = max(self._peak, self._now)
        time.sleep(self.delay)

    def ended(self, method: str, url: str, status: int) -> None:
        parts = urlsplit(url)
        shape = f"{method} {parts.port} {_IDENTIFIER.sub('{id}', parts.path)} {status}"
        with self._lock:
            self._now -= 1
            self._shapes[shape] += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: CountingProxy) -> None:
        self.proxy = proxy
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._clients.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._clients.discard(request)
        super().shutdown_request(request)

    def close_clients(self) -> None:
        for client in list(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away has its reasons: no traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    METHODS: ClassVar = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.upstream: dict[str, http.client.HTTPConnection] = {}

    def finish(self) -> None:
        for connection in self.upstream.values():
            connection.close()
        super().finish()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 0
        self.server.proxy.began()
        try:
            status, reason, headers, data = self._answer(body)
        finally:
            self.server.proxy.ended(self.command, self.path, status)
        self.send_response_only(status, reason)
        for key, value in headers:
            self.send_header(key, value)
        if self.command != "HEAD" and status not in _BODYLESS:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _answer(self, body: bytes) -> Answer:
        proxy, asked = self.server.proxy, (self.command, self.path, dict(self.headers))
        answer = proxy.instead(*asked, body)
        return proxy.passed(*asked, self._forward(body)) if answer is None else answer

    def _forward(self, body: bytes) -> Answer:
        parts = urlsplit(self.path)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        for again in (False, True):
            connection = self._connection(parts.netloc)
            try:
                connection.request(self.command, target, body=body or None, headers=headers)
                answer = connection.getresponse()
                data = answer.read()
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                # The other side closes a connection that was idle; it did not see the request then.
                if again or not isinstance(error, http.client.RemoteDisconnected | ConnectionError):
                    return 502, "Bad Gateway", [], f"proxy: {parts.netloc}: {error}\n".encode()
                continue
            unfit = _HOP_BY_HOP if self.command == "HEAD" else _HOP_BY_HOP | {"content-length"}
            return (
                answer.status,
                answer.reason,
                [(k, v) for k, v in answer.getheaders() if k.lower() not in unfit],
                data,
            )
        raise AssertionError("unreachable")

    def _connection(self, netloc: str) -> http.client.HTTPConnection:
        if netloc not in self.upstream:
            self.upstream[netloc] = http.client.HTTPConnection(netloc, timeout=_UPSTREAM_SECONDS)
        return self.upstream[netloc]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet: the counts are the log."""


for _method in _Handler.METHODS:
    setattr(_Handler, f"do_{_method}", _Handler._serve)  # noqa: SLF001 - this module's own
