"""python-chi's ways to log in, once they are verified: the host key is looked up, and no other is believed."""

from __future__ import annotations

import logging
import socket
import threading

import chi.server
import paramiko
import pytest
from chi.server import Server
from paramiko.common import AUTH_FAILED

from chi_helpers.notebook import verified

HOST = "127.0.0.1"


class Impostor(paramiko.ServerInterface):
    """Lets nobody in, and remembers whose keys it was offered."""

    def __init__(self):
        self.offered = []

    def get_allowed_auths(self, username):  # noqa: ARG002
        return "publickey"

    def check_auth_publickey(self, username, key):
        self.offered.append((username, key.get_base64()))
        return AUTH_FAILED


@pytest.fixture
def host():
    """An SSH server on the loopback: its port, its host key, and what it was offered."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    key = paramiko.ECDSAKey.generate()
    with socket.create_server((HOST, 0)) as listening:
        transports, impostor = [], Impostor()

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transport.add_server_key(key)
                transport.start_server(server=impostor, event=threading.Event())
                transports.append(transport)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], key, impostor.offered
        listening.shutdown(socket.SHUT_RDWR)
    for transport in transports:
        transport.close()


@pytest.fixture
def mine(tmp_path):
    """The user's key."""
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(tmp_path / "mine"))
    return key


@pytest.fixture
def server(monkeypatch, mine, tmp_path):
    """python-chi's Server at the loopback address; the site is not asked."""
    monkeypatch.setattr(Server, "get_floating_ip", lambda _: HOST)
    monkeypatch.setattr(chi.server, "get_from_context", lambda _: str(tmp_path / "mine"))
    return Server.__new__(Server)


WAYS = {
    "execute": lambda server, port: server.execute("true", port=port),
    "upload": lambda server, port: server.upload(__file__, "x", port=port),
    "ssh_connection": lambda server, port: server.ssh_connection(port=port).run("true"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_host_that_nobody_vouched_for_is_refused_before_anything_is_said_to_it(
    server, host, tmp_path, way, times
):
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("")
    for _ in range(times):
        assert verified(server, known_hosts) is server
    with pytest.raises(paramiko.SSHException, match="not found in known_hosts"):
        WAYS[way](server, host[0])
    assert host[2] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_host_with_another_key_than_the_vouched_one_is_refused(server, host, tmp_path, way):
    port, _, offered = host
    known_hosts = tmp_path / "known_hosts"
    other = paramiko.ECDSAKey.generate()
    known_hosts.write_text(f"[{HOST}]:{port} {other.get_name()} {other.get_base64()}\n")
    with pytest.raises(paramiko.BadHostKeyException):
        WAYS[way](verified(server, known_hosts), port)
    assert offered == []


@pytest.mark.parametrize("way", WAYS)
def test_a_vouched_host_is_offered_the_users_key(server, mine, host, tmp_path, way):
    """So the refusals above are about the host key: with the right one, it comes to the next step."""
    port, key, offered = host
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[{HOST}]:{port} {key.get_name()} {key.get_base64()}\n")
    with pytest.raises(paramiko.SSHException):  # the last of its tries to read the key as some type
        WAYS[way](verified(server, known_hosts), port)
    assert ("cc", mine.get_base64()) in offered
