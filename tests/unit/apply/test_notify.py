"""Warnings reach people over apprise's channels, or it is known that they did not; no secret leaves the file."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chi_helpers.apply.notify.channels import read_channels
from chi_helpers.apply.notify.notifier import Notifier
from chi_helpers.apply.notify.send import Message, send, send_all
from chi_helpers.config import ConfigError
from chi_helpers.model.errors import UsageError
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.roster import Person
from chi_helpers.plan.digest import Digest
from tests.unit.plan.test_digest import NOW

SECRET = "hunter2secret"
ALICE = Person("alice", netid="al1", email="al+x@example.edu")
BOB = Person("bob")


class Inbox:
    """An HTTP server on a loopback port that takes messages; paths under /no answer 500."""

    def __init__(self, port):
        self.port = port
        self.got = []

    def url(self, path):
        return f"json://user:{SECRET}@127.0.0.1:{self.port}{path}"


@pytest.fixture
def inbox():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.got.append((self.path, json.loads(body)))
            self.send_response(500 if self.path.startswith("/no") else 200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box = Inbox(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield box
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def channels(tmp_path):
    def write(*lines, mode=0o600):
        path = tmp_path / "notify"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        path.chmod(mode)
        return read_channels(path)

    return write


def digest(person, title="soon", name="x"):
    return Digest(person, title, f"{name} goes\n", {("p1", Ref(Kind.INSTANCE, name)): NOW})


def test_each_owner_gets_a_message_of_their_own(channels, inbox):
    """Placeholders are filled in for each, URL-quoted; apprise posts title and text."""
    notifier = Notifier(channels("# mine", "", inbox.url("/to/{owner}/{email}")))
    delivery = notifier.owners([digest(ALICE)])
    assert delivery.reached == {"alice"}
    assert delivery.warned == {("p1", Ref(Kind.INSTANCE, "x")): NOW}
    assert delivery.undelivered == ()
    ((path, body),) = inbox.got
    assert path.rstrip("/") == "/to/alice/al+x@example.edu"
    assert (body["title"], body["message"]) == ("soon", "x goes")


def test_only_a_delivered_warning_counts(channels, inbox):
    """Bob's channel fails, and carol has no e-mail address: neither is warned, and both are named."""
    notifier = Notifier(channels(inbox.url("/no/{owner}"), inbox.url("/mail/{email}")))
    delivery = notifier.owners([digest(ALICE, name="a"), digest(BOB, name="b")])
    assert delivery.reached == {"alice"}
    assert set(delivery.warned) == {("p1", Ref(Kind.INSTANCE, "a"))}
    assert delivery.undelivered == ("alice: json (line 1) failed", "bob: json (line 1) failed")
    assert Notifier(channels(inbox.url("/mail/{email}"))).owners([digest(BOB)]).undelivered == (
        "bob: no channel leads there: the roster lacks what the channels need",
    )


def test_a_message_to_staff_warns_no_owner(channels, inbox):
    """Lines without placeholders are for staff; an owner who is only talked about was not told."""
    notifier = Notifier(channels(inbox.url("/staff")))
    assert notifier.owners([digest(BOB)]).undelivered == ("bob: no channel leads to owners",)
    assert inbox.got == []
    assert notifier.staff("done", "all of it").undelivered == ()
    assert [(path, body["title"]) for path, body in inbox.got] == [("/staff", "done")]


def test_staff_that_could_not_be_told_is_said(channels, inbox):
    """By the line of the file."""
    notifier = Notifier(channels("# first", inbox.url("/no")))
    assert notifier.staff("t", "b").undelivered == ("staff: json (line 2) failed",)


def test_a_channel_that_hangs_does_not_hold_up_the_others():
    """After the time for all of them, those without an answer count as not delivered."""
    release = threading.Event()

    def by(message):
        return release.wait(60) if message.title == "hangs" else True

    messages = [Message("x://", title, "") for title in ("hangs", "goes", "goes")]
    began = time.monotonic()
    assert send_all(messages, by=by, longest=0.5) == (False, True, True)
    assert time.monotonic() - began < 30
    release.set()


def test_what_apprise_does_not_know_is_not_sent_and_not_raised():
    """Nor is a server that is not there an exception."""
    assert send(Message("nonsense://x", "t", "b")) is False
    assert send(Message("json://127.0.0.1:1/", "t", "b")) is False


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(channels, mode):
    """It holds passwords."""
    with pytest.raises(
        UsageError, match=r"may be read by others \(mode 0\d\d\d\)\. Run `chmod 600 "
    ) as caught:
        channels(f"json://user:{SECRET}@127.0.0.1/", mode=mode)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "mine", "taken"), [(0o440, True, True), (0o440, False, False), (0o444, True, False)]
)
def test_a_file_that_root_lends_to_this_process_s_group_is_taken(channels, monkeypatch, mode, mine, taken):
    """As Kubernetes mounts a secret for a user that is not root; not where others may read it, or another group."""
    monkeypatch.setattr("os.geteuid", lambda: 10001)
    monkeypatch.setattr("os.getegid", lambda: 10001)
    monkeypatch.setattr("os.getgroups", lambda: [os.getgid()] if mine else [])
    if taken:
        assert channels("json://127.0.0.1/", mode=mode)
    else:
        with pytest.raises(UsageError, match="may be read by others"):
            channels("json://127.0.0.1/", mode=mode)


def test_every_wrong_line_is_said_without_its_url(channels):
    """With its number and what to do; passwords stay in the file."""
    with pytest.raises(ConfigError) as caught:
        channels(
            f"json://user:{SECRET}@127.0.0.1/{{email}}",
            SECRET,
            f"nonsense://{SECRET}",
            f"json://user:{SECRET}@127.0.0.1/{{mail}}",
        )
    assert [f"{p.line}: {p.message}" for p in caught.value.problems] == [
        "2: is no apprise URL: it begins with for example mailtos:// or slack://",
        "3: apprise does not understand this nonsense:// URL",
        "4: {mail} is not known: write one of {email}, {netid}, {owner}",
    ]
    assert SECRET not in str(caught.value)


def test_a_file_without_channels_is_wrong(channels):
    """Else nobody would be told, and nobody would know."""
    with pytest.raises(ConfigError, match="holds no channel"):
        channels("# nothing yet")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no such file: name it with --notify or CHI_LAB_NOTIFY"):
        read_channels(tmp_path / "none")


def test_no_secret_is_logged_or_shown(channels, inbox, caplog, capfd):
    """Neither when it works nor when it fails, whatever the log's level."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("apprise").disabled = False
    found = channels(inbox.url("/to/{owner}"), inbox.url("/no/{owner}"), inbox.url("/no"))
    notifier = Notifier(found)
    said = [str(notifier.owners([digest(ALICE)])), str(notifier.staff("t", "b")), repr(found), repr(notifier)]
    out, err = capfd.readouterr()
    assert len(inbox.got) == 3
    assert SECRET not in "".join([caplog.text, out, err, *said])


def test_a_link_to_a_private_file_is_as_good(tmp_path):
    """As Kubernetes mounts secrets."""
    real = tmp_path / "real"
    real.write_text("json://127.0.0.1/\n")
    real.chmod(0o600)
    (tmp_path / "link").symlink_to(real)
    assert len(read_channels(tmp_path / "link")) == 1
