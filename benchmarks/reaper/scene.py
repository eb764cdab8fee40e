"""What the contestants find: three projects of expired things, and a few that must stay.

Each project has an owner of its own, networks with a subnet and a router each, and instances, each with a
port made beforehand and a floating IP on it. On the first network there is a young instance too: that network
with its subnet, its router and the router's interface must stay, and so must the young one's port and
address. Beside them stand a network that the lab's file spares by its name, and a security group of another
lab.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openstack

from benchmarks.reaper.site import BenchSite
from chi_helpers.model.stamp import Stamp
from chi_helpers.sandbox.description import DOMAIN, write_private

LAB, OTHER_LAB = "bench_reaper", "somebody_elses_lab"
LIFETIME = timedelta(hours=6)
AGE = timedelta(hours=9)
"""How old the expired things are made: past the lifetime, the grace, and the wait for a warning."""
SPARED = "bench-spared"
PROJECTS = ("bench-1", "bench-2", "bench-3")
NETWORKS = 4
"""In each project; the first has the young instance."""
_IN_FLIGHT = 4
"""Creations at once, in each project."""
_PATIENCE = 1800.0
Ids = dict[str, list[str]]


@dataclass
class Scene:
    """`{project: {kind: ids}}` of what must go and what must stay, as the site names them."""

    instances: int
    made: str
    projects: dict[str, str] = field(default_factory=dict)
    """`{name: id}`; the name is also the login's in `clouds.yaml`."""
    go: dict[str, Ids] = field(default_factory=dict)
    stay: dict[str, Ids] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Scene | None:
        return cls(**json.loads(path.read_text())) if path.exists() else None

    def number(self, kind: str | None = None) -> int:
        """How many of a kind (None: of all) must go."""
        return sum(len(v) for ids in self.go.values() for k, v in ids.items() if kind in (None, k))


def make(site: BenchSite, instances: int, tell: Callable[[str], None]) -> Scene:
    """Make the scene on a fresh sandbox and keep it. Writes `clouds.yaml`, which holds secrets."""
    admin = site.admin()
    _free_hosts(admin)
    scene = Scene(instances, datetime.now(UTC).isoformat(timespec="seconds"))
    clouds = {name: _people(site, admin, name, scene) for name in PROJECTS}
    # JSON is YAML.
    write_private(site.state / "clouds.yaml", json.dumps({"clouds": {n: c[0] for n, c in clouds.items()}}))
    shares = [instances // len(PROJECTS) + (n < instances % len(PROJECTS)) for n in range(len(PROJECTS))]
    with ThreadPoolExecutor(len(PROJECTS)) as pool:
        parts = [
            pool.submit(_Project(clouds[name][1], name, scene).make, number)
            for name, number in zip(PROJECTS, shares, strict=True)
        ]
        for part in parts:
            part.result()
    _until_active(admin, instances + len(PROJECTS), tell)
    long_ago = datetime.now(UTC) - AGE
    old = _merged(scene.go.values())
    for kind, ids in _merged(_old_ones(stay) for stay in scene.stay.values()).items():
        old[kind] = old.get(kind, []) + ids
    site.set_back(old, long_ago)
    site.keep()
    return scene


def _old_ones(stay: Ids) -> Ids:
    """Of what must stay, what is old: all but the young instance, its port and its floating IP."""
    return {kind: ids for kind, ids in stay.items() if kind not in ("instance", "port", "floating IP")}


def _free_hosts(admin: Any) -> None:
    """Take the virtual machines' hosts out of Blazar's pool: the peers know of no leases."""
    pool = admin.compute.find_aggregate("freepool")
    for host in admin.compute.get_aggregate(pool.id).hosts:
        if host.startswith(("kvm0", "kvm1")):
            admin.compute.remove_host_from_aggregate(pool.id, host)


def _people(site: BenchSite, admin: Any, name: str, scene: Scene) -> tuple[dict[str, Any], Any]:
    """A project with one member: (the login of its application credential, the member's connection)."""
    identity = admin.identity
    domain = identity.find_domain(DOMAIN)
    project = identity.create_project(name=name, domain_id=domain.id)
    password = site.description.secrets.users["other"]
    user = identity.create_user(
        name=name, password=password, domain_id=domain.id, default_project_id=project.id
    )
    identity.assign_project_role_to_user(project, user, identity.find_role("member"))
    scene.projects[name] = project.id
    where: dict[str, Any] = {
        "auth": {"auth_url": site.description.auth_url},
        "region_name": site.description.region,
        "identity_api_version": "3",
        "interface": "public",
    }
    login = {
        "username": name,
        "password": password,
        "user_domain_id": domain.id,
        "project_id": project.id,
    }
    member = openstack.connect(
        **{**where, "auth": {**where["auth"], **login}}, load_yaml_config=False, load_envvars=False
    )
    credential = member.identity.create_application_credential(user.id, name="reaper")
    secret = {
        "application_credential_id": credential.id,
        "application_credential_secret": credential.secret,
    }
    cloud = {**where, "auth_type": "v3applicationcredential", "auth": {**where["auth"], **secret}}
    return cloud, member


class _Project:
    """Makes one project's part, as its member."""

    def __init__(self, cloud: Any, name: str, scene: Scene) -> None:
        self.cloud, self.name = cloud, name
        self.go: Ids = {}
        self.stay: Ids = {}
        scene.go[name], scene.stay[name] = self.go, self.stay
        now = datetime.now(UTC)
        self.old = Stamp(name, LAB, now - AGE + LIFETIME)
        self.young = Stamp(name, LAB, now + LIFETIME)
        self.foreign = Stamp(name, OTHER_LAB, now - AGE + LIFETIME)

    def make(self, number: int) -> None:
        group = self._post("network", "security-groups", "security_group",
                           name="bench", description=self.old.description())["id"]  # fmt: skip
        other = self._post("network", "security-groups", "security_group",
                           name="other", description=self.foreign.description())["id"]  # fmt: skip
        spared = self._post("network", "networks", "network",
                            name=SPARED, description=self.old.description())["id"]  # fmt: skip
        self.go["security group"] = [group]
        self.stay["security group"] = [other]
        self.stay["network"] = [spared]
        public = self.cloud.network.find_network("public").id
        image = self.cloud.image.find_image("CC-Ubuntu24.04").id
        flavor = self.cloud.compute.find_flavor("m1.tiny").id
        networks = [self._network(n, public) for n in range(NETWORKS)]
        for n, (network, subnet, router, interface) in enumerate(networks):
            side = self.stay if n == 0 else self.go
            for kind, made in (("network", network), ("subnet", subnet), ("router", router),
                               ("router interface", interface)):  # fmt: skip
                side.setdefault(kind, []).append(made)
        shares = [number // NETWORKS + (n < number % NETWORKS) for n in range(NETWORKS)]
        ports = [
            port
            for (network, *_), share in zip(networks, shares, strict=True)
            for port in self._ports(network, [group], share)
        ]
        self.go["port"] = ports
        one = self._post("network", "ports", "port", name="young", network_id=networks[0][0],
                         description=self.young.description())["id"]  # fmt: skip
        self.stay["port"] = [one]
        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            self.go["floating IP"] = list(pool.map(lambda port: self._address(public, port, self.old), ports))
            self.go["instance"] = list(
                pool.map(
                    lambda numbered: self._instance(
                        f"old-{numbered[0]}", numbered[1], image, flavor, self.old
                    ),
                    enumerate(ports),
                )
            )
        address = self._address(public, one, self.young)
        self.stay["floating IP"] = [address]
        self.stay["instance"] = [self._instance("young", one, image, flavor, self.young)]
        self.stay["binding"] = [f"{address} on {one}"]

    def _network(self, number: int, public: str) -> tuple[str, str, str, str]:
        says = self.old.description()
        name = f"bench-{number}"
        network = self._post("network", "networks", "network", name=name, description=says)["id"]
        subnet = self._post("network", "subnets", "subnet", name=name, description=says, network_id=network,
                            ip_version=4, cidr=f"192.168.{number}.0/24")["id"]  # fmt: skip
        router = self._post("network", "routers", "router", name=name, description=says,
                            external_gateway_info={"network_id": public})["id"]  # fmt: skip
        answer = self.cloud.network.put(f"/routers/{router}/add_router_interface", json={"subnet_id": subnet})
        answer.raise_for_status()
        return network, subnet, router, answer.json()["port_id"]

    def _ports(self, network: str, groups: list[str], number: int) -> list[str]:
        one = {"network_id": network, "security_groups": groups, "description": self.old.description()}
        wanted = [{**one, "name": f"old-{n}"} for n in range(number)]
        if not wanted:
            return []
        answer = self.cloud.network.post("/ports", json={"ports": wanted})
        answer.raise_for_status()
        return [port["id"] for port in answer.json()["ports"]]

    def _address(self, public: str, port: str, stamp: Stamp) -> str:
        made = self._post("network", "floatingips", "floatingip", floating_network_id=public, port_id=port,
                          description=stamp.description())  # fmt: skip
        return str(made["id"])

    def _instance(self, name: str, port: str, image: str, flavor: str, stamp: Stamp) -> str:
        made = self._post("compute", "servers", "server", name=name, imageRef=image, flavorRef=flavor,
                          networks=[{"port": port}], metadata=stamp.metadata())  # fmt: skip
        return str(made["id"])

    def _post(self, service: str, path: str, key: str, **what: Any) -> dict[str, Any]:
        answer = getattr(self.cloud, service).post(f"/{path}", json={key: what})
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()[key]
        return made


def _until_active(admin: Any, number: int, tell: Callable[[str], None]) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        states = [server.status for server in admin.compute.servers(all_projects=True)]
        active = states.count("ACTIVE")
        if active == number:
            return
        assert "ERROR" not in states, f"{states.count('ERROR')} instances ended in ERROR"
        assert time.monotonic() < end, f"only {active} of {number} instances are active"
        tell(f"  {active} of {number} instances are active")
        time.sleep(5)


def _merged(all_ids: Iterable[Ids]) -> Ids:
    found: Ids = {}
    for ids in all_ids:
        for kind, some in ids.items():
            found.setdefault(kind, []).extend(some)
    return found
