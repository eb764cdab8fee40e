"""The reaper, killed with SIGKILL before and after each of its calls that change something: the next run ends it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from tests.support.classroom import Classroom, classroom
from tests.support.faults import Exchange, Kill, Moment, Point, Request, Rule
from tests.support.listing import held
from tests.support.reaping import DONE, Ran, Reaping
from tests.support.scene import Scene
from tests.support.site import SiteUnderTest
from tests.support.small_scenes import dozen

pytestmark = [pytest.mark.site, pytest.mark.timeout(3000), pytest.mark.nightly(part="reaper")]

AT_ONCE = 3
"""Scenes side by side, each in a project of its own: they wait for the site half of their time."""
MANY = 13


@dataclass(frozen=True, slots=True)
class Death:
    """One scene: a run that was killed before a call, one that was killed after that call, and the next."""

    at: Point
    scene: Scene
    before: Ran
    after: Ran
    next: Ran
    there: set[tuple[str, str]]
    """What the project holds after the third run."""


@dataclass(frozen=True, slots=True)
class Deaths:
    clean: Ran
    """A run that nobody killed, from which the points were taken."""
    scene: Scene
    there: set[tuple[str, str]]
    deaths: tuple[Death, ...]


@pytest.fixture(scope="module")
def deaths(full_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deaths]:
    """Trace one clean run, then play the scene once for every call that changes something."""
    folder = tmp_path_factory.mktemp("killed")
    rooms: list[Classroom] = []

    def room(name: str) -> Classroom:
        rooms.append(classroom(full_site, folder / name, ("alice",)))
        return rooms[-1]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            guide = room("guide")
            scene = dozen(guide)
            reaping = Reaping(guide, guide.lab(**scene.lab))
            # One look, so that it knows what carries no stamp; where it keeps that, the others learn from it.
            reaping.run()
            [memory] = reaping.state.rglob("memory.json")
            clean = reaping.run("--yes", through_proxy=True)
            there = held(guide)
            place = str(memory.relative_to(guide.folder))

            def die(at: Point) -> Death:
                mine = room(f"scene-{at.method}-{at.nth}-{token_hex(2)}")
                own = place.replace(guide.tag, mine.tag).replace(guide.project_id, mine.project_id)
                return played(mine, at, mine.folder / own)

            yield Deaths(clean, scene, there, tuple(pool.map(die, changes(clean.trace))))
        finally:
            list(pool.map(Classroom.purge, rooms))


def changes(trace: tuple[Exchange, ...]) -> tuple[Point, ...]:
    """Each call that changed something, by its number among the calls of its shape.

    One that was refused (412: look again) may not be made at all in another run: it counts for nothing.
    """
    done: Counter[tuple[str, str]] = Counter()
    for exchange in trace:
        request = exchange.request
        if request.mutates and exchange.status is not None and exchange.status < 300:
            done[request.method, request.shape] += 1
    return tuple(Point(*shape, nth + 1) for shape, times in done.items() for nth in range(times))


def played(room: Classroom, at: Point, memory: Path) -> Death:
    scene = dozen(room)
    reaping = Reaping(room, room.lab(**scene.lab))
    remember(memory, scene)
    before = reaping.run("--yes", rules=[rule(at, Moment.BEFORE)])
    # What came before it in its kind has been done: now it is the first.
    after = reaping.run("--yes", rules=[rule(replace(at, nth=1), Moment.AFTER)])
    return Death(at, scene, before, after, reaping.run("--yes"), held(room))


def rule(at: Point, moment: Moment) -> Rule:
    """Kill at this call in any project: names of the project's own things count for nothing."""

    def matches(request: Request) -> bool:
        return (request.method, plain(request.shape)) == (at.method, plain(at.shape))

    return Rule(matches, Kill(moment), first=at.nth)


def plain(shape: str) -> str:
    """The reaper's mark names the lab and a deadline, which every project has its own of."""
    return shape.split("chi-lab-mark", maxsplit=1)[0]


def remember(memory: Path, scene: Scene) -> None:
    """Let the reaper know the port that carries no stamp, as a run an hour ago would have: see `memory.py`."""
    then = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    rows = [["port", thing.id, then] for thing in scene if thing.kind == "port"]
    memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    memory.write_text(json.dumps({"format": 1, "first_seen": rows, "warned": []}))


def test_a_clean_run_ends_the_work_with_many_changes(deaths):
    """Marks, leases, addresses, ports, routers and their interfaces, networks, groups, storage: each is met."""
    assert deaths.clean.code == DONE, deaths.clean.said
    scene = deaths.scene
    assert not scene.going & deaths.there, scene.named(scene.going & deaths.there)
    assert not scene.staying - deaths.there, scene.named(scene.staying - deaths.there)
    assert len(deaths.deaths) >= MANY


def test_runs_are_killed_before_and_after_every_change(deaths):
    for moment in ("before", "after"):
        alive = [str(death.at) for death in deaths.deaths if not getattr(death, moment).killed]
        assert not alive, f"not killed {moment}: {alive}"


def test_the_next_run_ends_the_work_and_nothing_that_is_to_stay_has_gone(deaths, subtests):
    for death in deaths.deaths:
        with subtests.test(str(death.at)):
            scene, there = death.scene, death.there
            assert not scene.staying - there, (scene.named(scene.staying - there), death.next.said)
            assert not scene.going & there, (scene.named(scene.going & there), death.next.said)
            assert death.next.code == DONE, death.next.said
