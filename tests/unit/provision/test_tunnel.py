"""Tunnels, with a program in ssh's place that listens where it is told to, or fails."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chi_helpers.model.errors import SiteError
from chi_helpers.provision import tunnel
from chi_helpers.provision.openssh import settings
from chi_helpers.provision.services import Service

TO = tunnel.Endpoint("cc@192.0.2.1", settings(Path("/lab/known_hosts"), Path("/keys/id")))


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """`ssh(code)` puts a Python program in ssh's place."""

    def put(code):
        program = tmp_path / "ssh"
        program.write_text(f"#!{sys.executable}\n{code}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path

    return put


@pytest.fixture
def port():
    """A port that is free, and not in the range from which the system gives others."""
    with socket.socket() as probe:
        probe.bind((tunnel.HERE, 0))
        return int(probe.getsockname()[1])


def listening(seconds="1000"):
    return f"""
import pathlib, socket, sys, time, os
here = pathlib.Path(__file__).parent
(here / "words").write_text("\\n".join(sys.argv[1:]))
(here / "pid").write_text(str(os.getpid()))
servers = [
    socket.create_server((word[2:].split(":")[0], int(word.split(":")[1])))
    for word in sys.argv if word.startswith("-L")
]
time.sleep({seconds})
print("the node went away", file=sys.stderr)
sys.exit(255)
"""


def test_a_service_is_reached_on_its_own_port_where_that_is_free(ssh, port):
    folder = ssh(listening())
    service = Service("mlflow", "node1", port)
    with tunnel.opened([service], {"node1": TO}) as tunnels:
        (forward,) = tunnels.forwards
        assert (forward.port, forward.url) == (port, f"http://127.0.0.1:{port}/")
        socket.create_connection((tunnel.HERE, port)).close()
        words = (folder / "words").read_text().split("\n")
        assert words[-1] == "cc@192.0.2.1"
        assert f"-L127.0.0.1:{port}:127.0.0.1:{port}" in words
        assert "StrictHostKeyChecking=yes" in words
        assert "ExitOnForwardFailure=yes" in words
        pid = int((folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def test_where_the_port_is_taken_another_one_leads_to_the_same(ssh, port):
    folder = ssh(listening())
    with (
        socket.create_server((tunnel.HERE, port)),
        tunnel.opened([Service("jupyter", "node1", port, "/lab")], {"node1": TO}) as tunnels,
    ):
        (forward,) = tunnels.forwards
        assert forward.port != port
        assert forward.url.endswith(f":{forward.port}/lab")
        assert f"-L127.0.0.1:{forward.port}:127.0.0.1:{port}" in (folder / "words").read_text()


def test_two_services_of_one_port_on_two_nodes_get_two_ports(ssh, port):
    ssh(listening())
    services = [Service("prometheus", "node1", port), Service("prometheus", "node2", port)]
    with tunnel.opened(services, {"node1": TO, "node2": TO}) as tunnels:
        assert len({forward.port for forward in tunnels.forwards}) == 2


def test_an_ssh_that_fails_is_told_with_what_it_said(ssh, port):
    ssh("import sys; print('Host key verification failed.', file=sys.stderr); sys.exit(255)")
    with (
        pytest.raises(SiteError, match="node1 ended: Host key verification failed"),
        tunnel.opened([Service("mlflow", "node1", port)], {"node1": TO}),
    ):
        pytest.fail("it is not up")


def test_a_forward_that_does_not_come_up_is_told(ssh, port, monkeypatch):
    monkeypatch.setattr(tunnel, "_SECONDS", 1.0)
    ssh("import time; time.sleep(1000)")
    with (
        pytest.raises(SiteError, match="mlflow on node1 does not come up"),
        tunnel.opened([Service("mlflow", "node1", port)], {"node1": TO}),
    ):
        pytest.fail("it is not up")


def test_a_tunnel_that_ends_later_is_told(ssh, port):
    ssh(listening("3"))
    with tunnel.opened([Service("mlflow", "node1", port)], {"node1": TO}) as tunnels:
        with pytest.raises(SiteError, match="ended: the node went away") as error:
            tunnels.wait()
        assert error.value.do


def test_nothing_is_left_when_the_caller_fails(ssh, port):
    folder = ssh(listening())
    with pytest.raises(RuntimeError), tunnel.opened([Service("mlflow", "node1", port)], {"node1": TO}):
        raise RuntimeError
    pid = (folder / "pid").read_text()
    assert subprocess.run(["ps", "-p", pid], capture_output=True, check=False).returncode != 0
