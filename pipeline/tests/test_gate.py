"""A candidate passes if it is better on the whole and on no slice worse; a refusal says where and by how much."""

from __future__ import annotations

import json

import pytest

from groceries import gate, tables
from groceries.errors import RefusedError, WrongFileError
from groceries.params import Gate
from groceries.reports import Report
from groceries.scores import Score
from tests.support import PARAMS

GATE = Gate(candidate="boosting", tolerance=0.1, min_rows=200)


def report(version, mae=1.0, cost=500.0, **slices):
    parts = {
        name: Score(1000, error, 2.0, cost) for name, error in {"north": mae, "south": mae, **slices}.items()
    }
    return Report(version, Score(2000, mae, 2.0, cost), 0.01, parts)


def decided(candidate, production=None, fixed=None):
    reports = {"boosting": candidate, "fixed": fixed or report("f", mae=2.0, cost=900.0)}
    if production:
        reports["production"] = production
    return gate.decide(reports, GATE)


def test_a_better_model_passes():
    assert decided(report("new"), report("old", mae=1.1, cost=600.0)).accepted


def test_without_a_model_in_production_todays_plan_is_to_be_beaten():
    decision = decided(report("new"))
    assert decision.accepted
    assert "no model is in production: compared with today's plan only" in decision.notes
    assert not decided(report("new", mae=2.1)).accepted


@pytest.mark.parametrize(
    ("mae", "cost", "reasons"),
    [
        pytest.param(1.05, 400.0, ["overall: mae 1.05 is not below 1 minutes of production"], id="worse"),
        pytest.param(
            0.9,
            510.0,
            ["overall: cost 510 is not below 500 euros per 1,000 stops of production"],
            id="dearer",
        ),
        pytest.param(
            *(1.0, 500.0),
            [
                "overall: mae 1 is not below 1 minutes of production",
                "overall: cost 500 is not below 500 euros per 1,000 stops of production",
            ],
            id="equal: no reason for a change",
        ),
    ],
)
def test_a_model_that_is_not_better_is_refused(mae, cost, reasons):
    assert list(decided(report("new", mae=mae, cost=cost), report("old")).reasons) == reasons


def test_the_very_model_in_production_passes_against_itself():
    decision = decided(report("same"), report("same"))
    assert decision.accepted
    assert decision.notes == ("boosting is the same model as production",)


def test_it_must_beat_todays_plan_too_even_where_it_is_in_production():
    assert not decided(report("same"), report("same"), fixed=report("f", mae=0.5)).accepted


def test_a_slice_that_got_worse_is_refused_by_name_and_amount():
    decision = decided(report("new", mae=0.8, cost=400.0, south=1.25), report("old"))
    assert decision.reasons == (
        "south: mae 1.250 minutes is 0.250 (25.0%) above 1.000 of production; 10.0% is allowed (1,000 rows)",
    )


@pytest.mark.parametrize(("south", "accepted"), [(1.1, True), (1.1001, False)])
def test_the_tolerance_may_be_reached_and_not_passed(south, accepted):
    assert decided(report("new", mae=0.8, cost=400.0, south=south), report("old")).accepted is accepted


def test_a_slice_worse_than_todays_plan_is_refused():
    decision = decided(report("new", south=2.5), report("old", mae=1.1, cost=600.0, south=2.5))
    assert [reason.split(":")[0] for reason in decision.reasons] == ["south"]
    assert "above 2.000 of fixed" in decision.reasons[0]


def test_of_few_rows_no_slice_is_judged_and_that_is_said():
    candidate = report("new", mae=0.8, cost=400.0)
    candidate.slices["south"] = Score(199, 9.0, 9.0, 9.0)
    decision = decided(candidate, report("old"))
    assert decision.accepted
    assert decision.notes == ("south: not judged, 199 rows are fewer than 200",)


def test_all_reasons_are_told_at_once():
    decision = decided(report("new", mae=3.0, cost=950.0), report("old"))
    assert len(decision.reasons) == 8  # error, cost and two slices, against each of two


def test_a_real_candidate_passes_and_a_real_worse_one_is_refused(run, tmp_path):
    assert gate.gate(run.evaluation, tmp_path / "gate.json", PARAMS.gate).accepted
    worse = dict(json.loads(run.evaluation.read_text()))
    worse["production"] = worse["boosting"]
    tables.write_json(tmp_path / "e.json", worse)
    with pytest.raises(RefusedError, match=r"linear .* is refused:\noverall: mae .* of production"):
        gate.gate(
            tmp_path / "e.json",
            tmp_path / "gate.json",
            PARAMS.gate.model_copy(update={"candidate": "linear"}),
        )
    assert json.loads((tmp_path / "gate.json").read_text())["accepted"] is False


def test_a_candidate_that_was_not_evaluated_is_wrong_use():
    with pytest.raises(WrongFileError, match="no model 'boosting'"):
        gate.decide({"fixed": report("f")}, GATE)
