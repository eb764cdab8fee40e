"""Several projects: the first one alone, the others unless it met what is theirs, too, and each for itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.apply.reaper.fleet import Job, reap_all
from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Action, Fate, ReapOutcome, ReapReport
from tests.support.fake_project import FakeProject, Fault
from tests.support.reap_runs import OLD, Runs


def project(number, folder, *faults):
    """A job on a project with one thing to delete; `faults` happen to its deletions."""
    site = FakeProject(project_id=f"project-{number}")
    site.make(Kind.GROUP, "old-group", age=OLD)
    place = folder / str(number)
    place.mkdir()
    runs = Runs(site, place)
    plan = runs.plan()
    for what in faults:
        site.faults.append(Fault(what, lambda call, _: call.startswith("delete"), times=99))
    return site, Job(plan, lambda: runs.run(plan))


def test_all_are_done_where_the_first_ends_well(tmp_path):
    made = [project(number, tmp_path) for number in range(4)]
    ended = reap_all([job for _, job in made])
    assert [end.plan.project_id for end in ended] == [f"project-{number}" for number in range(4)]
    assert all(end.ok for end in ended)
    assert not any(site.things for site, _ in made)


@pytest.mark.parametrize("fault", ["broken", "lost before", "credentials"])
def test_the_others_are_not_begun_where_the_first_does_not_end_well(tmp_path, fault):
    first, *others = [project(0, tmp_path, fault), project(1, tmp_path), project(2, tmp_path)]
    ended = reap_all([job for _, job in (first, *others)])
    assert not ended[0].ok
    assert all("went first" in end.not_begun for end in ended[1:])
    assert not any(site.calls for site, _ in others)


@pytest.mark.parametrize("fault", ["refused", "in use"])
def test_one_thing_that_the_site_says_no_to_holds_back_no_other_project(tmp_path, fault):
    """For ever, it would: the next run is told the same. It is reported, and the run is not a good one."""
    stubborn, _ = project(0, tmp_path)
    network = stubborn.make(Kind.NETWORK, "old-net", age=OLD)
    stubborn.make(Kind.PORT, "old-port", age=OLD, network=network.id)
    runs = Runs(stubborn, tmp_path / "0")
    stubborn.faults.append(Fault(fault, lambda call, _: call.startswith("delete port"), times=99))
    plan = runs.plan()
    other, job = project(1, tmp_path)
    ended = reap_all([Job(plan, lambda: runs.run(plan)), job])
    assert {thing.name for thing in stubborn.things.values()} == {"old-net", "old-port"}, (
        "what waits for it, too"
    )
    assert (ended[0].ok, ended[1].ok, other.things) == (False, True, {})


def test_a_deletion_that_never_comes_to_an_end_holds_back_no_other_project(tmp_path):
    """A volume that Cinder says it is deleting may say so for weeks."""
    stuck, _ = project(0, tmp_path)
    stuck.make(Kind.VOLUME, "old-volume", age=OLD)
    stuck.vanish = timedelta(days=9).total_seconds()
    runs = Runs(stuck, tmp_path / "0")
    plan = runs.plan()
    other, job = project(1, tmp_path)
    ended = reap_all([Job(plan, lambda: runs.run(plan)), job])
    assert (ended[0].ok, ended[1].ok, other.things) == (False, True, {})


@pytest.mark.parametrize("look", ["the first", "the last"])
def test_the_others_are_not_begun_where_the_first_cannot_be_looked_at(tmp_path, look):
    site, first = project(0, tmp_path)
    after = 0 if look == "the first" else 1
    seen = len(site.calls)
    site.faults.append(
        Fault("broken", lambda call, n: call.startswith("inventory") and n >= seen + after, times=99)
    )
    other, job = project(1, tmp_path)
    ended = reap_all([first, job])
    assert "cannot be looked at" in ended[1].not_begun
    assert not other.calls


def test_the_others_are_not_begun_where_a_kind_could_not_be_listed_in_the_firsts_last_look(tmp_path):
    """All was answered with yes, and nobody saw that it was so."""
    site, _ = project(0, tmp_path)
    runs = Runs(site, tmp_path / "0")
    plan = runs.plan()

    def run() -> ReapReport:
        report: ReapReport = runs.run(plan)
        return replace(report, proved=False)

    other, job = project(1, tmp_path)
    ended = reap_all([Job(plan, run), job])
    assert ended[0].report is not None
    assert [outcome.ok for outcome in ended[0].report.outcomes] == [True]
    assert not ended[0].ok
    assert "could not be looked at" in ended[1].not_begun
    assert not other.calls


def test_a_warning_that_did_not_arrive_holds_back_no_other_project(tmp_path):
    """It says nothing of the site."""
    _, first = project(0, tmp_path)
    [delete] = first.plan.steps
    warning = ReapOutcome(replace(delete, action=Action.WARN), Fate.FAILED, "the warning was not delivered")
    other, job = project(1, tmp_path)
    ended = reap_all([Job(first.plan, lambda: ReapReport(first.plan, (warning,))), job])
    assert (ended[0].ok, ended[1].ok, other.things) == (False, True, {})


def test_what_is_merely_doubtful_in_the_first_does_not_hold_back_the_others(tmp_path):
    site = FakeProject(project_id="project-0")
    site.make(Kind.GROUP, "odd-group", age=OLD)
    runs = Runs(site, tmp_path)
    plan = runs.plan()
    assert plan.doubtful
    other, job = project(1, tmp_path)
    assert all(end.ok for end in reap_all([Job(plan, lambda: runs.run(plan)), job]))
    assert not other.things


def test_one_that_fails_stops_none_of_the_others(tmp_path):
    made = [project(number, tmp_path, *(["broken"] if number == 1 else [])) for number in range(4)]
    jobs = [job for _, job in made]

    def unreachable():
        raise SiteError("The site cannot be reached.")

    def faulty():
        raise KeyError("a bug")

    jobs += [Job(made[0][1].plan, unreachable), Job(made[0][1].plan, faulty)]
    ended = reap_all(jobs)
    assert [end.ok for end in ended] == [True, False, True, True, False, False]
    assert "cannot be reached" in str(ended[4].error)
    assert "KeyError" in str(ended[5].error)


def test_the_first_has_ended_before_another_begins(tmp_path):
    _, first = project(0, tmp_path)
    order = []

    def canary() -> ReapReport:
        report: ReapReport = first.run()
        order.append("canary")
        return report

    def other() -> ReapReport:
        order.append("other")
        return ReapReport(first.plan)

    reap_all([Job(first.plan, canary), Job(first.plan, other), Job(first.plan, other)])
    assert order == ["canary", "other", "other"]


def test_the_others_go_side_by_side(tmp_path):
    _, first = project(0, tmp_path)
    together = threading.Barrier(3, timeout=60)

    def other() -> ReapReport:
        together.wait()
        return ReapReport(first.plan)

    ended = reap_all([first, *(Job(first.plan, other) for _ in range(3))], side_by_side=3)
    assert all(end.ok for end in ended)


def test_what_ends_the_program_ends_it(tmp_path):
    _, first = project(0, tmp_path)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reap_all([Job(first.plan, interrupted)])


def test_no_projects_are_no_work():
    assert reap_all([]) == ()
