"""A reaper on projects in memory, with a state folder and channels of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from chi_helpers.apply.notify.channels import Channel
from chi_helpers.apply.notify.notifier import Notifier
from chi_helpers.apply.notify.send import Message
from chi_helpers.model.errors import LabKitError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.roster import Person, Roster
from chi_helpers.model.stamp import Stamp
from chi_helpers.reap import Reap, Target
from chi_helpers.sites.reaping import ReapSite
from tests.support.fake_project import FakeProject, Thing
from tests.unit.plan.labs import lab

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ROSTER = Roster((Person("alice", email="al@example.edu"), Person("bob", email="bob@example.edu")))


class Post:
    """Takes messages in place of apprise; those for whom `refuses` are not accepted."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.refuses = ""

    def __call__(self, messages: Sequence[Message]) -> tuple[bool, ...]:
        self.sent += messages
        return tuple(not self.refuses or self.refuses not in message.url for message in messages)

    def to(self, whom: str) -> list[str]:
        return [message.title for message in self.sent if whom in message.url]

    @property
    def notifier(self) -> Notifier:
        return Notifier(
            (Channel(1, "mailto", "mailto://{email}"), Channel(2, "slack", "slack://staff")), self
        )


class World:
    """Projects CHI@Fake/project-1, project-2, ...; `reap(...)` makes a reaper of the lab `hello` on all of them."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        self.source = folder / "reservation.yaml"
        self.projects = [FakeProject(project_id=f"project-{n + 1}") for n in range(count)]
        for project in self.projects:
            project.vanish = 0.0
        self.broken: dict[int, LabKitError] = {}
        self.post = Post()
        self.spec: dict[str, Any] = {}
        """Changes to the lab's values."""

    def connect(self, target: Target) -> ReapSite:
        number = int(str(target.project))
        if number in self.broken:
            raise self.broken[number]
        return self.projects[number]

    def reap(self, *, notify: bool = False, spec: dict[str, Any] | None = None, **more: Any) -> Reap:
        chosen = [Target(project=str(number)) for number in range(len(self.projects))]
        return Reap(
            lab(source=self.source, **self.spec, **(spec or {})),
            chosen,
            self.connect,
            roster=ROSTER,
            notifier=self.post.notifier if notify else None,
            clock=lambda: self.projects[0].now,
            timer=self.projects[0].timer,
            most=1,
            **more,
        )

    @property
    def names(self) -> set[str]:
        return {thing.name for project in self.projects for thing in project.things.values()}


def volume(project: FakeProject, name: str, owner: str = "alice", *, left: timedelta, **fields: Any) -> Thing:
    """A stamped volume whose deadline is `left` from now (past where negative), six hours after it was made."""
    deadline = project.now + left
    return project.make(
        Kind.VOLUME, name, stamp=Stamp(owner, "hello", deadline), created=deadline - 6 * HOUR, **fields
    )
