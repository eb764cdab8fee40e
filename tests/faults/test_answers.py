"""`chi-lab up` and `down` through lost, late and unwilling answers: no duplicate, nothing left, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faults import Answer, Drop, Match, Moment, Rule, Truncate
from tests.support.killing import whole_run
from tests.support.student import Student

pytestmark = [pytest.mark.site, pytest.mark.slow]

CREATING = {
    "lease": Match("POST", "/v1/leases$"),
    "security group": Match("POST", "/security-groups$"),
    "rule": Match("POST", "/security-group-rules$"),
    "instance": Match("POST", "/servers$"),
    "floating IP": Match("POST", "/floatingips$"),
}

INSTANCES = "/servers/detail$"


def one_of_everything(student) -> None:
    held = student.holdings()
    assert held.counts == (1, 1, 1, 1)
    rules = [r for r in held.security_groups[0].security_group_rules if r["direction"] == "ingress"]
    assert len(rules) == 1
    assert held.floating_ips[0].port_id


def test_a_lost_answer_to_each_creation_is_resolved_by_looking(student, lab_file):
    """Each creation has its effect and its answer is lost: `up` goes on, and makes nothing twice."""
    lab = lab_file()
    done = whole_run(student, "up", lab, [Rule(match, Drop(Moment.AFTER)) for match in CREATING.values()])
    assert done.code == 0, done.said
    one_of_everything(student)
    down = whole_run(student, "down", lab, [Rule(Match("DELETE"), Drop(Moment.AFTER), times=None)])
    assert down.code == 0, down.said
    assert not student.holdings()


@pytest.mark.nightly(part="faults")
def test_a_busy_site_is_asked_again_when_it_says_so(student, lab_file):
    """Every fourth look is answered 503 with Retry-After, some 429; `up` and `down` come through."""
    lab = lab_file()
    busy = [Rule(Match("GET"), Answer(503, retry_after=1), first=n) for n in range(3, 60, 4)]
    throttled = [Rule(Match("GET"), Answer(429, retry_after=1), first=n) for n in range(5, 60, 8)]
    for verb in ("up", "down"):
        done = whole_run(student, verb, lab, [*busy, *throttled])
        assert done.code == 0, done.said
    assert not student.holdings()


@pytest.mark.nightly(part="faults")
def test_each_refused_creation_is_told_and_the_next_run_goes_on_from_there(student, lab_file):
    """Creations are answered 500 without effect, one kind a run: a sentence and an exit code; at last, one of each."""
    lab = lab_file()
    for what, match in CREATING.items():
        done = whole_run(student, "up", lab, [Rule(match, Answer(500), times=None)])
        assert done.code in (1, 3), (what, done.said)
        assert "fault injected" in done.said, (what, done.said)
    again = whole_run(student, "up", lab)
    assert again.code == 0, again.said
    one_of_everything(student)


def test_a_listing_that_breaks_off_is_not_taken_for_an_empty_one(student, lab_file):
    """What `down` cannot see it does not call gone: it fails, and deletes nothing on half a picture."""
    kept_through_broken(INSTANCES, student=student, lab=lab_file())


@pytest.mark.nightly(part="faults")
def test_no_other_listing_that_breaks_off_is_taken_for_an_empty_one(student, lab_file):
    """As for instances: leases, floating IPs and security groups."""
    kept_through_broken("/v1/leases$", "/floatingips$", "/security-groups$", student=student, lab=lab_file())


def kept_through_broken(*listings: str, student: Student, lab: Path) -> None:
    assert whole_run(student, "up", lab).code == 0
    for listing in listings:
        done = whole_run(student, "down", lab, [Rule(Match("GET", listing), Truncate(0.4), times=None)])
        assert done.code != 0, (listing, done.said)
        assert "Nothing is left" not in done.said
    one_of_everything(student)
    assert whole_run(student, "down", lab).code == 0
    assert not student.holdings()
