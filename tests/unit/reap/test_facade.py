"""One run on all projects: what is remembered, who is told, what stops it, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chi_helpers.apply.lock import held
from chi_helpers.apply.reaper.run import Reaper
from chi_helpers.apply.reaper.state import project_folder
from chi_helpers.model.errors import Exit, SiteError, UsageError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.lab import Limits, ReapSpec
from chi_helpers.model.reaping import Action, Fate
from chi_helpers.model.stamp import Stamp
from chi_helpers.reap import facade
from chi_helpers.reap.planfile import load_plans, save_plans
from chi_helpers.reap.values import Target, targets
from tests.support.fake_project import Fault
from tests.unit.plan.labs import lab
from tests.unit.reap.worlds import HOUR, MINUTE, volume

LATE = -2 * HOUR
"""Past the hard cap: no warning is needed."""


def state(reap, project="project-1"):
    return project_folder(replace(reap.spec, site="CHI@Fake"), project)


def test_looking_changes_nothing_but_the_memory(world):
    """The plan is there, everything else, too; when things were seen first is on the disk."""
    here = world()
    gone = volume(here.projects[0], "old", left=LATE)
    reap = here.reap(notify=True)
    run = reap.look()
    assert [step.name for step in run.looks[0].plan.steps] == ["old"]
    assert here.projects[0].calls == ["inventory 13"]
    assert here.post.sent == []
    assert run.exit is Exit.OK
    memory = json.loads((state(reap) / "memory.json").read_text())
    assert [row[:2] for row in memory["first_seen"]] == [["volume", gone.id]]
    assert not (state(reap) / "last.json").exists()
    assert not (state(reap) / "journal.jsonl").exists()


def test_a_run_deletes_proves_and_notes_down(world):
    """What is late goes, what is young stays; journal, manifest and state say so."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    volume(here.projects[0], "young", left=3 * HOUR)
    reap = here.reap()
    run = reap.run()
    assert here.names == {"young"}
    assert (run.exit, run.ended[0].report.proved) == (Exit.OK, True)
    (last,) = reap.last_runs()
    assert (last.error, last.succeeded, dict(last.fates)) == ("", last.ended, {"done": 1})
    events = [json.loads(line)["event"] for line in (state(reap) / "journal.jsonl").read_text().splitlines()]
    assert {"plan", "asking", "answered", "finished", "report"} <= set(events)
    assert len(list((state(reap) / "manifests").iterdir())) == 1


def test_a_delivered_warning_is_remembered_and_not_repeated(world):
    """The owner is told once of one deadline, and again of another."""
    here = world()
    thing = volume(here.projects[0], "soon", left=30 * MINUTE)
    first = here.reap(notify=True).run()
    assert [(o.step.action, o.fate) for o in first.ended[0].report.outcomes] == [(Action.WARN, Fate.DONE)]
    assert first.exit is Exit.OK
    assert len(here.post.to("al%40example.edu")) == 1
    here.reap(notify=True).run()
    assert len(here.post.sent) == 1
    assert thing.stamp is not None
    thing.stamp = replace(thing.stamp, deadline=thing.stamp.deadline - 5 * MINUTE)
    here.reap(notify=True).run()
    assert len(here.post.to("al%40example.edu")) == 2


def test_what_was_warned_of_goes_after_the_grace_and_what_was_not_at_the_hard_cap(world):
    """Alice's warning arrived, bob's did not: six minutes after the deadline hers goes, after an hour his."""
    here = world()
    project = here.projects[0]
    volume(project, "hers", "alice", left=10 * MINUTE)
    volume(project, "his", "bob", left=10 * MINUTE)
    here.post.refuses = "bob"
    first = here.reap(notify=True).run()
    assert first.undelivered == ("bob: mailto (line 1) failed",)
    lines = [json.loads(x) for x in (state(here.reap()) / "journal.jsonl").read_text().splitlines()]
    told = {x["name"]: x["delivered"] for x in lines if x["event"] == "warned"}
    assert told == {"hers": True, "his": False}
    assert first.exit is Exit.PARTIAL
    project.sleep(16 * 60)
    assert here.reap().run().exit is Exit.OK
    assert here.names == {"his"}
    project.sleep(60 * 60)
    here.reap().run()
    assert here.names == set()


def test_owners_are_told_afterwards_and_staff_once_of_the_same(world):
    """One message to the owner of what went; staff do not hear every five minutes that a thing is in doubt."""
    here = world()
    project = here.projects[0]
    volume(project, "old", left=LATE)
    project.make(Kind.VOLUME, "odd", stamp_fault="a deadline that is no time", age=7 * HOUR)
    run = here.reap(notify=True).run()
    assert run.exit is Exit.DOUBT
    assert here.post.to("al%40") == ["hello: your things were given back"]
    assert here.post.to("staff") == ["Reaper of hello: done"]
    for _ in range(3):
        here.reap(notify=True).run()
    assert len(here.post.to("al%40")) == 1
    assert len(here.post.to("staff")) == 2, "once more, now that only the doubt is left"


def test_a_failing_channel_stops_no_deletion(world):
    """Nobody can be told, and what is due goes all the same."""
    here = world(2)
    for project in here.projects:
        volume(project, "old", left=LATE)
        volume(project, "soon", left=30 * MINUTE)
    here.post.refuses = "//"
    run = here.reap(notify=True).run()
    assert here.names == {"soon"}
    assert run.exit is Exit.PARTIAL
    assert all(one.report is not None for one in run.ended), "the canary's undelivered mail holds up nobody"


def test_the_breaker_stops_the_whole_run_and_can_be_told_to_let_it_go(world):
    """Nothing is deleted, nobody is warned, exit 4; with the override it goes."""
    here = world()
    for number in range(4):
        volume(here.projects[0], f"old{number}", left=LATE)
    volume(here.projects[0], "soon", left=30 * MINUTE)
    spec = {"reap": ReapSpec(limits=Limits(owner=3))}
    run = here.reap(spec=spec, notify=True).run()
    assert (run.exit, len(here.names)) == (Exit.BREAKER, 5)
    assert here.post.to("al%40") == []
    assert here.reap(spec=spec).look().exit is Exit.BREAKER
    assert here.reap(spec=spec, override=True).run().exit is Exit.OK
    assert here.names == {"soon"}


def test_the_breaker_counts_all_projects_of_a_run_together(world):
    """Two in each of two projects are four, and three are allowed."""
    here = world(2)
    for project in here.projects:
        for number in range(2):
            volume(project, f"old{number}", left=LATE)
    run = here.reap(spec={"reap": ReapSpec(limits=Limits(run=3))}).run()
    assert run.exit is Exit.BREAKER
    assert [len(project.things) for project in here.projects] == [2, 2]
    assert {t.scope for look in run.looks for t in look.plan.tripped} == {"run"}


def test_a_limit_of_zero_lets_nothing_go(world):
    here = world()
    volume(here.projects[0], "old", left=LATE)
    assert here.reap(spec={"reap": ReapSpec(limits=Limits(run=0))}).run().exit is Exit.BREAKER
    assert here.names == {"old"}


def test_the_others_wait_for_the_canary(world):
    """The first project's run goes wrong: nothing is begun in the second, and its state says why."""
    here = world(2)
    for project in here.projects:
        volume(project, "old", left=LATE)
    here.reap().run()
    for project in here.projects:
        volume(project, "old again", left=LATE)
    here.projects[0].faults = [Fault("broken", lambda call, _: call.startswith("delete"), times=99)]
    reap = here.reap()
    run = reap.run()
    assert run.exit is Exit.PARTIAL
    assert run.ended[1].not_begun
    assert {t.name for t in here.projects[1].things.values()} == {"old again"}
    errors = {one.project_id: one.error for one in reap.last_runs()}
    assert "went first, and did not end well" in errors["project-2"]


def test_all_projects_at_a_site_have_one_pace(world, monkeypatch):
    """What the site bears is learned with the canary, and is shared by the others."""
    here, paces = world(3), []
    for project in here.projects:
        volume(project, "old", left=LATE)

    def spied(**given):
        paces.append(given["pace"])
        return Reaper(**given)

    monkeypatch.setattr(facade, "Reaper", spied)
    here.reap().run()
    here.projects[2].name = "CHI@Elsewhere"
    here.reap().run()
    first, second = paces[:3], paces[3:]
    assert [id(pace) for pace in first] == [id(first[0])] * 3
    assert first[0].quickest, "it is the one that the calls are timed with"
    assert len({id(pace) for pace in second}) == 2, "one at each site"


def test_what_the_site_refuses_in_the_first_project_is_left_and_the_others_are_reaped(world):
    """Run after run the same: exit 1, the one thing overdue, and a success of each project."""
    here = world(2)
    for number in (1, 2):
        for project in here.projects:
            volume(project, f"old{number}", left=LATE)
        first = here.projects[0].get(Kind.VOLUME, "volume-1")
        here.projects[0].faults = [Fault("refused", lambda call, _: call.endswith("volume-1"), times=99)]
        reap = here.reap()
        assert reap.run().exit is Exit.PARTIAL
        assert list(here.projects[0].things.values()) == [first]
        assert here.projects[1].things == {}
    runs = {one.project_id: one for one in reap.last_runs()}
    assert [(one.id, one.runs) for one in runs["project-1"].overdue] == [("volume-1", 2)]
    assert runs["project-2"].error == ""


@pytest.mark.parametrize("fault", ["broken", "lost before", "credentials"])
@pytest.mark.parametrize("which", ["in between", "last"])
def test_a_look_that_fails_after_the_run_began_is_exit_3(world, fault, which):
    """As one that fails before: the site cannot be reached, or refuses."""
    here = world()
    project = here.projects[0]
    volume(project, "old", left=LATE)
    # Calls: the look, the deletion, the look at what vanishes, the last look.
    begin = {"in between": 2, "last": 3}[which]
    project.faults = [Fault(fault, lambda call, n: n >= begin and call.startswith("inventory"), times=99)]
    run = here.reap().run()
    assert run.ended[0].report.stopped
    assert run.ended[0].report.unreached
    assert run.exit is Exit.SITE


def test_credentials_that_are_refused_at_a_deletion_are_exit_3(world):
    here = world()
    volume(here.projects[0], "old", left=LATE)
    here.projects[0].faults = [Fault("credentials", lambda call, _: call.startswith("delete"), times=99)]
    assert here.reap().run().exit is Exit.SITE


@pytest.mark.parametrize("fault", ["refused", "broken", "lost before"])
def test_deletions_alone_that_fail_are_exit_1(world, fault):
    """The site is there: it says what became of them."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    here.projects[0].faults = [Fault(fault, lambda call, _: call.startswith("delete"), times=99)]
    run = here.reap().run()
    assert run.exit is Exit.PARTIAL
    assert not run.ended[0].report.unreached


def test_a_run_whose_time_is_over_is_exit_1(world):
    """It is no fault of the site's reach; the next one goes on."""
    here = world()
    for number in range(9):
        volume(here.projects[0], f"old{number}", left=LATE)
    here.projects[0].latency = 20.0
    run = here.reap(seconds=60.0).run()
    assert "the next one goes on" in run.ended[0].report.stopped
    assert run.exit is Exit.PARTIAL


def test_a_last_look_that_lacks_a_kind_is_no_proof_and_exit_1(world):
    """What was asked for is answered and gone, and the last look could not list its kind."""
    here = world()
    project = here.projects[0]
    volume(project, "old", left=LATE)
    project.hooks = {3: lambda: project.unlisted.add(Kind.VOLUME)}
    run = here.reap(notify=True).run()
    assert [outcome.fate for outcome in run.ended[0].report.outcomes] == [Fate.DONE]
    assert run.exit is Exit.PARTIAL
    assert here.post.to("staff") == ["Reaper of hello: something needs you"]


@pytest.mark.parametrize(("number", "begun"), [(0, False), (1, True)])
def test_a_project_that_cannot_be_reached(world, number, begun):
    """Exit 3. As the canary it keeps the others from being begun; else they are none of its business."""
    here = world(2)
    for project in here.projects:
        volume(project, "old", left=LATE)
    here.broken[number] = SiteError("The site cannot be reached.")
    run = here.reap().run()
    assert run.exit is Exit.SITE
    assert (len(here.projects[1 - number].things) == 0) is begun


def test_a_second_run_leaves_the_project_to_the_first(world):
    """It says who works there, and that is no failure."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    reap = here.reap()
    with held(state(reap), "reap"):
        run = reap.run()
        looked = here.reap().look()
    assert run.exit is Exit.OK
    assert "process " in run.looks[0].busy
    assert here.names == {"old"}
    assert looked.looks[0].plan.steps, "looking is always possible"
    assert not (state(reap) / "memory.json").exists(), "and leaves the memory to the other"


@pytest.mark.parametrize(("number", "begun"), [(0, False), (1, True)])
def test_where_another_run_has_the_canary_nothing_is_begun_before_it(world, number, begun):
    """What it will show is not known yet; any other project that is taken is left alone, and that is all."""
    here = world(2)
    for project in here.projects:
        volume(project, "old", left=LATE)
    reap = here.reap()
    with held(state(reap, f"project-{number + 1}"), "reap"):
        run = reap.run()
    assert (len(here.projects[1 - number].things) == 0) is begun
    assert len(here.projects[number].things) == 1
    assert run.exit is (Exit.OK if begun else Exit.PARTIAL)
    if not begun:
        assert "goes first, and is another run's" in run.ended[0].not_begun


def test_a_project_that_is_named_twice_is_refused_and_nothing_is_done(world):
    """Two names of clouds may be one project; the second would find the first one's lock, and call it another run."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    reap = here.reap()
    reap.targets = [Target(project="0"), Target(cloud="again", project="0")]
    run = reap.run()
    assert run.exit is Exit.USAGE
    assert "are the same project at CHI@Fake (project-1)" in str(run.looks[0].error)
    assert here.names == {"old"}
    assert reap.look().exit is Exit.USAGE


def test_a_memory_that_cannot_be_read_is_said_and_forgotten(world):
    here = world()
    reap = here.reap()
    (state(reap) / "memory.json").write_text("{")
    assert "is forgotten" in reap.look().looks[0].notes[0]


def test_a_plan_from_a_file_is_carried_out_and_nothing_else(world, tmp_path):
    """What came in between is not in it, and stays, as late as it is."""
    here = world()
    project = here.projects[0]
    volume(project, "old", left=LATE)
    save_plans(tmp_path / "plan.json", [here.reap().look().looks[0].plan])
    volume(project, "new", left=LATE)
    run = here.reap().carry_out(load_plans(tmp_path / "plan.json"))
    assert run.exit is Exit.OK
    assert "old" not in here.names
    assert "new" in here.names
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o600


def test_a_plan_for_a_project_in_which_another_run_works_is_left(world):
    here = world()
    volume(here.projects[0], "old", left=LATE)
    reap = here.reap()
    plan = reap.look().looks[0].plan
    with held(state(reap), "reap"):
        run = here.reap().carry_out([plan])
    assert (run.exit, run.ended, here.names) == (Exit.OK, (), {"old"})


def test_an_old_plan_is_refused(world):
    """Before any site is asked."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    plan = here.reap().look().looks[0].plan
    here.projects[0].sleep(16 * 60)
    calls = len(here.projects[0].calls)
    with pytest.raises(UsageError, match="was good until"):
        here.reap().carry_out([plan])
    assert (len(here.projects[0].calls), here.names) == (calls, {"old"})


def test_a_plan_that_is_old_by_the_sites_clock_alone_is_refused_as_well(world):
    """This machine's clock may be off by `reap.skew`, so that it does not decide on the last half minute."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    plan = here.reap().look().looks[0].plan
    here.projects[0].sleep(15 * 60 + 5)
    run = here.reap().carry_out([plan])
    assert (run.exit, here.names) == (Exit.USAGE, {"old"})
    assert "Nothing was done" in str(run.ended[0].error)


def test_a_plan_from_a_file_is_judged_again_by_what_counts_in_its_project(world):
    """It is not the file's: not exclusive there, so that what has another lab's stamp by now stays."""
    here = world()
    here.spec = {"project": "CHI-9", "reap": ReapSpec(exclusive=True, second_look=0 * HOUR)}
    gone = volume(here.projects[0], "old-alice", left=LATE, user_id="u1")
    plan = here.reap().look().looks[0].plan
    assert [step.name for step in plan.steps] == ["old-alice"]
    gone.stamp = Stamp("alice", "another", here.projects[0].now + LATE)
    run = here.reap().carry_out([plan])
    assert here.names == {"old-alice"}
    assert [outcome.fate for outcome in run.ended[0].report.outcomes] == [Fate.CHANGED]
    assert any("does not count as exclusive" in note for note in run.looks[0].notes)


def test_a_plan_of_another_project_is_refused(world):
    """And of another site."""
    here = world()
    plan = here.reap().look().looks[0].plan
    with pytest.raises(UsageError, match="these credentials are for another"):
        here.reap().carry_out([replace(plan, project_id="project-9")])
    with pytest.raises(UsageError, match="these credentials are for another"):
        here.reap().carry_out([replace(plan, site="CHI@UC")])


@pytest.mark.parametrize("spoilt", ["empty", "list", "future", "changed", "none", "twice"])
def test_a_file_that_is_no_plan_is_refused(world, tmp_path, spoilt):
    """Also one that was a plan, and in which one name was changed."""
    here = world()
    volume(here.projects[0], "old", left=LATE)
    file = tmp_path / "plan.json"
    save_plans(file, [here.reap().look().looks[0].plan])
    text = file.read_text()
    document = {
        "empty": "",
        "list": "[]",
        "future": text.replace('"format": 1', '"format": 2'),
        "changed": text.replace('"old"', '"odd"'),
        "none": json.dumps({"format": 1, "plans": []}),
        "twice": json.dumps({"format": 1, "plans": json.loads(text)["plans"] * 2}),
    }
    file.write_text(document[spoilt])
    with pytest.raises(UsageError):
        load_plans(file)


@pytest.mark.parametrize(
    ("site", "clouds", "projects", "found"),
    [
        (None, (), (), [Target("CHI@Fake", None, "CHI-1")]),
        ("KVM", (), ("A", "B"), [Target("KVM", None, "A"), Target("KVM", None, "B")]),
        (None, ("c",), (), [Target("CHI@Fake", "c", "CHI-1")]),
        (None, ("c", "d"), (), [Target(None, "c", None), Target(None, "d", None)]),
        (None, ("c",), ("A", "B"), [Target("CHI@Fake", "c", "A"), Target("CHI@Fake", "c", "B")]),
    ],
)
def test_which_projects_are_reaped_in_which_order(site, clouds, projects, found):
    """Several clouds say themselves where they are; else site and project are the file's."""
    assert list(targets(lab(project="CHI-1"), site, clouds, projects)) == found


@pytest.mark.parametrize(
    ("project", "goes"), [("CHI-1", True), ("project-1", True), (None, True), ("CHI-9", False)]
)
def test_exclusive_is_about_the_files_project_alone(world, project, goes):
    """In another one, what people made by hand stays, and that is said."""
    here = world()
    here.projects[0].make(Kind.VOLUME, "disk-alice", age=12 * HOUR, user_id="u1")
    here.spec = {"project": project, "reap": ReapSpec(exclusive=True, second_look=0 * HOUR)}
    run = here.reap().run()
    assert (here.names == set()) is goes, run.looks[0].plan
    assert any("does not count as exclusive" in note for note in run.looks[0].notes) is not goes
