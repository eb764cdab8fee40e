"""The benchmark of the reaper counts what it says that it counts."""

from __future__ import annotations

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.reaper import bound, look
from benchmarks.reaper.instant import InstantSite
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


NET, PORT, SUBNET, FACE, ROUTER, IP, SERVER = (f"{n}c1d2e3f-0000-4000-8000-000000000001" for n in range(7))
THERE = {
    "/networks": {"networks": [{"id": NET}]},
    "/subnets": {"subnets": [{"id": SUBNET, "network_id": NET}]},
    "/servers": {"servers": [{"id": SERVER}], "servers_links": []},
    "/floatingips": {"floatingips": [{"id": IP, "port_id": PORT, "router_id": ROUTER}]},
    "/ports": {
        "ports": [
            {"id": PORT, "device_id": SERVER, "fixed_ips": []},
            {"id": FACE, "device_id": ROUTER, "fixed_ips": [{"subnet_id": SUBNET}]},
        ]
    },
}


class Neutron(Site):
    asked: list[tuple[str, str]]

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.said({"token": {"project": {"id": "p1"}}}, ("X-Subject-Token", "secret"))

    def do_GET(self):
        self.asked.append((self.command, self.path))
        self.said(THERE[self.path], ("Date", "Mon, 02 Mar 2026 22:00:00 GMT"))

    def said(self, body, header):
        data = json.dumps(body).encode()
        self.send_response_only(200)
        self.send_header(*header)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_DELETE = do_PUT = do_GET  # noqa: N815 - the names of the base class


@pytest.fixture
def neutron():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Neutron)
    Neutron.asked = []
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


class Client:
    def __init__(self, proxy, port):
        host, at = proxy.environment["http_proxy"].removeprefix("http://").split(":")
        self.connection, self.port = http.client.HTTPConnection(host, int(at), timeout=30), port
        self("POST", "/v3/auth/tokens", {})

    def __call__(self, method, path, body=None):
        data = None if body is None else json.dumps(body)
        url = f"http://127.0.0.1:{self.port}{path}"
        self.connection.request(method, url, data, headers={"X-Auth-Token": "secret"})
        answer = self.connection.getresponse()
        text = answer.read()
        self.date = answer.headers.get("Date")
        return answer.status, json.loads(text) if text.startswith(b"{") else None


def test_a_site_that_deletes_at_once_is_read_once_and_never_changed(neutron):
    with InstantSite({NET: [SUBNET]}) as first:
        client = Client(first, neutron)
        for path, body in THERE.items():
            assert client("GET", path) == (200, body)
    assert first.asked == len(THERE)
    with InstantSite({NET: [SUBNET]}, kept=first.kept) as second:
        client = Client(second, neutron)
        assert client("GET", "/ports") == (200, THERE["/ports"])
        assert client.date != "Mon, 02 Mar 2026 22:00:00 GMT", "clients take the time from it"
        assert client("DELETE", f"/servers/{SERVER}") == (204, None)
        assert client("GET", "/servers") == (200, {"servers": [], "servers_links": []})
        assert client("GET", "/ports")[1]["ports"][0]["device_id"] == "", "free, as Nova leaves it"
        assert client("DELETE", f"/ports/{PORT}")[0] == 204
        assert client("GET", "/floatingips")[1]["floatingips"][0]["port_id"] is None
        assert client("PUT", f"/routers/{ROUTER}/remove_router_interface", {"port_id": FACE})[0] == 200
        assert client("GET", "/ports") == (200, {"ports": []})
        assert client("DELETE", f"/networks/{NET}")[0] == 204
        assert client("GET", "/subnets") == (200, {"subnets": []}), "they go with their network"
        assert client("DELETE", f"/networks/{NET}")[0] == 404
        assert client("POST", "/networks", {})[0] == 501
        assert second.gone == {SERVER, PORT, FACE, NET, SUBNET}
    assert second.asked == 0
    assert Neutron.asked == [("GET", path) for path in THERE]


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
        result("kit", 0.15, 4.0, instant=True),
        result("loop", 0.15, 32.0, instant=True),
        result("loop", 0.15, 60.0),
        result("cleanup", 0.15, 70.0, left={"port": ["p"]}),
        {"name": "ospurge", "what": "ospurge", "delay": 0.15, "cannot": "no module six"},
    ]
    text = markdown({"date": "d", "command": "c", "cores": 2, "instances": 2, "resources": 8, "bound": 25,
                     "results": results})  # fmt: skip
    assert "| ospurge | does not run: no module six |" in text
    assert "| cleanup | 70.0 | 7.0 | 30 | 3.75 | 1.20 | 1 | 1 | 8 | 1 port | nothing | 0 | 0.1 |" in text
    assert "| faster than the best peer (loop), 150 ms | ≥ 5 | 6.0 |" in text
    assert "| faster than loop where the site deletes at once, 150 ms | ≥ 5 | 8.0 |" in text
    assert "| wall against bare concurrent DELETEs, no delay | ≤ 1.2 | 1.20 |" in text
    assert "| calls against the lower bound, 0 ms | ≤ 1.05 | 1.200 |" in text
