"""`chi-lab reap` as an administrator, on several projects in one run, and from a plan in a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openstack
import pytest

from tests.support.classroom import Classroom, classroom
from tests.support.faults import Answer, Match, Rule
from tests.support.fleet import CHIEF, Fleet, fleet, journal
from tests.support.listing import held
from tests.support.making import Maker, wait_for
from tests.support.reaping import BREAKER, DONE, PARTLY, SITE, USAGE, Ran, Reaping, seen_long_ago
from tests.support.scene import HOUR, Scene, Times
from tests.support.site import SiteUnderTest
from tests.support.small_scenes import NO_LIMITS, dozen, groups, handful

pytestmark = [pytest.mark.site, pytest.mark.timeout(1800), pytest.mark.nightly(part="reaper")]

Held = set[tuple[str, str]]


# An administrator's credential


@dataclass
class Ruled:
    """A class's project and its neighbour, in which an administrator's reaper was let loose."""

    fleet: Fleet
    login: dict[str, str]
    scene: Scene
    neighbour: Scene
    locked: Any
    reaping: Reaping
    dry: Ran
    ran: Ran
    after: Held
    key_pairs: set[str]
    """The students' afterwards."""
    beside: Held
    """What the neighbour held afterwards."""

    @property
    def room(self) -> Classroom:
        return self.fleet.rooms[0]

    def chief(self) -> Any:
        return openstack.connect(
            auth=self.login,
            auth_type="password",
            region_name=self.room.site.region,
            load_yaml_config=False,
            load_envvars=False,
        )


@pytest.fixture(scope="module")
def ruled(full_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ruled]:
    """Look, and do it; only the first of two projects is named, and both hold what is past its stamp."""
    made = fleet(full_site, tmp_path_factory.mktemp("ruled"), 2, ("alice", "bob", "zed"))
    try:
        room, other = made.rooms
        login = made.administrator()
        neighbour = handful(other)
        scene, locked = dozen(room), crowd(room)
        scene.things += locked[1]
        lab = scene.lab | {"spare": {"names": ["^keep-"]}, "project": room.project}
        reaping = made.reaping(**lab)
        dry = reaping.run("--cloud", CHIEF, "--json")
        seen_long_ago(reaping)
        ran = reaping.run("--cloud", CHIEF, "--yes", "--json")
        keys = {pair.name for who in ("alice", "zed") for pair in room.cloud(who).compute.keypairs()}
        yield Ruled(
            made, login, scene, neighbour, locked[0], reaping, dry, ran, held(room), keys, held(other)
        )
    finally:
        made.purge()


def crowd(room: Classroom) -> tuple[Any, list[Any]]:
    """A locked instance past its stamp in a young lease, and more that stays; key pairs of two people."""
    make, scene, at = Maker(room), Scene(room), Times()
    home = make.lease("bob", f"{room.lab_name}-bob", 5 * HOUR, instances=2)
    scene.stays("lease", home["id"], home["name"], "young")
    kept = make.group("bob", "keep-this", room.line("bob", at.past))
    scene.stays("security group", kept.id, "keep-this", "past its stamp, its name is spared")
    foreign = make.volume("zed", "disk-zed")
    make.age("volume", foreign.id)
    scene.stays("volume", foreign.id, "disk-zed", "of someone who is not on the roster")
    for who in ("alice", "zed"):
        for name in (f"key-{room.tag}-{who}", f"{room.lab_name}-{who}"):
            pair = room.cloud(who).compute.create_keypair(name=name)
            make.age("key pair", pair.name)
    flavor = make.active("bob", home)
    locked = make.instance("bob", "vm-locked", flavor, room.stamp("bob", at.past))
    young = make.instance("bob", "vm-young", flavor, room.stamp("bob", at.future))
    make.settled("bob", [locked, young])
    room.cloud("bob").compute.lock_server(locked)
    scene.stays("instance", locked.id, "vm-locked", "past its stamp, locked")
    scene.stays("instance", young.id, "vm-young", "young")
    make.grow_old()
    return locked, scene.things


def test_an_administrators_run_takes_exactly_what_a_members_would(ruled):
    """What is young, spared, locked or a stranger's stays, though an administrator may delete it all."""
    scene = ruled.scene
    assert ruled.ran.code == DONE, ruled.ran.said
    wrong = scene.staying - ruled.after
    assert not wrong, f"wrongly taken: {scene.named(wrong)}\n{ruled.ran.said}"
    left = scene.going & ruled.after
    assert not left, f"left: {scene.named(left)}\n{ruled.ran.said}"


def test_of_the_students_key_pairs_only_the_one_with_the_labs_exact_name_goes(ruled):
    """Only an administrator is shown them. A key pair is its user's, in all projects; zed is on no roster."""
    tag, lab = ruled.room.tag, ruled.room.lab_name
    assert ruled.key_pairs == {f"key-{tag}-alice", f"key-{tag}-zed", f"{lab}-zed"}, ruled.ran.said


def test_another_project_is_neither_judged_nor_touched(ruled):
    """It holds things past the same lab's stamp, and the services show an administrator all of them."""
    there = ruled.neighbour.going | ruled.neighbour.staying
    assert not there - ruled.beside, ruled.neighbour.named(there - ruled.beside)
    theirs = {i for kind, i in there if kind != "container"}
    shown = {group.id for group in ruled.chief().network.security_groups()}
    assert theirs & shown, "the administrator is shown the neighbour's groups"
    for run in (ruled.dry, ruled.ran):
        [project] = run.document["projects"]
        assert project["plan"]["project_id"] == ruled.room.project_id
        assert not theirs & {verdict["id"] for verdict in project["plan"]["verdicts"]}


def test_a_lock_that_is_set_after_the_plan_was_made_keeps_the_instance(ruled):
    """No service would refuse the deletion: the last look alone sees the lock. Unlocked, it goes."""
    room, bob, at = ruled.room, ruled.room.cloud("bob").compute, Times()
    [young] = [thing for thing in ruled.scene if thing.name == "vm-young"]
    bob.set_server_metadata(young.id, **room.stamp("bob", at.past))
    plan = room.folder / "caught.json"
    saved = ruled.reaping.run("--cloud", CHIEF, "--save", str(plan))
    assert young.id in plan.read_text(), saved.said
    bob.lock_server(young.id)
    ran = ruled.reaping.run("--cloud", CHIEF, "--plan", str(plan), "--json")
    assert ("instance", young.id) in held(room), ran.said
    assert fates(ran)[young.id] == "changed meanwhile", ran.said
    bob.unlock_server(young.id)
    again = ruled.reaping.run("--cloud", CHIEF, "--yes")
    assert again.code == DONE, again.said
    there = held(room)
    assert ("instance", young.id) not in there, again.said
    assert ("instance", ruled.locked.id) in there, again.said


def test_an_administrators_password_is_good_for_each_project_that_is_named(ruled):
    """Of the neighbour, too, exactly the right ones go now; in the class's project nothing is left to do."""
    room, other = ruled.fleet.rooms
    before = held(room)
    projects = ("--project", other.project, "--project", room.project)
    ran = ruled.reaping.run("--cloud", CHIEF, *projects, "--yes")
    assert ran.code == DONE, ran.said
    there, scene = held(other), ruled.neighbour
    assert not scene.going & there, (scene.named(scene.going & there), ran.said)
    assert not scene.staying - there, (scene.named(scene.staying - there), ran.said)
    assert held(room) == before, ran.said


def test_nova_lets_an_administrator_delete_the_locked_instance_that_the_reaper_kept(ruled):
    """The trap: it refuses a member with 409, so that only the kit's own rule kept it above. Comes last."""
    with pytest.raises(openstack.exceptions.ConflictException, match="locked"):
        ruled.room.cloud("bob").compute.delete_server(ruled.locked.id)
    compute = ruled.chief().compute
    assert compute.get_server(ruled.locked.id).is_locked
    compute.delete_server(ruled.locked.id)
    wait_for(
        lambda: ruled.locked.id not in {server.id for server in compute.servers()}, "the instance to be gone"
    )


# Several projects in one run


@dataclass
class Phase:
    """One run on three projects, and what each of them held before and after it."""

    ran: Ran
    before: tuple[Held, ...]
    after: tuple[Held, ...]
    journals: tuple[list[dict[str, Any]], ...]
    """What the run wrote down of each."""

    @property
    def gone(self) -> list[Held]:
        return [before - after for before, after in zip(self.before, self.after, strict=True)]


@dataclass
class Sailed:
    fleet: Fleet
    scenes: tuple[Scene, ...]
    reaping: Reaping
    phases: dict[str, Phase]
    more: dict[str, tuple[Held, ...]]
    """What was added for a phase, in each project."""


@pytest.fixture(scope="module")
def sailed(full_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sailed]:
    """Runs that go wrong in one project or another, and one that goes well."""
    made = fleet(full_site, tmp_path_factory.mktemp("fleet"), 3)
    phases: dict[str, Phase] = {}
    added: dict[str, tuple[Held, ...]] = {}
    try:
        scenes = tuple(handful(room) for room in made.rooms)
        first = groups(made.rooms[0], 3)
        lab = scenes[0].lab
        reaping = made.reaping(**lab)

        def limited(**limits: Any) -> Reaping:
            return made.reaping(**lab | {"reap": {"limits": NO_LIMITS | limits}})

        def play(name: str, reaping: Reaping, *options: str, **more: Any) -> None:
            before = tuple(held(room) for room in made.rooms)
            old = [len(journal(reaping, room)) for room in made.rooms]
            ran = reaping.run(*options, "--yes", "--json", **more)
            new = [journal(reaping, room)[n:] for room, n in zip(made.rooms, old, strict=True)]
            phases[name] = Phase(ran, before, tuple(held(room) for room in made.rooms), tuple(new))

        def add(name: str, *numbers: int) -> None:
            pairs = zip(made.rooms, numbers, strict=True)
            added[name] = tuple(groups(room, number).staying for room, number in pairs)

        revoked = [made.revoked(room) for room in made.rooms[:2]]
        # The first has nine things to delete, the others six each.
        play("its breaker", limited(project=7), *made.each())
        play("the run's breaker", limited(run=20), *made.each())
        play("its credential", reaping, *made.each(revoked[0]))
        [group] = [thing for thing in first if thing.name == "group-0"]
        fails = Rule(Match("DELETE", group.id), Answer(500), times=None)
        play("a lasting fault", reaping, *made.each(), rules=[fails])
        added["a lasting fault"] = (first.staying, set(), set())
        add("well", 3, 0, 0)
        play("well", reaping, *made.each(), through_proxy=True)
        add("another's credential", 1, 1, 1)
        play("another's credential", reaping, *made.each("", revoked[1]))
        add("a refusal", 1, 1, 1)
        [(_, one)] = added["a refusal"][0]
        play("a refusal", reaping, *made.each(), rules=[Rule(Match("DELETE", one), Answer(403), times=None)])
        yield Sailed(made, scenes, reaping, phases, added)
    finally:
        made.purge()


@pytest.mark.parametrize(
    ("fault", "code"),
    [("its breaker", BREAKER), ("its credential", SITE), ("a lasting fault", PARTLY)],
)
def test_when_the_canary_goes_wrong_nothing_goes_in_the_other_projects(sailed, fault, code):
    """They hold what is past its stamp, too; the exit code says what was wrong, and the report that they wait."""
    phase = sailed.phases[fault]
    assert phase.ran.code == code, phase.ran.said
    assert phase.gone[1:] == [set(), set()], phase.ran.said
    for project in phase.ran.document["projects"][1:]:
        assert project["report"] is None, project
        assert "first" in project["error"], project


def test_a_canary_that_is_stopped_loses_nothing_itself(sailed):
    for fault in ("its breaker", "its credential"):
        phase = sailed.phases[fault]
        assert phase.gone[0] == set(), phase.ran.said


def test_a_canary_of_which_one_deletion_fails_does_the_rest_of_its_own(sailed):
    phase, scene = sailed.phases["a lasting fault"], sailed.scenes[0]
    wanted = scene.going | sailed.more["a lasting fault"][0]
    kept = wanted - phase.gone[0]
    assert phase.gone[0] <= wanted, phase.ran.said
    assert len(kept) == 1, (kept, phase.ran.said)


def test_the_breaker_of_a_run_counts_all_projects_together(sailed):
    """21 things would go, none of the three projects' own limits is reached, and 20 are allowed: none goes."""
    phase = sailed.phases["the run's breaker"]
    assert phase.ran.code == BREAKER, phase.ran.said
    assert phase.gone == [set(), set(), set()], phase.ran.said


def test_in_every_project_exactly_the_right_ones_go(sailed):
    phase = sailed.phases["well"]
    assert phase.ran.code == DONE, phase.ran.said
    [kept] = (sailed.scenes[0].going | sailed.more["a lasting fault"][0]) & phase.before[0]
    wanted = [{kept} | sailed.more["well"][0], *(scene.going for scene in sailed.scenes[1:])]
    assert phase.gone == wanted, phase.ran.said
    for scene, there in zip(sailed.scenes, phase.after, strict=True):
        assert not scene.staying - there, scene.named(scene.staying - there)


def test_the_canarys_things_go_before_any_other_projects(sailed):
    """By the order in which the site was asked, whatever the reaper itself writes down."""
    phase = sailed.phases["well"]
    deletions = [x.request.path for x in phase.ran.trace if x.request.method == "DELETE"]
    whose = [whose_is(path, sailed, phase) for path in deletions]
    canarys = whose.count(0)
    assert canarys == len(phase.gone[0])
    assert set(whose[canarys:]) == {1, 2}, list(zip(whose, deletions, strict=True))


def whose_is(path: str, sailed: Sailed, phase: Phase) -> int:
    """Number of the project: a path of Swift's or Cinder's has its id, the others end with the thing's own."""
    rooms = sailed.fleet.rooms
    named = [n for n, room in enumerate(rooms) if room.project_id in path]
    identifier = path.rpartition("/")[2]
    [number] = named or [n for n, gone in enumerate(phase.gone) if identifier in {i for _, i in gone}]
    return number


def test_the_journals_tell_the_same_order(sailed):
    """The canary's last line is older than the first line of any other."""
    first, *others = sailed.phases["well"].journals
    assert [line["event"] for line in first][-1] == "report"
    for lines in others:
        assert "asking" in {line["event"] for line in lines}
        assert first[-1]["at"] <= lines[0]["at"]


def test_where_the_canary_went_wrong_the_journals_of_the_others_have_no_line(sailed):
    for fault in ("its breaker", "its credential", "a lasting fault"):
        assert sailed.phases[fault].journals[1:] == ([], []), fault


def test_another_project_that_fails_stops_none_of_the_others(sailed):
    """The second's credential is revoked: the first and the third are done, and the exit code is the site's."""
    phase, more = sailed.phases["another's credential"], sailed.more["another's credential"]
    assert phase.ran.code == SITE, phase.ran.said
    assert phase.gone == [more[0], set(), more[2]], phase.ran.said


def test_a_canary_that_is_refused_one_deletion_holds_up_no_other(sailed):
    """403 is final and this project's own; the second project gets rid of what its credential kept, too."""
    phase, more = sailed.phases["a refusal"], sailed.more["a refusal"]
    assert phase.ran.code == PARTLY, phase.ran.said
    assert phase.gone == [set(), more[1] | sailed.more["another's credential"][1], more[2]], phase.ran.said


# A plan in a file


@dataclass
class Planned:
    """A project with a saved plan of what is past its stamp."""

    scene: Scene
    reaping: Reaping
    plan: Path
    saved: Ran
    before: Held

    @property
    def room(self) -> Classroom:
        return self.scene.room

    def by_name(self, name: str) -> str:
        [found] = [thing.id for thing in self.scene if thing.name == name]
        return found


@pytest.fixture(scope="module")
def planned(full_site: SiteUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    """For the tests in which nothing goes."""
    return saved_plan(classroom(full_site, tmp_path_factory.mktemp("plan"), ("alice",)))


def saved_plan(room: Classroom) -> Planned:
    scene = handful(room)
    reaping = Reaping(room, room.lab(**scene.lab))
    plan = room.folder / "plan.json"
    before = held(room)
    return Planned(scene, reaping, plan, reaping.run("--save", str(plan)), before)


def fates(ran: Ran) -> dict[str, str]:
    """Id -> what became of its deletion."""
    return {
        outcome["id"]: outcome["fate"]
        for project in ran.document["projects"]
        for outcome in (project["report"] or {"outcomes": []})["outcomes"]
        if outcome["action"] == "delete"
    }


def test_a_saved_plan_is_the_owners_alone_and_nothing_was_changed(planned):
    assert planned.saved.code == DONE, planned.saved.said
    assert planned.plan.stat().st_mode & 0o777 == 0o600
    steps = json.loads(planned.plan.read_text())["plans"][0]["plan"]["steps"]
    going = {step["ref"]["id"] for step in steps if step["action"] == "delete"}
    assert going == {i for kind, i in planned.scene.going if kind != "subnet"}, "a subnet goes along"
    assert held(planned.room) == planned.before


def test_a_saved_plan_is_carried_out_and_nothing_else(full_site, tmp_path):
    """What is past its stamp only now, or was made after the plan, stays; what got another stamp, too."""
    it = saved_plan(classroom(full_site, tmp_path / "exact", ("alice",)))
    room, make, at = it.room, Maker(it.room), Times()
    network = room.cloud("alice").network
    past = room.line("alice", at.past)
    late = make.group("alice", "late", past)
    network.update_security_group(it.by_name("young"), description=past)
    network.update_ip(only(it, "floating ip"), description=room.line("alice", at.future))
    volume = room.cloud("alice").block_storage.get_volume(it.by_name("old-disk"))
    room.cloud("alice").block_storage.delete_volume(volume)
    wait_for(lambda: ("volume", volume.id) not in held(room), "the volume to be gone")

    ran = it.reaping.run("--plan", str(it.plan), "--json")

    renewed = only(it, "floating ip")
    there = held(room)
    assert it.before - there == it.scene.going - {("floating ip", renewed)}, ran.said
    assert ("security group", late.id) in there, ran.said
    assert ran.code == DONE, ran.said
    found = fates(ran)
    assert found[volume.id] == "gone before"
    assert found[renewed] == "changed meanwhile"
    assert not {late.id, it.by_name("young")} & set(found)
    again = it.reaping.run("--plan", str(it.plan), "--json")
    assert again.code == DONE, again.said
    assert held(room) == there, again.said


def test_a_container_that_was_made_again_after_the_plan_stays(full_site, tmp_path):
    """It has the name, a stamp that is over, and Swift's X-Timestamp of the one in the plan: the next plan's."""
    it = saved_plan(classroom(full_site, tmp_path / "again", ("alice",)))
    box, store = only(it, "container"), it.room.cloud("alice").object_store
    for path in (f"/{box}/notes/0.txt", f"/{box}"):
        assert store.delete(path).status_code == 204
    Maker(it.room).container("alice", box, 1, it.room.stamp("alice", Times().past))
    ran = it.reaping.run("--plan", str(it.plan), "--json")
    assert fates(ran)[box] == "changed meanwhile", ran.said
    assert ran.code == PARTLY, "it says that one of that name is due"
    assert it.before - held(it.room) == it.scene.going - {("container", box)}, ran.said
    assert len(store.get(f"/{box}?format=json").json()) == 1
    after = it.reaping.run("--yes")
    assert after.code == DONE, after.said
    assert ("container", box) not in held(it.room), after.said


def only(it: Planned, kind: str) -> str:
    [found] = [thing.id for thing in it.scene if thing.kind == kind]
    return found


Change = Callable[[dict[str, Any]], None]


def rewritten(it: Planned, name: str, change: Change, *, signed: bool) -> Path:
    """A copy of the plan with a change; `signed`: with the digest that belongs to it, as the reference says."""
    document = json.loads(it.plan.read_text())
    [one] = document["plans"]
    change(one["plan"])
    if signed:
        bare = {key: value for key, value in one.items() if key != "digest"}
        text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        one["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path = it.room.folder / name
    path.write_text(json.dumps(document))
    return path


def older(plan: dict[str, Any], by: timedelta) -> None:
    """As if it had been made `by` earlier."""
    for key in ("made", "expires"):
        plan[key] = (datetime.fromisoformat(plan[key]) - by).isoformat()


def other_group(it: Planned) -> Change:
    """Put the young group in the old one's place."""
    network = it.room.cloud("alice").network
    young = network.get_security_group(it.by_name("young"))

    def change(plan: dict[str, Any]) -> None:
        [step] = [step for step in plan["steps"] if step["ref"]["id"] == it.by_name("old")]
        step["ref"]["id"] = young.id
        step["created"] = young.created_at.replace("Z", "+00:00")

    return change


def test_a_plan_that_was_altered_is_refused(planned):
    """One id was changed, and the digest does not fit any more."""
    forged = rewritten(planned, "altered.json", other_group(planned), signed=False)
    ran = planned.reaping.run("--plan", str(forged))
    assert ran.code == USAGE, ran.said
    assert "digest" in ran.err, ran.said
    assert held(planned.room) == planned.before


@pytest.mark.parametrize("age", [timedelta(minutes=15, seconds=5), timedelta(minutes=16), timedelta(days=1)])
def test_a_plan_that_is_too_old_is_refused(planned, age):
    """A quarter of an hour by the site's clock; also where it is over by a moment."""
    made = json.loads(planned.plan.read_text())["plans"][0]["plan"]["made"]
    passed = datetime.now().astimezone() - datetime.fromisoformat(made)
    old = rewritten(planned, "old.json", lambda plan: older(plan, age - passed), signed=True)
    ran = planned.reaping.run("--plan", str(old))
    assert held(planned.room) == planned.before, ran.said
    assert ran.code == USAGE, ran.said


def test_a_plan_of_another_project_is_refused(planned, full_site, tmp_path):
    """With its own lab's file and another project's credential: neither loses anything."""
    other = classroom(full_site, tmp_path / "other", ("alice",))
    there = handful(other)
    before = held(other)
    elsewhere = Reaping(other, other.lab(lab=planned.room.lab_name, **there.lab))
    ran = elsewhere.run("--plan", str(planned.plan))
    assert ran.code == USAGE, ran.said
    assert planned.room.project_id in ran.err, ran.said
    assert held(other) == before
    assert held(planned.room) == planned.before


def test_a_plan_of_another_lab_is_refused(planned):
    """In the same project, by the file of another lab."""
    lab = planned.room.lab("another.yaml", lab="another-lab", **planned.scene.lab)
    ran = Reaping(planned.room, lab).run("--plan", str(planned.plan))
    assert ran.code == USAGE, ran.said
    assert held(planned.room) == planned.before


def test_a_plan_that_was_made_to_name_what_must_stay_takes_it_not(full_site, tmp_path):
    """The digest is no signature, and need not be one: what is in the plan is judged once more."""
    it = saved_plan(classroom(full_site, tmp_path / "forged", ("alice",)))
    forged = rewritten(it, "forged.json", other_group(it), signed=True)
    ran = it.reaping.run("--plan", str(forged), "--json")
    assert fates(ran)[it.by_name("young")] == "changed meanwhile", ran.said
    there = held(it.room)
    assert not it.scene.staying - there, (it.scene.named(it.scene.staying - there), ran.said)
    assert ("security group", it.by_name("old")) in there, "it is not in the plan any more"


def test_a_plan_over_the_limits_stays_stopped_when_it_is_carried_out(full_site, tmp_path):
    """The limits of when it was made count; --above-limits lets it go."""
    room = classroom(full_site, tmp_path / "limits", ("alice",))
    scene = groups(room, 3)
    reaping = Reaping(room, room.lab(reap={"limits": {"run": 2}}))
    plan = room.folder / "plan.json"
    assert reaping.run("--save", str(plan)).code == BREAKER
    before = held(room)
    ran = reaping.run("--plan", str(plan))
    assert ran.code == BREAKER, ran.said
    assert held(room) == before, ran.said
    asked = reaping.run("--plan", str(plan), "--above-limits")
    assert asked.code == DONE, asked.said
    assert before - held(room) == scene.staying, asked.said
