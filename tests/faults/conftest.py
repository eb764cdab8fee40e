"""Journeys: a lab brought up and given back, each time killed on the way and run again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.support.killing import ANSIBLE, AtLine, Ended, KillPoint, clean_run, killed_run, whole_run
from tests.support.labs import node, write_lab
from tests.support.site import SiteUnderTest
from tests.support.student import Holdings, Student

AT_ONCE = 3
"""Journeys side by side, on two cores: each one waits for the site half of its time."""


@dataclass(slots=True)
class Journey:
    """One lab's life: killed in `up`, up again, killed in `down`, down again."""

    student: Student
    up_at: KillPoint
    down_at: KillPoint
    runs: dict[str, Ended] = field(default_factory=dict)
    up: Holdings = field(default_factory=Holdings)
    """What the site lists after the second `up`."""
    rules: list[Any] = field(default_factory=list)
    """The rules of the lab's security groups then, without those that Neutron adds."""
    known_hosts: set[str] = field(default_factory=set)
    """The addresses whose host keys are known then."""
    left: Holdings = field(default_factory=Holdings)
    """What the site lists after the second `down`."""

    def travel(self, lab: Path) -> None:
        self.runs["up, killed"] = killed_run(self.student, "up", lab, self.up_at)
        self.runs["up"] = whole_run(self.student, "up", lab)
        self.up = self.student.holdings()
        self.rules = [
            r for g in self.up.security_groups for r in g.security_group_rules if r["direction"] == "ingress"
        ]
        lines = [
            line for file in self.student.lab_files("known_hosts") for line in file.read_text().splitlines()
        ]
        self.known_hosts = {line.split()[0] for line in lines}
        self.runs["down, killed"] = killed_run(self.student, "down", lab, self.down_at)
        self.runs["down"] = whole_run(self.student, "down", lab)
        self.left = self.student.holdings()


@dataclass(frozen=True, slots=True)
class Travels:
    """All journeys, and the two runs from which their points were taken."""

    clean_up: Ended
    clean_down: Ended
    up_points: tuple[KillPoint, ...]
    down_points: tuple[KillPoint, ...]
    journeys: tuple[Journey, ...]


@pytest.fixture(scope="session")
def travels(site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Travels]:
    """Trace one clean life of the lab, then live it once for every point, killed there.

    `up` has more points than `down`; each journey takes one of both, so every point of both is met.
    """

    def newcomer() -> Student:
        return Student(site, f"t{token_hex(5)}", tmp_path_factory.mktemp("journey"))

    guide = newcomer()
    everyone = [guide]
    try:
        lab = write_lab(guide.folder / "reservation.yaml", site.region)
        clean_up, up_points = clean_run(guide, "up", lab)
        clean_down, down_points = clean_run(guide, "down", lab)
        pairs = (
            zip(up_points, cycle(down_points))
            if len(up_points) >= len(down_points)
            else zip(cycle(up_points), down_points)
        )
        journeys = [Journey(newcomer(), *pair) for pair in pairs]
        everyone += [journey.student for journey in journeys]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(
                lambda j: j.travel(write_lab(j.student.folder / "reservation.yaml", site.region)), journeys
            ):
                pass
        yield Travels(clean_up, clean_down, up_points, down_points, tuple(journeys))
    finally:
        for student in everyone:
            student.remove_everything()


@pytest.fixture(scope="session")
def provisioning(
    site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Journey, ...]]:
    """Journeys of a lab with a stack, killed as Ansible begins and in the middle of its work."""
    stack = {"node1": node(stack=["base"])}
    places = (AtLine(ANSIBLE, 1), AtLine(ANSIBLE, 20))
    journeys = [
        Journey(
            Student(site, f"t{token_hex(5)}", tmp_path_factory.mktemp("journey")),
            place,
            AtLine("journal.jsonl", 1),
        )
        for place in places
    ]
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(
                lambda j: j.travel(
                    write_lab(j.student.folder / "reservation.yaml", site.region, nodes=stack)
                ),
                journeys,
            ):
                pass
        yield tuple(journeys)
    finally:
        for journey in journeys:
            journey.student.remove_everything()
