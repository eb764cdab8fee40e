"""Several projects: the first one alone, the others only after it, and each for itself."""

from __future__ import annotations

import threading

import pytest

from chi_helpers.apply.reaper.fleet import Job, reap_all
from chi_helpers.model.errors import SiteError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import ReapReport
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


@pytest.mark.parametrize("fault", ["refused", "broken", "credentials"])
def test_the_others_are_not_begun_where_the_first_does_not_end_well(tmp_path, fault):
    first, *others = [project(0, tmp_path, fault), project(1, tmp_path), project(2, tmp_path)]
    ended = reap_all([job for _, job in (first, *others)])
    assert not ended[0].ok
    assert all("went first" in end.not_begun for end in ended[1:])
    assert not any(site.calls for site, _ in others)


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
