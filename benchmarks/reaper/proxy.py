"""A forward HTTP proxy on the loopback that counts what goes through, and can delay it.

It keeps connections alive to both sides, so that it adds little of its own.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from tests.support.loopback_proxy import LoopbackProxy, ProxyHandler, of_answer

_UPSTREAM_SECONDS = 600.0
Answer = tuple[int, str, list[tuple[str, str]], bytes]
"""Status, reason, headers without those of the connection, body."""
_IDENTIFIER = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


class _Handler(ProxyHandler):
    def setup(self) -> None:
        super().setup()
        self.upstream: dict[str, http.client.HTTPConnection] = {}

    def finish(self) -> None:
        for connection in self.upstream.values():
            connection.close()
        super().finish()

    def serve(self) -> None:
        body = self.body()
        proxy = self.server.proxy
        assert isinstance(proxy, CountingProxy)
        answer: Answer = (0, "", [], b"")
        proxy.began()
        try:
            answer = self._answer_of(proxy, body)
        finally:
            proxy.ended(self.command, self.path, answer[0])
        self.answer(*answer)

    def _answer_of(self, proxy: CountingProxy, body: bytes) -> Answer:
        asked = (self.command, self.path, dict(self.headers))
        answer = proxy.instead(*asked, body)
        return proxy.passed(*asked, self._forward(body)) if answer is None else answer

    def _forward(self, body: bytes) -> Answer:
        parts = urlsplit(self.path)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = self.passed_on()
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
            return answer.status, answer.reason, of_answer(self.command, answer.getheaders()), data
        raise AssertionError("unreachable")

    def _connection(self, netloc: str) -> http.client.HTTPConnection:
        if netloc not in self.upstream:
            self.upstream[netloc] = http.client.HTTPConnection(netloc, timeout=_UPSTREAM_SECONDS)
        return self.upstream[netloc]


class CountingProxy(LoopbackProxy):
    """Runs while entered as a context; `delay` (seconds) is added to every call."""

    handler: ClassVar = _Handler

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self._lock = threading.Lock()
        self._shapes: Counter[str] = Counter()
        self._now = self._peak = 0
        super().__init__()

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that send a client through the proxy, also to loopback addresses."""
        return {"http_proxy": self.url, "HTTP_PROXY": self.url, "no_proxy": "", "NO_PROXY": ""}

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
