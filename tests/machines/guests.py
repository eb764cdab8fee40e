"""Instances for the tests of machines: booked, booted, reached and removed with the services' own APIs."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from tests.support.site import SiteUnderTest

HOST_KEY = re.compile(r"^(ssh-ed25519|ecdsa-sha2-nistp256) (\S+)", re.MULTILINE)


def until(fact: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """What `fact` returns, once that is true; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
        time.sleep(0.1)
    return found


def answers(address: str, port: int) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        socket.create_connection((address, port), timeout=3).close()
    except OSError:
        return False
    return True


@dataclass
class Guest:
    """An instance with a floating IP, and the way into it."""

    cloud: Any
    server: Any
    address: str
    key: Path
    folder: Path
    known_hosts: Path | None = None

    def serve(self, port: int, text: str) -> None:
        """Answer HTTP requests on a port of all its addresses with a text."""
        self.ssh(
            f"mkdir -p www-{port} && echo {text} > www-{port}/index.html && sudo systemd-run --quiet"
            f" --working-directory=/home/cc/www-{port} python3 -m http.server {port}"
        )
        until(
            lambda: self.ssh(f"curl -sm2 http://127.0.0.1:{port}/", check=False) == text, f"service on {port}"
        )

    def refresh(self) -> Any:
        self.server = self.cloud.compute.get_server(self.server.id)
        return self.server

    def console(self) -> str:
        return str(self.cloud.compute.get_server_console_output(self.server.id)["output"])

    def trust(self) -> Path:
        """A known_hosts file with the keys that its console shows, and no others."""
        keys = until(self._keys, "host keys on the console")
        path = self.folder / f"known_hosts-{self.server.id}"
        path.write_text("".join(f"{self.address} {kind} {key}\n" for kind, key in keys))
        return path

    def _keys(self) -> list[tuple[str, str]]:
        _, begin, rest = self.console().partition("-----BEGIN SSH HOST KEY KEYS-----")
        block, end, _ = rest.partition("-----END SSH HOST KEY KEYS-----")
        return HOST_KEY.findall(block) if begin and end else []

    def ssh(self, command: str, *, check: bool = True) -> str:
        """Run a command as cc, the host key verified against the console's first word; its stdout."""
        self.known_hosts = self.known_hosts or self.trust()
        done = subprocess.run(
            [
                *("ssh", "-i", str(self.key), "-o", f"UserKnownHostsFile={self.known_hosts}", "-F", "none"),
                *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"),
                *("-o", "IdentitiesOnly=yes", f"cc@{self.address}", command),
            ],
            # Of its own: a killed ssh leaves its input non-blocking, for all that share it.
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, f"ssh {command}: {done.stderr}"
        return done.stdout.strip()

    def reachable(self) -> Guest:
        until(lambda: answers(self.address, 22), f"sshd on {self.address}")
        return self

    def wait(self, status: str) -> None:
        until(lambda: self.refresh().status == status, f"{self.server.name} {status}")


@dataclass
class Desk:
    """A lease, and what is made under it; `clear` removes everything again."""

    site: SiteUnderTest
    folder: Path
    cloud: Any
    flavor: str
    lease: str
    name: str
    networks: list[Any] = field(default_factory=list)
    groups: list[Any] = field(default_factory=list)

    def group(self, *ports: int) -> Any:
        """A security group that opens exactly these TCP ports to the world."""
        made = self.cloud.network.create_security_group(name=f"{self.name}-{token_hex(2)}")
        self.groups.append(made)
        for port in ports:
            self.open(made, port)
        return made

    def open(self, group: Any, port: int) -> Any:
        return self.cloud.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="tcp",
            port_range_min=port, port_range_max=port,
        )  # fmt: skip

    def network(self, cidr: str) -> Any:
        """A private network without a gateway."""
        made = self.cloud.network.create_network(name=f"{self.name}-{token_hex(2)}")
        self.networks.append(made)
        self.cloud.network.create_subnet(network_id=made.id, ip_version=4, cidr=cidr, gateway_ip=None)
        return made

    def request(self, networks: Sequence[Any] = (), *, user_data: str = "", fixed_ip: str = "") -> Any:
        """Ask for an instance on sharednet1 and then these networks; returns at once.

        `fixed_ip` is its address on the private networks.
        """
        shared = self.cloud.network.find_network("sharednet1")
        image = self.cloud.image.find_image("CC-Ubuntu24.04")
        more = {"user_data": base64.b64encode(user_data.encode()).decode()} if user_data else {}
        address = {"fixed_ip": fixed_ip} if fixed_ip else {}
        private = [{"uuid": network.id, **address} for network in networks]
        return self.cloud.compute.create_server(
            name=f"{self.name}-{token_hex(2)}", flavor_id=self.flavor, image_id=image.id,
            key_name=self.name, networks=[{"uuid": shared.id}, *private], **more,
        )  # fmt: skip

    def reach(self, server: Any, group: Any) -> Guest:
        """Wait for it, give it a floating IP and the group on its first port, wait for sshd."""
        server = self.cloud.compute.wait_for_server(server, interval=0.3, wait=90)
        shared = self.cloud.network.find_network("sharednet1")
        port = next(iter(self.cloud.network.ports(device_id=server.id, network_id=shared.id)))
        self.cloud.network.update_port(port, security_groups=[group.id])
        public = self.cloud.network.find_network("public")
        address = self.cloud.network.create_ip(floating_network_id=public.id, port_id=port.id)
        guest = Guest(self.cloud, server, address.floating_ip_address, self.site.private_key, self.folder)
        return guest.reachable()

    def boot(self, networks: Sequence[Any] = (), **more: Any) -> Guest:
        return self.reach(self.request(networks, **more), self.group(22))

    def clear(self) -> None:
        servers = [s for s in self.cloud.compute.servers() if s.name.startswith(self.name)]
        ours = {server.id for server in servers}
        ports = {port.id for port in self.cloud.network.ports() if port.device_id in ours}
        addresses = [ip for ip in self.cloud.network.ips() if ip.port_id in ports]
        for server in servers:
            self.cloud.compute.delete_server(server)
        for address in addresses:
            self.cloud.network.delete_ip(address)
        for server in servers:
            self.cloud.compute.wait_for_delete(server, interval=0.3, wait=60)
        for network in self.networks:
            self.cloud.network.delete_network(network)
        for group in self.groups:
            self.cloud.network.delete_security_group(group)
        self.cloud.compute.delete_keypair(self.name)


@contextlib.contextmanager
def desk(site: SiteUnderTest, folder: Path, *, instances: int) -> Iterator[Desk]:
    """Reserve `instances` of m1.small for an hour; everything is gone afterwards."""
    cloud, blazar = site.connection(), site.blazar()
    name = f"machines-{token_hex(3)}"
    now = datetime.now(UTC)
    lease = blazar.post("/leases", json={
        "name": name,
        "start_date": "now",
        "end_date": (now + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M"),
        "events": [],
        "reservations": [{
            "resource_type": "flavor:instance",
            "flavor_id": cloud.compute.find_flavor("m1.small").id,
            "amount": instances,
            "affinity": None,
        }],
    }).json()["lease"]  # fmt: skip
    try:
        until(
            lambda: blazar.get(f"/leases/{lease['id']}").json()["lease"]["status"] == "ACTIVE",
            "lease ACTIVE",
        )
        made = Desk(site, folder, cloud, lease["reservations"][0]["id"], lease["id"], name)
        public = site.private_key.with_name(f"{site.private_key.name}.pub").read_text()
        cloud.compute.create_keypair(name=name, public_key=public)
        try:
            yield made
        finally:
            made.clear()
    finally:
        blazar.delete(f"/leases/{lease['id']}")
