"""More deletions than allowed trip the breaker: per run, project, owner and share; 0 means 0."""

from __future__ import annotations

from typing import Any

import pytest

from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.lab import Limits
from chi_helpers.model.reaping import Action, ReapStep, Tripped
from chi_helpers.policy.breaker import going, tripped
from tests.support.worlds import lease, project, thing

FREE: dict[str, Any] = {"run": None, "project": None, "owner": None, "share": None}


def step(number, owner="alice", action=Action.DELETE, takes=()):
    return ReapStep(action, Ref(Kind.INSTANCE, str(number)), "x", owner, "", takes=takes)


def steps(count, owner="alice"):
    return [step(f"{owner}-{number}", owner) for number in range(count)]


def scopes(planned, total=100, before=0, **limits):
    inventory = project(*(thing(Kind.GROUP, str(number)) for number in range(total)))
    return [trip.scope for trip in tripped(planned, inventory, Limits(**{**FREE, **limits}), before)]


@pytest.mark.parametrize(
    ("limit", "scope"),
    [("run", "run"), ("project", "project CHI-1"), ("owner", "owner alice")],
)
def test_a_limit_may_be_reached_and_not_passed(limit, scope):
    assert scopes(steps(5), **{limit: 5}) == []
    assert scopes(steps(6), **{limit: 5}) == [scope]
    assert scopes(steps(50), **{limit: None}) == []


@pytest.mark.parametrize("limit", ["run", "project", "owner", "share"])
def test_zero_allows_none_at_all(limit):
    assert len(scopes(steps(1), **{limit: 0})) == 1
    assert scopes([], **{limit: 0}) == []


@pytest.mark.parametrize(
    ("planned", "total", "share_from", "wanted"),
    [
        pytest.param(50, 100, 10, 0, id="half"),
        pytest.param(51, 100, 10, 1, id="more than half"),
        pytest.param(10, 10, 10, 0, id="all of a small project"),
        pytest.param(11, 11, 10, 1, id="all of one that is not"),
        pytest.param(11, 23, 0, 0, id="11 of 23"),
        pytest.param(12, 23, 0, 1, id="12 of 23"),
    ],
)
def test_a_share_of_the_project_counts_from_some_number_on(planned, total, share_from, wanted):
    assert len(scopes(steps(planned), total, share=0.5, share_from=share_from)) == wanted


def test_leases_that_have_ended_are_nothing_to_take_a_share_of():
    history = [lease(f"l{number}", status="TERMINATED") for number in range(50)]
    limits = Limits(**{**FREE, "share": 0.5, "share_from": 0})
    [trip] = tripped(steps(1), project(thing(), *history), limits)
    assert trip == Tripped("share of project CHI-1", 1, 0, 1)


def test_each_owner_is_counted_for_themselves():
    planned = [*steps(3, "alice"), *steps(5, "bob"), *steps(6, "dora")]
    assert scopes(planned, owner=4) == ["owner bob", "owner dora"]


def test_what_goes_along_counts_once():
    along = tuple(Ref(Kind.PORT, str(number)) for number in range(4))
    planned = [step(1, takes=along), step(2, "bob", takes=along[:1])]
    assert len(going(planned)) == 6
    assert scopes(planned, run=6) == []
    assert scopes(planned, run=5) == ["run"]


def test_what_other_projects_of_the_run_lose_counts_for_the_run():
    assert scopes(steps(2), before=3, run=5, project=2) == []
    assert scopes(steps(2), before=4, run=5, project=2) == ["run"]


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.DELETE])
def test_only_deletions_count(action):
    assert scopes([step(1, action=action)], run=0, project=0, owner=0, share=0) == []


def test_the_trip_says_how_many_were_planned_of_how_many():
    assert tripped(steps(3), project(thing()), Limits(**{**FREE, "run": 2})) == (Tripped("run", 3, 2, 1),)
