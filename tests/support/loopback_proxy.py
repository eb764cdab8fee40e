"""What every forward HTTP proxy of tests and benchmarks is made of: server, connections, requests whole.

Clients reach it through `http_proxy`; nothing in the site or its catalog changes. It speaks plain HTTP/1.1 with
kept-alive connections, one thread per client connection, and reads each request whole before it is answered.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Self

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_BODYLESS = (204, 304)
Headers = Iterable[tuple[str, str]]


class LoopbackProxy:
    """Runs while entered as a context, and answers with `handler` (a subclass of `ProxyHandler`)."""

    handler: ClassVar[type[ProxyHandler]]

    def __init__(self) -> None:
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
    def url(self) -> str:
        return "http://{}:{}".format(*self._server.server_address[:2])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: LoopbackProxy) -> None:
        self.proxy = proxy
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), proxy.handler)

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket)
        self._clients.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        self._clients.discard(request)
        super().shutdown_request(request)

    def close_clients(self) -> None:
        """End the connections that clients keep alive, so that nothing outlives the proxy."""
        for client in list(self._clients):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed, gave up or went away has its reasons: no traceback."""


class ProxyHandler(BaseHTTPRequestHandler):
    """One client's connection. A subclass has `serve`, which is called for each request."""

    protocol_version = "HTTP/1.1"
    server: _Server
    METHODS: ClassVar = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        raise NotImplementedError

    def passed_on(self) -> dict[str, str]:
        """The request's headers, without those of the connection."""
        return {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}

    def body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, reason: str, headers: Headers, body: bytes, share: float = 1.0) -> None:
        """Answer with this share of the body; the connection ends where that is not all."""
        self.send_response_only(status, reason)
        for key, value in headers:
            self.send_header(key, value)
        # A 204 or 304 has no body and may not announce one (RFC 9110, section 8.6).
        if self.command != "HEAD" and status not in _BODYLESS:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: int(len(body) * share)])
        if share < 1:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Quiet: what the proxy keeps is the log."""

    def _serve(self) -> None:
        self.serve()


for _method in ProxyHandler.METHODS:
    setattr(ProxyHandler, f"do_{_method}", ProxyHandler._serve)


def of_answer(method: str, headers: Headers) -> list[tuple[str, str]]:
    """An answer's headers, without those of the connection.

    The answer to a HEAD tells the length of a body that does not come.
    """
    unfit = _HOP_BY_HOP if method == "HEAD" else _HOP_BY_HOP | {"content-length"}
    return [(k, v) for k, v in headers if k.lower() not in unfit]
