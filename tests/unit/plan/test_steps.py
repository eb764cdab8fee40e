"""A plan prints, picks its steps by stage, and becomes JSON's own types."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from chi_helpers.model.parts import Part
from chi_helpers.model.wants import KeyPair, LeaseWant, ReservationWant
from chi_helpers.plan import steps as s

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
WANT = LeaseWant("hello-sam", AT, (ReservationWant(1, "2", label="m1.small"),))
PLAN = s.Plan(
    "hello",
    "sam",
    "CHI@Fake",
    AT,
    (
        s.UseKey("key pair me", KeyPair("me", Path("/k/id"), "ssh-ed25519 AAAA")),
        s.CreateLease("create lease hello-sam", WANT),
        s.UseGroup("security group hello-sam", "node1", "hello-sam", (22,)),
        s.CreateAddress("floating IP for node1", "node1"),
        s.TrustHost("SSH host keys of node1", "node1"),
        s.DeletePart("delete port p", Part("port", "P", "p")),
    ),
    notes=("Cut to 2h.",),
    left=("floating IP 192.0.2.9",),
)


def test_a_plan_prints_its_numbered_steps_and_then_its_notes():
    assert str(replace(PLAN, steps=PLAN.steps[:2])) == (
        "1. key pair me\n2. create lease hello-sam\nCut to 2h."
    )


def test_a_plan_without_steps_and_notes_says_that_there_is_nothing_to_do():
    assert str(replace(PLAN, steps=(), notes=())) == "Nothing to do."
    assert str(replace(PLAN, steps=())) == "Cut to 2h."


def test_steps_are_picked_by_their_stages_in_the_order_of_the_plan():
    assert [step.stage for step in PLAN.steps] == [
        s.Stage.RESERVE,
        s.Stage.RESERVE,
        s.Stage.LAUNCH,
        s.Stage.ADDRESS,
        s.Stage.TRUST,
        s.Stage.DELETE,
    ]
    assert PLAN.of(s.Stage.TRUST, s.Stage.RESERVE) == (*PLAN.steps[:2], PLAN.steps[4])
    assert PLAN.of() == ()


def test_every_kind_of_step_belongs_to_its_part_of_a_labs_life():
    stages = {kind.__name__: kind.stage for kind in s.Step.__subclasses__()}
    assert [name for name, stage in stages.items() if stage is s.Stage.RESERVE] == [
        "UseKey",
        "CreateLease",
        "AwaitLease",
    ]
    assert [name for name, stage in stages.items() if stage is s.Stage.LAUNCH] == [
        "UseGroup",
        "CreateInstance",
        "AwaitInstance",
        "ApplyTerraform",
        "UpdateStamp",
    ]
    assert [name for name, stage in stages.items() if stage is s.Stage.ADDRESS] == [
        "CreateAddress",
        "UseAddress",
    ]
    assert [name for name, stage in stages.items() if stage is s.Stage.TRUST] == ["TrustHost"]
    assert len([name for name, stage in stages.items() if stage is s.Stage.DELETE]) == len(stages) - 11


def test_a_plan_becomes_a_document_of_jsons_own_types():
    document = replace(PLAN, steps=PLAN.steps[:2] + PLAN.steps[5:], deadline=AT).document()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "lab": "hello",
        "owner": "sam",
        "site": "CHI@Fake",
        "made": "2026-03-02T15:00:00+00:00",
        "deadline": "2026-03-02T15:00:00+00:00",
        "left": ["floating IP 192.0.2.9"],
        "notes": ["Cut to 2h."],
        "steps": [
            {
                "kind": "UseKey",
                "title": "key pair me",
                "pair": {"name": "me", "private_key": "/k/id", "public_key": "ssh-ed25519 AAAA"},
            },
            {
                "kind": "CreateLease",
                "title": "create lease hello-sam",
                "want": {
                    "name": "hello-sam",
                    "end": "2026-03-02T15:00:00+00:00",
                    "reservations": [{"amount": 1, "flavor_id": "2", "node_type": None, "label": "m1.small"}],
                    "start": None,
                },
            },
            {
                "kind": "DeletePart",
                "title": "delete port p",
                "part": {"kind": "port", "id": "P", "name": "p", "node": "", "port": None},
            },
        ],
    }


def test_a_plan_that_makes_nothing_has_no_deadline():
    assert PLAN.document()["deadline"] is None
