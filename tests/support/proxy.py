"""A forward HTTP proxy on the loopback that can do harm, told by a `Script`, and keeps a trace.

It reads each answer whole before it passes it on.
"""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple
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
from tests.support.loopback_proxy import LoopbackProxy, ProxyHandler, of_answer

_UPSTREAM_SECONDS = 300.0
_AIM_SECONDS = 30.0


class Reply(NamedTuple):
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class _Handler(ProxyHandler):
    def serve(self) -> None:
        body = self.body()
        proxy = self.server.proxy
        assert isinstance(proxy, FaultProxy)
        reply, share = proxy.handle(Request(self.command, self.path), self.passed_on(), body)
        if reply is None:
            self.close_connection = True
            return
        self.answer(*reply, share=share)


class FaultProxy(LoopbackProxy):
    """Runs while entered as a context. `aim` names the process that a `Kill` is for."""

    handler: ClassVar = _Handler

    def __init__(self, rules: Iterable[Rule | Stretch] = (), *, chance: Chance | None = None) -> None:
        self._script = Script(tuple(rules), chance)
        self._lock = threading.Lock()
        self._trace: list[Exchange] = []
        self._aimed = threading.Event()
        self._victim = 0
        self._stopping = threading.Event()
        super().__init__()

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        super().__exit__(*error)

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
        kept = tuple(of_answer(request.method, answer.getheaders()))
        return Reply(answer.status, answer.reason, kept, answer.read())
    except OSError as error:
        return Reply(502, "Bad Gateway", (), f"fault proxy: {parts.netloc}: {error}\n".encode())
    finally:
        connection.close()
