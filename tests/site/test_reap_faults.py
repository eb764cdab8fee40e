"""The reaper through a site that fails at every fifth call, and two reapers at once: the same end state."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.support.classroom import classroom
from tests.support.faults import Answer, Chance, Drop, Hang, Moment
from tests.support.large_scene import Play
from tests.support.listing import held, listed
from tests.support.openstack_cli import OpenStack
from tests.support.reaping import BREAKER, DONE, DOUBT, USAGE, Ran, Reaping, seen_long_ago
from tests.support.scene import Scene
from tests.support.site import SiteUnderTest
from tests.support.small_scenes import dozen

pytestmark = [pytest.mark.site, pytest.mark.slow, pytest.mark.timeout(1800)]

STORM = pytest.mark.nightly(part="reaper")

MOST_RUNS = 8
SHARE = 0.2
FAULTS = (
    Answer(429, retry_after=1),
    Answer(500),
    Answer(503, retry_after=1),
    Hang(3),
    Drop(Moment.AFTER),
)
"""Too many requests, the site's own fault, busy, a time-out, and an answer that is lost after the effect."""


@dataclass
class Stormy:
    scene: Scene
    runs: list[Ran]
    early: list[set[tuple[str, str]]]
    """After each run: what was to stay and is not there."""
    left: set[tuple[str, str]]
    calm: Ran
    """A run without faults, at last."""
    at_last: set[tuple[str, str]]


@pytest.fixture(scope="module")
def stormy(full_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stormy]:
    room = classroom(full_site, tmp_path_factory.mktemp("storm"))
    try:
        scene = Play(room).build()
        reaping = Reaping(room, room.lab(**scene.lab))
        reaping.run()
        seen_long_ago(reaping, besides={i for _, i in scene.late})
        runs: list[Ran] = []
        early: list[set[tuple[str, str]]] = []
        left = scene.going
        while left and len(runs) < MOST_RUNS:
            # Another seed each time: the choice depends on the request and its number, not on time.
            runs.append(reaping.run("--yes", chance=Chance(len(runs), SHARE, FAULTS)))
            there = held(room)
            early.append({key for key in scene.staying - there if key[0] != "key pair"})
            left = scene.going & there
        calm = reaping.run("--yes")
        with OpenStack(room.env(), room.folder) as cli:
            yield Stormy(scene, runs, early, left, calm, listed(cli))
    finally:
        room.purge()


@STORM
def test_every_kind_of_fault_befalls_the_runs(stormy):
    """So that the other tests say something: a fifth of all calls, and each kind among them."""
    exchanges = [exchange for run in stormy.runs for exchange in run.trace]
    struck = [exchange.fault for exchange in exchanges if exchange.fault]
    assert set(struck) == set(FAULTS)
    assert 0.1 < len(struck) / len(exchanges) < 0.3


@STORM
def test_no_run_deletes_what_is_to_stay(stormy):
    for number, wrong in enumerate(stormy.early, 1):
        assert not wrong, f"run {number}: {stormy.scene.named(wrong)}\n{stormy.runs[number - 1].said}"


@STORM
def test_the_work_is_done_within_a_few_runs(stormy):
    codes = [run.code for run in stormy.runs]
    assert not stormy.left, (
        f"after {len(codes)} runs (at most {MOST_RUNS} are allowed; exit codes {codes}) there are left: "
        f"{stormy.scene.named(stormy.left)}\n{stormy.runs[-1].said}"
    )
    assert not {USAGE, BREAKER} & set(codes), codes


@STORM
def test_a_calm_run_at_last_finds_it_as_a_scene_without_faults_ends(stormy):
    assert stormy.calm.code == DOUBT, stormy.calm.said
    scene = stormy.scene
    assert not scene.staying - stormy.at_last, scene.named(scene.staying - stormy.at_last)
    assert not scene.going & stormy.at_last, scene.named(scene.going & stormy.at_last)


def test_two_reapers_at_once_end_in_the_same_state(full_site, tmp_path):
    """From two machines, which share no memory and no lock: each thing goes once, and both say that all is well."""
    room = classroom(full_site, tmp_path / "two", ("alice",))
    try:
        scene = dozen(room)
        lab = room.lab(**scene.lab)
        reapings = [Reaping(room, lab, name) for name in ("one", "two")]
        for reaping in reapings:
            reaping.run()
            seen_long_ago(reaping)
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda r: r.run("--yes"), reapings))
        said = "\n".join(run.said for run in runs)
        there = held(room)
        assert not scene.staying - there, (scene.named(scene.staying - there), said)
        assert not scene.going & there, (scene.named(scene.going & there), said)
        assert [run.code for run in runs] == [DONE, DONE], said
        again = reapings[0].run("--yes")
        assert again.code == DONE, again.said
        assert held(room) == there
    finally:
        room.purge()
