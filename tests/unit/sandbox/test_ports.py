"""A port that is taken is reported with who has it."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace

import psutil
import pytest

from chi_helpers.sandbox import ports
from chi_helpers.sandbox.errors import PortTakenError
from tests.unit.sandbox.test_files import site

__all__ = ["site"]


def test_free_ports_are_no_problem(site):
    ports.check_free(site)


def test_a_taken_port_names_the_service_the_program_and_its_pid(site):
    with socket.create_server((site.addresses.api, 9696)), pytest.raises(PortTakenError) as caught:
        ports.check_free(site)
    message = str(caught.value)
    assert f"{site.addresses.api}:9696 (neutron) is taken by " in message
    assert f"(pid {os.getpid()})" in message
    assert "--name" in message


def test_a_listener_on_all_addresses_is_found_too(site, monkeypatch):
    # Described, not opened: tests listen on loopback only.
    laddr = SimpleNamespace(ip="0.0.0.0", port=9696)
    everywhere = SimpleNamespace(status=psutil.CONN_LISTEN, laddr=laddr, pid=os.getpid())
    monkeypatch.setattr(psutil, "net_connections", lambda _kind: [everywhere])
    assert f"(pid {os.getpid()})" in ports.holder(site.addresses.api, 9696)
