"""A forward HTTP proxy on the loopback that can do harm, told by a `Script`, and keeps a trace.

Clients reach it through `http_proxy`; nothing in the site or its catalog changes. It speaks plain
HTTP/1.1 with kept-alive connections, one thread per client connection, and reads each answer whole
before it passes it on.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, NamedTuple, Self
from urllib.parse import urlsplit

from tests.support.faults import (
    Answer,
    Chance,
    Delay,
    Drop,
    Exchange,
    Fault,
    Hang,
    Kill,
    Moment,
    Request,
    Rule,
    Script,
    Stretch,
    Truncate,
)

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_UPSTREAM_SECONDS = 300.0
_AIM_SECONDS = 30.0


class Reply(NamedTuple):
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class FaultProxy:
    """Runs while entered as a context. `aim` names the process that a `Kill` is for."""

    def __init__(self, rules: Iterable[Rule | Stretch] = (), *, chance: Chance | None = None) -> None:
        self._script = Script(tuple(rules), chance)
        self._lock = threading.Lock()
        self._trace: list[Exchange] = []
        self._aimed = threading.Event()
        self._victim = 0
        self._stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.close_clients()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self._server.server_address[:2])

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that send a client through the proxy, also to loopback addresses."""
        return {"http_proxy": self.url, "no_proxy": ""}

    @property
    def trace(self) -> tuple[Exchange, ...]:
        """What went through so far, in the order in which requests arrived."""
        with self._lock:
            return tuple(self._trace)

    def aim(self, pid: int) -> None:
        """The process that a `Kill` kills; a request that is to kill waits until it is known."""
        self._victim = pid
        self._aimed.set()

    def handle(self, request: Request, headers: Mapping[str, str], body: bytes) -> tuple[Reply | None, float]:
        """Serve one request: (the answer, or None to close the connection, and what share of it to send)."""
        with self._lock:
            fault = self._script.decide(request)
            place = len(self._trace)
            self._trace.append(Exchange(request, None, 0.0, fault))
        began = time.monotonic()
        reply, share = self._act(fault, request, headers, body)
        took = (time.monotonic() - began) * 1000
        with self._lock:
            self._trace[place] = Exchange(request, reply.status if reply else None, took, fault)
        return reply, share

    def _act(
        self, fault: Fault | None, request: Request, headers: Mapping[str, str], body: bytes
    ) -> tuple[Reply | None, float]:
        if isinstance(fault, Answer):
            return _in_place_of_site(fault), 1.0
        if isinstance(fault, Delay):
            self._stopping.wait(fault.seconds)
        lost = fault if isinstance(fault, Kill | Drop | Hang) else None
        reply = None if lost and lost.moment is Moment.BEFORE else _forward(request, headers, body)
        if isinstance(fault, Kill):
            self._kill()
        if isinstance(fault, Hang):
            self._stopping.wait(fault.seconds)
        share = fault.keep if isinstance(fault, Truncate) else 1.0
        return (None if lost else reply), share

    def _kill(self) -> None:
        if not self._aimed.wait(_AIM_SECONDS):
            raise RuntimeError("a Kill struck, and nobody said which process it is for: call aim(pid)")
        try:
            os.kill(self._victim, signal.SIGKILL)
        except ProcessLookupError:  # it went by itself: the test finds its exit code
            return


def _in_place_of_site(fault: Answer) -> Reply:
    headers = [("Content-Type", "application/json")]
    if fault.retry_after is not None:
        headers.append(("Retry-After", str(fault.retry_after)))
    return Reply(
        fault.status, http.client.responses.get(fault.status, ""), tuple(headers), fault.body.encode()
    )


def _forward(request: Request, headers: Mapping[str, str], body: bytes) -> Reply:
    parts = urlsplit(request.url)
    if parts.scheme != "http" or not parts.hostname:
        return Reply(400, "Bad Request", (), b"the fault proxy takes absolute http:// addresses only\n")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_UPSTREAM_SECONDS)
    try:
        connection.request(request.method, target or "/", body=body or None, headers=dict(headers))
        answer = connection.getresponse()
        # The answer to a HEAD tells the length of a body that does not come.
        unfit = _HOP_BY_HOP if request.method == "HEAD" else _HOP_BY_HOP | {"content-length"}
        kept = tuple((k, v) for k, v in answer.getheaders() if k.lower() not in unfit)
        return Reply(answer.status, answer.reason, kept, answer.read())
    except OSError as error:
        return Reply(502, "Bad Gateway", (), f"fault proxy: {parts.netloc}: {error}\n".encode())
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

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
        """A client that was killed, or gave up, is what this proxy is for: no traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    METHODS: ClassVar = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _serve(self) -> None:
        body = self._body()
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        reply, share = self.server.proxy.handle(Request(self.command, self.path), headers, body)
        if reply is None:
            self.close_connection = True
            return
        self.send_response_only(reply.status, reply.reason)
        for key, value in reply.headers:
            self.send_header(key, value)
        # A 204 or 304 has no body and may not announce one (RFC 9110, section 8.6).
        if self.command != "HEAD" and reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: int(len(reply.body) * share)])
        if share < 1:
            self.close_connection = True

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Quiet: the trace is the log."""


for _method in _Handler.METHODS:
    setattr(_Handler, f"do_{_method}", _Handler._serve)
