"""A plan as a document: it comes back as it was, or not at all."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given, settings

from chi_helpers.model.errors import UsageError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.lab import Limits, ReapSpec
from chi_helpers.model.reaping import Action
from chi_helpers.plan.reap import plan_reap
from chi_helpers.plan.reapdocument import digest, read, write
from tests.support.worlds import HOUR, LAB, NOW, known, lease, ours, policy, project, stamp, thing, world


def every_step():
    """A plan with every action in it, a limit that is passed, and kinds that were not seen."""
    soon = ours(name="soon", stamp=stamp(ago=-HOUR), age=HOUR)
    bare = thing(name=f"{LAB}-alice", age=HOUR)
    home = lease(age=HOUR, takes=(bare.ref,))
    port = thing(Kind.PORT, "p")
    long = lease("hello-bob", age=HOUR, lasts=90 * HOUR)
    inventory = project(soon, bare, home, long, ours(needs=(port.ref,)), port, unseen=(Kind.CONTAINER,))
    by = policy(exclusive=True, memory=known(bare, port), reap=ReapSpec(limits=Limits(run=0)))
    plan = plan_reap(inventory, by, NOW)
    assert {step.action for step in plan.steps} == set(Action)
    assert plan.tripped
    assert plan.unseen
    return plan


PLAN = every_step()


def test_a_plan_comes_back_as_it_was():
    assert read(json.loads(json.dumps(write(PLAN)))) == PLAN


@settings(deadline=None, max_examples=50)
@given(world())
def test_any_plan_does(drawn):
    inventory, by = drawn
    plan = plan_reap(inventory, by, NOW)
    assert read(json.loads(json.dumps(write(plan)))) == plan


def test_every_field_of_the_model_is_written():
    document = write(PLAN)["plan"]
    for value, written in (
        (PLAN, document),
        (PLAN.steps[0], document["steps"][0]),
        (PLAN.verdicts[0], document["verdicts"][0]),
        (PLAN.tripped[0], document["tripped"][0]),
    ):
        assert is_dataclass(value)
        assert {field.name for field in fields(value)} == set(written)


def test_the_same_plan_has_the_same_digest_whatever_the_order_of_its_keys():
    document = write(PLAN)
    turned = dict(reversed(document.items()))
    turned["plan"] = dict(reversed(document["plan"].items()))
    assert digest(turned) == document["digest"]
    assert len(document["digest"]) == 64


def tampered(change):
    document = copy.deepcopy(write(PLAN))
    change(document)
    return document


def resealed(change):
    """Changed by somebody who knows how to count a digest."""
    document = tampered(change)
    return {**document, "digest": digest(document)}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: d["plan"]["steps"].pop(), id="a step less"),
        pytest.param(lambda d: d["plan"]["steps"].append(d["plan"]["steps"][0]), id="a step more"),
        pytest.param(lambda d: d["plan"]["steps"].reverse(), id="another order"),
        pytest.param(lambda d: d["plan"]["steps"][0]["ref"].update(id="other"), id="another thing"),
        pytest.param(lambda d: d["plan"].update(expires="2036-01-01T00:00:00+00:00"), id="a longer life"),
        pytest.param(lambda d: d["plan"].update(tripped=[]), id="no limit passed"),
        pytest.param(lambda d: d.update(digest="0" * 64), id="another digest"),
        pytest.param(lambda d: d.pop("digest"), id="no digest"),
    ],
)
def test_a_changed_document_is_refused(change):
    with pytest.raises(UsageError, match="digest does not fit"):
        read(tampered(change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda d: d.update(version=2), "version is 2, and this program reads 1", id="version"),
        pytest.param(lambda d: d.update(extra=1), "extra is unknown", id="more beside the plan"),
        pytest.param(lambda d: d.pop("plan"), "plan should be an object", id="no plan"),
        pytest.param(lambda d: d["plan"].update(force=True), r"plan\.force is unknown", id="unknown field"),
        pytest.param(lambda d: d["plan"].pop("made"), r"plan\.made is missing", id="missing field"),
        pytest.param(
            lambda d: d["plan"]["steps"][0].update(action="burn"),
            r"plan\.steps\[0\]\.action is 'burn': one of warn, trim",
            id="unknown action",
        ),
        pytest.param(
            lambda d: d["plan"]["steps"][0]["ref"].update(kind="node"),
            r"plan\.steps\[0\]\.ref\.kind is 'node'",
            id="unknown kind",
        ),
        pytest.param(lambda d: d["plan"].update(made="noon"), r"plan\.made is no time: 'noon'", id="no time"),
        pytest.param(
            lambda d: d["plan"].update(made=5), r"plan\.made is no time: 5", id="a number for a time"
        ),
        pytest.param(
            lambda d: d["plan"].update(made="2026-01-29T15:00:00"), "has no time zone", id="no time zone"
        ),
        pytest.param(lambda d: d["plan"].update(steps={}), r"plan\.steps should be a list", id="no list"),
        pytest.param(
            lambda d: d["plan"].update(site=1), r"plan\.site should be text, and is 1", id="no text"
        ),
        pytest.param(
            lambda d: d["plan"]["tripped"][0].update(planned=True), "should be a whole number", id="no number"
        ),
        pytest.param(
            lambda d: d["plan"]["verdicts"][0].update(restamp=0),
            "should be true or false",
            id="no truth value",
        ),
    ],
)
def test_a_document_that_cannot_be_read_is_refused_with_the_place(change, said):
    with pytest.raises(UsageError, match=said) as caught:
        read(resealed(change))
    assert "Make a new plan" in str(caught.value)


@pytest.mark.parametrize("document", [None, [], "plan", 1])
def test_what_is_no_document_is_refused(document):
    with pytest.raises(UsageError, match="is no plan"):
        read(document)
