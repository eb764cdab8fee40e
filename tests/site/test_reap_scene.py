"""`chi-lab reap` on a scene of eighty things of every kind: exactly the right ones go, and it says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.classroom import ROBOT, Classroom, classroom
from tests.support.large_scene import Play
from tests.support.listing import listed
from tests.support.openstack_cli import OpenStack
from tests.support.reaping import BREAKER, DONE, DOUBT, Ran, Reaping, seen_long_ago
from tests.support.scene import Scene
from tests.support.site import SiteUnderTest
from tests.support.small_scenes import groups, shared_project

pytestmark = [pytest.mark.site, pytest.mark.slow, pytest.mark.timeout(1800)]

Held = set[tuple[str, str]]
MANY = 60


@dataclass
class Played:
    """The scene, and what three runs of the reaper did to it."""

    scene: Scene
    reaping: Reaping
    metrics: Path
    devices: dict[str, str]
    """Port -> whose it was before the first run: an instance's, a router's, or nobody's."""
    before: Held
    dry: Ran
    after_dry: Held
    first: Ran
    after: Held
    second: Ran
    at_last: Held

    @property
    def room(self) -> Classroom:
        return self.scene.room


@pytest.fixture(scope="module")
def played(full_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Look, do it, do it again; with a listing of the client in between."""
    room = classroom(full_site, tmp_path_factory.mktemp("scene"))
    try:
        with OpenStack(room.env(), room.folder) as cli:
            scene = Play(room).build()
            reaping = Reaping(room, room.lab(**scene.lab))
            metrics = room.folder / "reaper.prom"
            devices = {port.id: port.device_id for port in room.cloud(ROBOT).network.ports()}
            before = listed(cli)
            dry = reaping.run("--json")
            after_dry = listed(cli)
            seen_long_ago(reaping, besides={i for _, i in scene.late})
            first = reaping.run("--yes", "--json", "--metrics", str(metrics))
            after = listed(cli)
            second = reaping.run("--yes", "--json")
            at_last = listed(cli)
            yield Played(
                scene, reaping, metrics, devices, before, dry, after_dry, first, after, second, at_last
            )
    finally:
        room.purge()


def test_the_scene_is_large_and_all_of_it_is_there(played):
    """Sixty things and more, of thirteen kinds; about half of them to go. The client lists every one."""
    scene = played.scene
    assert len(scene.things) >= MANY
    assert len({thing.kind for thing in scene}) == 13
    assert 0.4 <= len(scene.going) / len(scene.things) <= 0.6
    assert len({thing.why for thing in scene if not thing.goes}) >= 20, "each stays for a reason of its own"
    missing = (scene.going | scene.staying) - played.before
    assert not missing, scene.named(missing)


def test_without_yes_nothing_is_changed(played):
    assert played.after_dry == played.before, played.dry.said


def test_afterwards_exactly_the_right_ones_are_gone(played):
    """By the client's own lists: nothing that is to stay has gone, and nothing that is to go is left."""
    scene = played.scene
    wrong = scene.staying - played.after
    assert not wrong, f"wrongly taken: {scene.named(wrong)}\n{played.first.said}"
    left = scene.going & played.after
    assert not left, f"left: {scene.named(left)}\n{played.first.said}"
    others = played.before - played.after - scene.going - made_along(played)
    assert not others, f"gone, and not of the scene: {scene.named(others)}"
    along = made_along(played) & played.after
    assert not along, f"left, and their instance or router has gone: {scene.named(along)}"


def made_along(played: Played) -> Held:
    """The ports that Nova and Neutron made by themselves for an instance or a router of the scene that goes."""
    going = {i for kind, i in played.scene.going if kind in ("instance", "router")}
    return {("port", port) for port, device in played.devices.items() if device in going}


def test_over_long_leases_end_at_the_cap_and_are_still_there(played):
    leases = {lease["id"]: lease for lease in played.room.blazar("alice").get("/leases").json()["leases"]}
    assert played.scene.trimmed
    for lease, end in played.scene.trimmed.items():
        found = datetime.fromisoformat(leases[lease]["end_date"]).replace(tzinfo=UTC)
        assert end - timedelta(minutes=2) < found <= end, leases[lease]


def test_the_exit_code_says_that_something_was_kept_for_want_of_knowledge(played):
    """One instance's stamp cannot be read: the run is not simply done, and the report names it."""
    assert played.first.code == DOUBT, played.first.said
    assert played.dry.code == DOUBT, played.dry.said
    [unclear] = [t for t in played.scene if t.why.startswith("doubt")]
    assert unclear.id in played.first.out


def test_a_second_run_changes_nothing(played):
    assert played.second.code == DOUBT, played.second.said
    assert played.at_last == played.after, played.second.said


def test_the_journal_has_the_end_of_every_thing_that_went_and_the_request_ids(played):
    """One JSON object a line; what was asked for has the service's request id, so that its log can be searched.

    The ports that go along with an instance or a router have a line of their own, too.
    """
    [journal] = played.reaping.state.rglob("journal.jsonl")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    ends = {line["id"]: line for line in lines if line.get("fate")}
    missing = {(kind, i) for kind, i in played.scene.going | made_along(played) if i not in ends}
    assert not missing, played.scene.named(missing)
    wrong = {(kind, i) for kind, i in played.scene.staying if i in ends and ends[i]["action"] == "delete"}
    assert not wrong, played.scene.named(wrong)
    asked = [line for line in lines if line.get("fate") == "done" and line["action"] == "delete"]
    assert asked
    # A container's request id is Swift's transaction id.
    assert all(line["request_id"].startswith(("req-", "tx")) for line in asked), asked


def test_the_manifest_holds_what_went_and_nobody_else_can_read_it(played):
    files = sorted(played.reaping.state.rglob("manifest-*.json"))
    assert files
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    kept: dict[str, Any] = {
        resource["id"]: resource for file in files for resource in json.loads(file.read_text())["resources"]
    }
    missing = {(kind, i) for kind, i in played.scene.going if i not in kept}
    assert not missing, played.scene.named(missing)
    assert not {i for _, i in played.scene.staying} & set(kept)
    for kind, i in played.scene.going:
        if kind in ("network", "security group", "port", "instance"):
            assert kept[i]["spec"], f"{kind} {i} could not be made again from this"


def test_the_metrics_can_be_read_and_have_the_gauge_of_what_is_overdue(played):
    families = {f.name: f for f in text_string_to_metric_families(played.metrics.read_text())}
    assert any("overdue" in name for name in families), sorted(families)


def test_explain_says_why_a_thing_is_kept_and_by_which_rule(played):
    for why, words in {
        "past its stamp, locked": "lock",
        "past its stamp, its name is spared": "spare",
    }.items():
        [thing] = [t for t in played.scene if t.why == why and t.kind == "instance"]
        told = played.reaping.run("--explain", thing.id)
        assert words in (told.out + told.err).lower(), told.said


def test_in_a_shared_project_only_what_carries_the_labs_stamp_or_name_goes(full_site, tmp_path):
    """Another lab's stamp, things made by hand, and names that only begin as the lab's do, all stay."""
    room = classroom(full_site, tmp_path / "shared")
    try:
        scene = shared_project(room)
        reaping = Reaping(room, room.lab(**scene.lab))
        with OpenStack(room.env(), room.folder) as cli:
            before = listed(cli)
            reaping.run()
            seen_long_ago(reaping)
            ran = reaping.run("--yes")
            after = listed(cli)
        assert ran.code == DONE, ran.said
        assert before - after == scene.going, (
            scene.named(scene.going & after),
            scene.named(before - after - scene.going),
            ran.said,
        )
        leases = {one["id"]: one for one in room.blazar("alice").get("/leases").json()["leases"]}
        for lease, end in scene.trimmed.items():
            found = datetime.fromisoformat(leases[lease]["end_date"]).replace(tzinfo=UTC)
            assert end - timedelta(minutes=2) < found <= end, leases[lease]
    finally:
        room.purge()


@pytest.mark.parametrize(
    "limit",
    [
        {"owner": 3},
        pytest.param({"run": 0}, marks=pytest.mark.nightly(part="reaper")),
        pytest.param({"project": 3}, marks=pytest.mark.nightly(part="reaper")),
    ],
)
def test_a_run_over_the_limit_is_stopped_whole_and_says_so(full_site, tmp_path, limit):
    """Four are to go, three are allowed: none goes, exit code 4. Zero means none. Asked to, it goes on."""
    room = classroom(full_site, tmp_path / "many", ("alice",))
    scene = groups(room, 4)
    reaping = Reaping(room, room.lab(reap={"limits": limit}))
    with OpenStack(room.env(), room.folder) as cli:
        before = listed(cli, frozenset({"security group"}))
        ran = reaping.run("--yes")
        assert ran.code == BREAKER, ran.said
        assert listed(cli, frozenset({"security group"})) == before, ran.said
        asked = reaping.run("--yes", "--above-limits")
        assert asked.code == DONE, asked.said
        assert before - listed(cli, frozenset({"security group"})) == scene.staying, asked.said
