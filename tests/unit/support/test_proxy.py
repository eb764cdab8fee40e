"""The fault proxy: unharmed requests pass unchanged, harmed ones fail in the way the rule says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import requests

from tests.support.faults import Answer, Chance, Delay, Drop, Hang, Kill, Match, Moment, Rule, Truncate
from tests.support.proxy import FaultProxy


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked, and keeps it."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, bytes]]]

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, body))
        said = json.dumps(
            {"path": self.path, "body": body.decode(), "token": self.headers.get("X-Auth-Token")}
        )
        empty = self.path == "/empty"
        self.send_response(204 if empty else 201)
        self.send_header("X-Openstack-Request-Id", "req-1")
        if not empty:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if not empty and self.command != "HEAD":
            self.wfile.write(said.encode())

    do_GET = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815  (the base class's names)

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    class Handler(Echo):
        seen: ClassVar = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Handler.seen
    server.shutdown()
    server.server_close()
    thread.join()


def session(proxy: FaultProxy) -> requests.Session:
    client = requests.Session()
    client.proxies = {"http": proxy.url}
    client.trust_env = False
    return client


def test_a_request_passes_with_body_query_headers_and_status(upstream):
    url, seen = upstream
    with FaultProxy() as proxy, session(proxy) as client:
        answer = client.post(f"{url}/v2?a=1&b=%20", data="hello", headers={"X-Auth-Token": "t"})
    assert (answer.status_code, answer.headers["X-Openstack-Request-Id"]) == (201, "req-1")
    assert answer.json() == {"path": "/v2?a=1&b=%20", "body": "hello", "token": "t"}
    assert seen == [("POST", "/v2?a=1&b=%20", b"hello")]


def test_a_chunked_body_arrives_whole(upstream):
    url, seen = upstream
    with FaultProxy() as proxy, session(proxy) as client:
        client.post(f"{url}/image", data=iter([b"one", b"two" * 1000]))
    assert seen == [("POST", "/image", b"one" + b"two" * 1000)]


def test_answers_without_a_body_leave_the_connection_usable(upstream):
    url, _ = upstream
    with FaultProxy() as proxy, session(proxy) as client:
        assert client.delete(f"{url}/empty").status_code == 204
        assert int(client.head(f"{url}/x").headers["Content-Length"]) > 0
        assert client.get(f"{url}/y").json()["path"] == "/y"


def test_the_trace_tells_method_path_status_time_and_fault(upstream):
    url, _ = upstream
    busy = Answer(503, retry_after=2)
    with FaultProxy([Rule(Match("POST"), busy)]) as proxy, session(proxy) as client:
        client.get(f"{url}/a")
        answer = client.post(f"{url}/b")
    assert answer.headers["Retry-After"] == "2"
    assert [(e.request.method, e.request.path, e.status, e.fault) for e in proxy.trace] == [
        ("GET", "/a", 201, None),
        ("POST", "/b", 503, busy),
    ]
    assert all(e.milliseconds >= 0 for e in proxy.trace)


@pytest.mark.parametrize(("moment", "effects"), [(Moment.BEFORE, 0), (Moment.AFTER, 1)])
def test_a_dropped_answer_has_its_effect_or_not_as_the_rule_says(upstream, moment, effects):
    url, seen = upstream
    with FaultProxy([Rule(Match("POST"), Drop(moment))]) as proxy, session(proxy) as client:
        with pytest.raises(requests.ConnectionError):
            client.post(f"{url}/servers", data="x")
        assert len(seen) == effects
        assert proxy.trace[0].status is None
        assert client.post(f"{url}/servers", data="x").status_code == 201


def test_a_truncated_answer_is_noticed_by_the_client(upstream):
    url, _ = upstream
    with (
        FaultProxy([Rule(Match("GET"), Truncate(0.5))]) as proxy,
        session(proxy) as client,
        pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
    ):
        client.get(f"{url}/servers")


def test_a_hanging_answer_outlasts_the_clients_patience_and_the_effect_stays(upstream):
    url, seen = upstream
    with FaultProxy([Rule(Match("POST"), Hang(5))]) as proxy, session(proxy) as client:
        with pytest.raises(requests.ReadTimeout):
            client.post(f"{url}/servers", timeout=0.2)
        assert len(seen) == 1


def test_a_delayed_request_arrives_late(upstream):
    url, seen = upstream
    with FaultProxy([Rule(Match("GET"), Delay(0.3))]) as proxy, session(proxy) as client:
        began = time.monotonic()
        client.get(f"{url}/servers")
    assert time.monotonic() - began >= 0.3
    assert len(seen) == 1


@pytest.mark.parametrize(("moment", "effects"), [(Moment.BEFORE, 0), (Moment.AFTER, 1)])
def test_a_kill_ends_the_client_before_or_after_the_effect(upstream, moment, effects):
    url, seen = upstream
    program = f"import requests; requests.post('{url}/servers', data='x'); print('survived')"
    with FaultProxy([Rule(Match("POST"), Kill(moment))]) as proxy:
        client = subprocess.Popen(
            [sys.executable, "-c", program], env={**proxy.environment}, stdout=subprocess.PIPE, text=True
        )
        proxy.aim(client.pid)
        said, _ = client.communicate(timeout=30)
    assert (client.returncode, said, len(seen)) == (-9, "", effects)


def test_chance_harms_the_same_requests_in_every_run(upstream):
    url, _ = upstream

    def harmed() -> list[int]:
        chance = Chance(11, 0.4, (Answer(500),))
        with FaultProxy(chance=chance) as proxy, session(proxy) as client:
            return [n for n in range(30) if client.get(f"{url}/servers").status_code == 500]

    first = harmed()
    assert first == harmed()
    assert 3 < len(first) < 25


def test_a_site_that_does_not_listen_is_told_as_bad_gateway():
    with FaultProxy() as proxy, session(proxy) as client:
        answer = client.get("http://127.0.0.1:9/")
    assert answer.status_code == 502
    assert "127.0.0.1:9" in answer.text


def test_keystoneauth_goes_through_it_to_loopback_addresses(upstream, monkeypatch):
    """openstacksdk and python-chi speak through it. It follows http_proxy for 127.x too, as long as no_proxy does not name them."""
    from keystoneauth1.session import Session

    url, _ = upstream
    with FaultProxy() as proxy:
        for key, value in proxy.environment.items():
            monkeypatch.setenv(key, value)
        found = Session().get(f"{url}/v2.1/servers", authenticated=False)
    assert found.json()["path"] == "/v2.1/servers"
    assert len(proxy.trace) == 1
