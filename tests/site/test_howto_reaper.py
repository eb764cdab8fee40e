"""docs/how-to/run-the-reaper.md, followed to the letter: each block of `sh`, in order, in one shell.

A command with the comment `# exits with N` must do that, every other one must succeed, and the lines of a `text` block
must stand, in that order, in what the commands before it said.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.site import CHECKOUT

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="reaper")]

PAGE = CHECKOUT / "docs/how-to/run-the-reaper.md"
MARK = "=== block"
PRELUDE = """\
set -e
exec 2>&1
exits_with() {
  local wanted=$1 found=0
  shift
  "$@" || found=$?
  [ "$found" = "$wanted" ] || { echo "exited with $found in place of $wanted: $*"; exit 77; }
}
"""


def blocks() -> list[tuple[str, list[str]]]:
    """(commands, lines that they must say), in the page's order."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL):
        assert kind in ("sh", "text"), kind
        if kind == "sh":
            found.append(
                (re.sub(r"^(.*\S) +# exits with (\d+)$", r"exits_with \2 \1", text, flags=re.MULTILINE), [])
            )
        else:
            found[-1][1].extend(line.strip() for line in text.splitlines())
    return found


@pytest.fixture
def hook():
    """A web hook on a loopback port; `hook.got` has (path, message)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        got: list[tuple[str, dict[str, str]]]

    server = Server(("127.0.0.1", 0), Handler)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def reapers_user(site):
    """Who the page says stands in for the reaper's user; what a failed run made is removed."""
    yield "other"
    cloud = site.connection("other")
    for network in cloud.network.networks():
        if "chi_lab=ml_course" in (network.description or ""):
            cloud.network.delete_network(network, ignore_missing=True)
    person = cloud.session.get_user_id()
    for credential in cloud.identity.application_credentials(person):
        if credential.name == "reaper-ml_course":
            cloud.identity.delete_application_credential(person, credential, ignore_missing=True)


@pytest.mark.timeout(1500)
def test_the_page_can_be_followed_to_the_letter(site, hook, reapers_user, tmp_path):
    page = blocks()
    assert len(page) >= 10
    script = PRELUDE + "".join(f"echo '{MARK}'\n{commands}" for commands, _ in page)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=site.env(reapers_user, HOOK=f"127.0.0.1:{hook.server_port}"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    said = done.stdout.split(f"{MARK}\n")[1:]
    assert len(said) == len(page), done.stdout
    for (commands, lines), output in zip(page, said, strict=True):
        rest = output
        for line in lines:
            wanted = line.replace("CHI@Sandbox", site.region)
            assert wanted in rest, f"{commands}\nsaid\n{output}\nand not, or not there,\n{wanted}"
            rest = rest.split(wanted, 1)[1]
    told = [(path, message["message"]) for path, message in hook.got]
    assert [path for path, message in told if "ends-soon" in message][:1] == ["/people/alice"]
    assert any("left-behind" in message for path, message in told if path == "/people/alice"), told
    assert {path for path, _ in told} <= {"/people/alice", "/staff"}
    left = [network.name for network in site.connection("other").network.networks()]
    assert not {"left-behind", "keep-dataset", "ends-soon", "unreadable"} & set(left)
