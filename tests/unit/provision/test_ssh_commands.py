"""The command lines of ssh, word by word, and how its processes end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chi_helpers.model.errors import SiteError, UsageError
from chi_helpers.provision import openssh, tunnel
from chi_helpers.provision.openssh import as_options, quoted, settings, through
from chi_helpers.provision.services import Service

OWN = {
    "UserKnownHostsFile": '"/lab/known_hosts"',
    "GlobalKnownHostsFile": "/dev/null",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
    "IdentityFile": '"/keys/id"',
    "IdentitiesOnly": "yes",
}


def test_the_settings_are_these():
    assert settings(Path("/lab/known_hosts"), Path("/keys/id")) == OWN
    assert as_options({"A": "b", "C": "d e"}) == ["-o", "A=b", "-o", "C=d e"]
    assert through({"A": "b c"}, "cc@h") == {"ProxyCommand": "ssh -o 'A=b c' -W '[%h]:%p' cc@h"}
    assert through({"A": "100%"}, "cc@h") == {"ProxyCommand": "ssh -o A=100%% -W '[%h]:%p' cc@h"}


def test_each_sign_that_ssh_reads_in_another_way_is_written_so_that_it_does_not():
    assert quoted(Path('/a b\\c"d%e')) == '"/a b\\\\c\\"d%%e"'
    assert quoted(Path("/$HOME/{x}")) == '"/$HOME/{x}"'


@pytest.mark.parametrize("path", ["/${HOME}", "/a\x1fb", "/a\nb"])
def test_a_path_that_cannot_be_told_is_refused_with_what_to_do(path):
    with pytest.raises(UsageError, match="OpenSSH cannot be told the path") as error:
        quoted(Path(path))
    assert repr(path) in error.value.what
    assert "Move it" in error.value.do


@pytest.mark.parametrize(("timeout", "connect"), [(20.0, "20"), (7.9, "7"), (0.5, "1")])
def test_a_greeting_is_asked_for_without_a_question_within_the_time(monkeypatch, timeout, connect):
    seen = []

    def run(words, **options):
        seen.append((words, options))
        return subprocess.CompletedProcess(words, 0, b"SSH-2.0-x", b"a banner")

    monkeypatch.setattr(subprocess, "run", run)
    assert openssh.greets({"A": "b"}, "cc@h", "10.0.0.2", 2222, timeout=timeout) == ""
    [(words, options)] = seen
    assert words == [
        "ssh", "-o", "A=b", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={connect}",
        "-W", "[10.0.0.2]:2222", "cc@h",
    ]  # fmt: skip
    assert (options["stdin"], options["timeout"]) == (subprocess.DEVNULL, timeout)


@pytest.mark.parametrize(
    ("out", "err", "why"),
    [
        (b"", b" no route \n", "no route"),
        (b"xSSH-", b"", "it is no SSH server that answers"),
        (b"", b"\xff", "�"),
    ],
)
def test_why_there_was_no_greeting_is_ssh_s_own_word(monkeypatch, out, err, why):
    done = subprocess.CompletedProcess([], 255, out, err)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert openssh.greets({}, "cc@h", "10.0.0.2", 22, timeout=1) == why


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """`ssh(code)` puts a Python program in ssh's place; it writes its arguments and number beside itself."""

    def put(code):
        program = tmp_path / "ssh"
        program.write_text(f"""#!{sys.executable} -IS
import json, os, pathlib, signal, socket, sys, time
here = pathlib.Path(__file__).parent
def listen():
    words = [word[2:].split(":") for word in sys.argv if word.startswith("-L")]
    return [socket.create_server((host, int(port))) for host, port, *_ in words]
(here / sys.argv[-1]).write_text(json.dumps(sys.argv[1:]))
(here / "pid").write_text(str(os.getpid()))
{code}""")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path

    return put


STAY = "servers = listen(); time.sleep(1000)"


def words(folder, destination):
    return json.loads((folder / destination).read_text())


def end(name="n"):
    return tunnel.Endpoint(f"cc@{name}", {"A": "b"})


def test_one_ssh_for_each_node_carries_all_of_its_services(ssh):
    folder = ssh(STAY)
    services = [Service("one", "n", 1), Service("two", "m", 1, "/two"), Service("three", "n", 1)]
    with tunnel.opened(services, {"n": end("n"), "m": end("m")}) as tunnels:
        one, two, three = tunnels.forwards
        assert [forward.service for forward in tunnels.forwards] == services
        assert words(folder, "cc@n") == [
            "-N", "-o", "A=b", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes",
            "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-o", "ConnectTimeout=20",
            "-o", "ControlMaster=no", "-o", "ControlPath=none",
            f"-L127.0.0.1:{one.port}:127.0.0.1:1", f"-L127.0.0.1:{three.port}:127.0.0.1:1", "cc@n",
        ]  # fmt: skip
        assert words(folder, "cc@m")[-2:] == [f"-L127.0.0.1:{two.port}:127.0.0.1:1", "cc@m"]
        assert two.url == f"http://127.0.0.1:{two.port}/two"


def test_every_forward_of_every_node_is_waited_for(ssh, monkeypatch):
    """One node's ssh listens late, on its second service last."""
    ssh("""
words = [word[2:].split(":") for word in sys.argv if word.startswith("-L")]
servers = []
for host, port, *_ in words:
    time.sleep(0.4)
    servers.append(socket.create_server((host, int(port))))
time.sleep(1000)""")
    services = [Service("one", "n", 1), Service("two", "n", 1), Service("three", "m", 1)]
    up = []
    real = tunnel._until_up

    def until_up(process, forward):
        real(process, forward)
        up.append((process.node, forward.service.name))

    monkeypatch.setattr(tunnel, "_until_up", until_up)
    with tunnel.opened(services, {"n": end("n"), "m": end("m")}):
        assert up == [("n", "one"), ("n", "two"), ("m", "three")]


@pytest.mark.parametrize(("said", "told"), [("", "it said nothing"), ("No key.", "No key.")])
def test_an_ssh_that_ends_at_once_is_told_with_what_to_do(ssh, said, told):
    ssh(f"print({said!r}, file=sys.stderr); sys.exit(255)")
    with (
        pytest.raises(SiteError, match=f"ssh to n ended: {told}") as error,
        tunnel.opened([Service("one", "n", 1)], {"n": end()}),
    ):
        pytest.fail("it is not up")
    assert "chi-lab up" in error.value.do


@pytest.mark.parametrize(("said", "told"), [("", "ssh said nothing"), ("Gone.", "Gone.")])
def test_a_tunnel_that_ends_later_is_told_by_its_node(ssh, said, told):
    """The other node's goes on."""
    code = f"""
servers = listen()
if sys.argv[-1] == "cc@n":
    time.sleep(1000)
while not (here / "go").exists():
    time.sleep(0.02)
print({said!r}, file=sys.stderr)
sys.exit(1)"""
    folder = ssh(code)
    services = [Service("one", "n", 1), Service("two", "m", 1)]
    with tunnel.opened(services, {"n": end("n"), "m": end("m")}) as tunnels:
        (folder / "go").touch()
        with pytest.raises(SiteError, match=f"The tunnel to m ended: {told}") as error:
            tunnels.wait()
    assert "chi-lab status" in error.value.do


def test_an_ssh_that_does_not_end_when_it_is_told_to_is_killed(ssh, monkeypatch):
    folder = ssh(f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAY}")
    waited = []
    real = subprocess.Popen.wait

    def wait(process, timeout=None):
        waited.append(timeout)
        return real(process, 0.2 if timeout == 10 else timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    with tunnel.opened([Service("one", "n", 1)], {"n": end()}):
        pid = int((folder / "pid").read_text())
    assert waited[:2] == [10, None]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_a_forward_has_its_time_to_come_up(ssh, monkeypatch):
    ssh("time.sleep(1000)")
    monkeypatch.setattr(tunnel, "_SECONDS", 0.5)
    began = time.monotonic()
    with (
        pytest.raises(SiteError, match=r"The tunnel to one on n does not come up: .*refused"),
        tunnel.opened([Service("one", "n", 1)], {"n": end()}),
    ):
        pytest.fail("it is not up")
    assert time.monotonic() - began >= 0.5
