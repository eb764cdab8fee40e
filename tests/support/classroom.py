"""A project of its own at the site under test, with people in it: what one run of the reaper works on.

Made with the administrator's login and openstacksdk, never with the kit. Scenes in projects of their own
do not disturb each other, so that many can be played side by side.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

import openstack
import yaml
from keystoneauth1.adapter import Adapter

from tests.support.site import SiteUnderTest, surroundings

DOMAIN = "chameleon"
STUDENTS = ("alice", "bob", "dora")
"""On the roster."""
STRANGER, ROBOT = "zed", "robot"
"""Members of the project that are not on the roster; the robot is who the reaper logs in as."""
ROBOT_CLOUD = "robot"
"""The robot's application credential, in the classroom's own clouds.yaml."""
_GONE_SECONDS = 120.0
_ONE_AT_A_TIME = threading.Lock()
"""Keystone's cache may miss a role that is given while another is: then there is no credential for it."""


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    """Without the project's tag: `alice`."""
    user: str
    """Keystone's name of the user."""
    user_id: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Classroom:
    """One project. `folder` holds its clouds.yaml, its roster and the state of the reapers that run on it."""

    site: SiteUnderTest
    folder: Path
    tag: str
    project_id: str
    members: Mapping[str, Member]
    course: str = ""
    """Where the class has several projects: the tag of the first."""

    @property
    def project(self) -> str:
        return f"CHI-{self.tag}"

    def login(self, who: str) -> dict[str, str]:
        member = self.members[who]
        return {
            "auth_url": self.site.auth_url,
            "username": member.user,
            "password": member.password,
            "user_domain_name": DOMAIN,
            "project_name": self.project,
            "project_domain_name": DOMAIN,
        }

    @cached_property
    def _connections(self) -> dict[str, Any]:
        return {}

    def cloud(self, who: str) -> Any:
        """An openstacksdk connection as this member; the same one each time."""
        if who not in self._connections:
            self._connections[who] = openstack.connect(
                auth=self.login(who),
                auth_type="password",
                region_name=self.site.region,
                load_yaml_config=False,
                load_envvars=False,
            )
        return self._connections[who]

    def blazar(self, who: str) -> Adapter:
        """Blazar's API, which openstacksdk does not know; errors raise."""
        return Adapter(
            self.cloud(who).session,
            service_type="reservation",
            region_name=self.site.region,
            interface="public",
        )

    def env(self, reaper: str = "one", **extra: str) -> dict[str, str]:
        """Environment of a reaper with the robot's application credential and a memory of its own."""
        return {
            **surroundings(),
            "OS_CLIENT_CONFIG_FILE": str(self.folder / "clouds.yaml"),
            "OS_CLOUD": ROBOT_CLOUD,
            "CHI_LAB_STATE": str(self.folder / f"state-{reaper}"),
            **extra,
        }

    def roster(self) -> Path:
        """The class list, as an instructor has it."""
        path = self.folder / "roster.csv"
        rows = [
            f"{name},{self.members[name].user},{name}@example.org,{self.members[name].user_id}"
            for name in STUDENTS
            if name in self.members
        ]
        path.write_text("\n".join(["owner,user,email,user_id", *rows, ""]))
        return path

    def lab(self, name: str = "reservation.yaml", **changes: Any) -> Path:
        """Write a lab file of this project; `changes` replace top-level keys (None removes)."""
        self.roster()
        lab: dict[str, Any] = {
            "version": 1,
            "lab": self.lab_name,
            "site": self.site.region,
            "project": self.project,
            "lifetime": {"max": "6h", "warn": ["1h"]},
            "lease": {"start": "now", "duration": "6h"},
            "nodes": {"node1": {"flavor": "m1.tiny", "image": "CC-Ubuntu24.04"}},
            "class": {"roster": "roster.csv"},
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump({k: v for k, v in (lab | changes).items() if v is not None}))
        return path

    @property
    def lab_name(self) -> str:
        return f"lab-{self.course or self.tag}"

    def stamp(self, owner: str, deadline: datetime | str, lab: str = "") -> dict[str, str]:
        """The stamp as docs/explanation/architecture.md says it is: the keys and values of its metadata."""
        at = deadline if isinstance(deadline, str) else deadline.astimezone(UTC).isoformat(timespec="seconds")
        return {"chi_lab_owner": owner, "chi_lab": lab or self.lab_name, "delete_at": at}

    def line(self, owner: str, deadline: datetime | str, lab: str = "") -> str:
        """The same as a description."""
        return "chi-lab " + " ".join(f"{k}={v}" for k, v in self.stamp(owner, deadline, lab).items())

    def purge(self) -> None:
        """Remove what the project holds; what does not go is left to the sandbox's next reset."""
        cloud, blazar = self.cloud(ROBOT), self.blazar(ROBOT)
        for server in cloud.compute.servers():
            if server.is_locked:
                # Any member may take a lock off that a member set.
                cloud.compute.unlock_server(server)
            cloud.compute.delete_server(server, ignore_missing=True)
        for lease in blazar.get("/leases").json()["leases"]:
            if lease["status"] != "TERMINATED":
                blazar.delete(f"/leases/{lease['id']}", raise_exc=False)
        for address in cloud.network.ips(project_id=self.project_id):
            cloud.network.delete_ip(address, ignore_missing=True)
        until = time.monotonic() + _GONE_SECONDS
        while list(cloud.compute.servers()) and time.monotonic() < until:
            time.sleep(0.5)


def classroom(
    site: SiteUnderTest, folder: Path, people: tuple[str, ...] = (*STUDENTS, STRANGER)
) -> Classroom:
    """Make a project with its people, and the robot's application credential (a member's, restricted)."""
    with _ONE_AT_A_TIME:
        return _made(site, folder, people)


def beside(room: Classroom, folder: Path) -> Classroom:
    """Make another project for the same people and the same lab; the robot has a credential there, too."""
    with _ONE_AT_A_TIME:
        tag = f"t{token_hex(4)}"
        identity = room.site.connection("admin").identity
        project = identity.create_project(name=f"CHI-{tag}", domain_id=identity.find_domain(DOMAIN).id)
        role = identity.find_role("member")
        for member in room.members.values():
            identity.assign_project_role_to_user(project.id, member.user_id, role)
        folder.mkdir(parents=True, exist_ok=True)
        made = replace(room, folder=folder, tag=tag, project_id=project.id, course=room.course or room.tag)
        _write_clouds(made)
        return made


def _made(site: SiteUnderTest, folder: Path, people: tuple[str, ...]) -> Classroom:
    tag = f"t{token_hex(4)}"
    identity = site.connection("admin").identity
    domain = identity.find_domain(DOMAIN)
    project = identity.create_project(name=f"CHI-{tag}", domain_id=domain.id)
    role = identity.find_role("member")
    members = {}
    for name in (*people, ROBOT):
        password = token_urlsafe(12)
        user = identity.create_user(name=f"{name}-{tag}", password=password, domain_id=domain.id)
        identity.assign_project_role_to_user(project, user, role)
        members[name] = Member(name, user.name, user.id, password)
    folder.mkdir(parents=True, exist_ok=True)
    made = Classroom(site, folder, tag, project.id, members)
    _write_clouds(made)
    return made


def _write_clouds(room: Classroom) -> None:
    write_clouds(room.folder, {ROBOT_CLOUD: robot(room)[0]})


def robot(room: Classroom) -> tuple[dict[str, Any], str]:
    """Make another application credential of the robot's (a member's, restricted): its entry and its id."""
    secret = token_urlsafe(24)
    credential = room.cloud(ROBOT).identity.create_application_credential(
        room.members[ROBOT].user_id, name=f"reaper-{token_hex(4)}", secret=secret
    )
    login = {
        "auth_url": room.site.auth_url,
        "application_credential_id": credential.id,
        "application_credential_secret": secret,
    }
    return entry(room.site, "v3applicationcredential", login), str(credential.id)


def entry(site: SiteUnderTest, kind: str, login: Mapping[str, str]) -> dict[str, Any]:
    """A login as clouds.yaml has it."""
    return {
        "auth_type": kind,
        "auth": dict(login),
        "region_name": site.region,
        "identity_api_version": "3",
        "interface": "public",
    }


def write_clouds(folder: Path, clouds: Mapping[str, Any]) -> None:
    path = folder / "clouds.yaml"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"clouds": clouds}))
