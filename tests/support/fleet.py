"""Several projects of one class, as one reaper has them: all their credentials in the first one's clouds.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

from tests.support.classroom import DOMAIN, Classroom, beside, classroom, entry, robot, write_clouds
from tests.support.reaping import Reaping
from tests.support.site import SiteUnderTest

CHIEF = "chief"
"""In clouds.yaml: an administrator's password, which is good in every project of the fleet."""


@dataclass
class Fleet:
    """`rooms` in the order in which they are reaped. A room's cloud has the name of its project."""

    rooms: tuple[Classroom, ...]
    clouds: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.rooms[0].folder

    def reaping(self, **lab: Any) -> Reaping:
        """A reaper whose memory they all share; the file names no project, unless `lab` does."""
        name = f"reservation-{token_hex(3)}.yaml"
        return Reaping(self.rooms[0], self.rooms[0].lab(name, **{"project": None, **lab}))

    def each(self, *instead: str) -> tuple[str, ...]:
        """`--cloud` for every room in order; a cloud of `instead` takes the place of the room's, '' keeps it."""
        names = [*instead, *[""] * (len(self.rooms) - len(instead))]
        return tuple(
            word
            for room, name in zip(self.rooms, names, strict=True)
            for word in ("--cloud", name or room.project)
        )

    def add(self, name: str, cloud: Mapping[str, Any]) -> None:
        self.clouds[name] = dict(cloud)
        write_clouds(self.folder, self.clouds)

    def revoked(self, room: Classroom) -> str:
        """A cloud whose application credential for this room was revoked: its name."""
        cloud, identifier = robot(room)
        name = f"revoked-{room.tag}"
        self.add(name, cloud)
        room.cloud("robot").identity.delete_application_credential(room.members["robot"].user_id, identifier)
        return name

    def administrator(self) -> dict[str, str]:
        """Make an administrator, and its cloud CHIEF, which is at home in the first room: its login there."""
        first = self.rooms[0]
        identity = first.site.connection("admin").identity
        password = token_urlsafe(12)
        user = identity.create_user(
            name=f"{CHIEF}-{first.tag}", password=password, domain_id=identity.find_domain(DOMAIN).id
        )
        role = identity.find_role("admin")
        for room in self.rooms:
            identity.assign_project_role_to_user(room.project_id, user, role)
        login = first.login("robot") | {"username": user.name, "password": password}
        self.add(CHIEF, entry(first.site, "v3password", login))
        return login

    def purge(self) -> None:
        for room in self.rooms:
            room.purge()


def fleet(site: SiteUnderTest, folder: Path, number: int, people: tuple[str, ...] = ("alice",)) -> Fleet:
    """So many projects of the same people."""
    first = classroom(site, folder / "first", people)
    made = Fleet((first, *(beside(first, folder / f"beside-{n}") for n in range(1, number))))
    for room in made.rooms:
        [cloud] = json.loads((room.folder / "clouds.yaml").read_text())["clouds"].values()
        made.clouds[room.project] = cloud
    write_clouds(made.folder, made.clouds)
    return made


def journal(reaping: Reaping, room: Classroom) -> list[dict[str, Any]]:
    """What the reaper wrote down of a project; empty where it never worked there."""
    lines = [
        json.loads(line)
        for file in reaping.state.rglob(f"{room.project_id}/journal.jsonl")
        for line in file.read_text().splitlines()
    ]
    return [line | {"at": datetime.fromisoformat(line["at"])} for line in lines]
