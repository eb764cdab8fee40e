"""The benchmark of the reaper counts what it says that it counts."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.reaper import bound, look
from benchmarks.reaper.proxy import CountingProxy
from benchmarks.reaper.scene import Scene
from benchmarks.reaper.table import markdown

ID = "0c1d2e3f-0000-4000-8000-000000000001"


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_DELETE(self):
        self.send_response(204)
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_the_proxy_counts_each_call_by_its_shape_and_passes_the_answer_on(site):
    with CountingProxy() as proxy:
        host, port = proxy.environment["http_proxy"].removeprefix("http://").split(":")
        client = http.client.HTTPConnection(host, int(port), timeout=30)
        answers = []
        for method, path in (("DELETE", f"/ports/{ID}"), ("DELETE", f"/ports/{ID}"), ("GET", "/ports")):
            client.request(method, f"http://127.0.0.1:{site}{path}")
            answer = client.getresponse()
            answers.append((answer.status, answer.read()))
        client.close()
        assert answers == [(204, b""), (204, b""), (200, b"ok")]
        assert proxy.shapes == {f"DELETE {site} /ports/{{id}} 204": 2, f"GET {site} /ports 200": 1}
        assert proxy.calls == 3


def test_a_site_that_is_not_there_is_a_502():
    with CountingProxy() as proxy:
        host, port = proxy.environment["http_proxy"].removeprefix("http://").split(":")
        client = http.client.HTTPConnection(host, int(port), timeout=30)
        client.request("GET", "http://127.0.0.1:1/")
        assert client.getresponse().status == 502
        client.close()


def scene() -> Scene:
    go = {"instance": ["a", "b"], "port": ["p", "q"], "network": ["n"], "subnet": ["s"], "router": ["r"],
          "router interface": ["i"]}  # fmt: skip
    return Scene(2, "now", {"one": "1"}, {"one": go}, {"one": {"instance": ["young"]}})


def test_the_bound_is_the_pages_a_call_for_each_deletion_and_the_pages_again():
    """A subnet goes with its network; the router's interface takes a call of its own."""
    assert bound.calls(scene()) == 13 + 2 + 2 + 1 + 1 + 1 + 13


def test_what_is_left_and_what_was_wrongly_taken_is_named():
    there: dict[str, set[str]] = {
        kind: set() for kind in ("port", "network", "subnet", "router", "router interface")
    }
    score = look.score(scene(), there | {"instance": {"b"}})
    assert score == look.Score(7, {"instance": ["b"]}, {"instance": ["young"]})


def result(name, delay, wall, **more):
    return {"name": name, "what": name, "delay": delay, "wall": wall, "calls": 30, "in_flight": 1, "rss": 1.0,
            "deleted": 8, "left": {}, "wrong": {}, "codes": [0], "load": 0.1} | more  # fmt: skip


def test_the_table_compares_with_the_best_peer_and_says_who_cannot_run():
    results = [
        result("kit", 0.0, 12.0),
        result("bare8", 0.0, 10.0),
        result("kit", 0.15, 10.0),
        result("loop", 0.15, 60.0),
        result("cleanup", 0.15, 70.0, left={"port": ["p"]}),
        {"name": "ospurge", "what": "ospurge", "delay": 0.15, "cannot": "no module six"},
    ]
    text = markdown({"date": "d", "command": "c", "cores": 2, "instances": 2, "resources": 8, "bound": 25,
                     "results": results})  # fmt: skip
    assert "| ospurge | does not run: no module six |" in text
    assert "| cleanup | 70.0 | 7.0 | 30 | 3.75 | 1.20 | 1 | 1 | 8 | 1 port | nothing | 0 | 0.1 |" in text
    assert "| faster than the best peer (loop), 150 ms | ≥ 5 | 6.0 |" in text
    assert "| wall against bare concurrent DELETEs, no delay | ≤ 1.2 | 1.20 |" in text
    assert "| calls against the lower bound, 0 ms | ≤ 1.05 | 1.200 |" in text
