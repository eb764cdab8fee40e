"""What is kept whatever its age."""

from __future__ import annotations

import pytest

from chi_helpers.model.inventory import Kind
from chi_helpers.model.lab import Spare
from chi_helpers.model.reaping import Decision, Rule
from chi_helpers.model.truth import Truth
from tests.support.worlds import (
    HOUR,
    NOW,
    SECOND,
    lease,
    ours,
    policy,
    project,
    stamp,
    thing,
    verdict,
    verdicts,
)


def unprotected(found):
    return next(finding.truth for finding in found.findings if finding.rule is Rule.UNPROTECTED)


@pytest.mark.parametrize(
    ("spare", "facts", "wanted"),
    [
        pytest.param(Spare(), {}, Truth.YES, id="nothing"),
        pytest.param(Spare(), {"locked": True}, Truth.NO, id="Nova's lock"),
        pytest.param(Spare(), {"locked": None}, Truth.UNKNOWN, id="lock not told"),
        pytest.param(Spare(), {"kind": Kind.IMAGE, "locked": True}, Truth.NO, id="Glance's protection"),
        pytest.param(Spare(), {"kind": Kind.GROUP, "fixed": "the default"}, Truth.NO, id="the project's own"),
        pytest.param(Spare(names=(r"project\d+$",)), {"name": "node-project7"}, Truth.NO, id="a spared name"),
        pytest.param(Spare(names=(r"project\d+$",)), {"name": "project7-x"}, Truth.YES, id="not at the end"),
        pytest.param(Spare(names=("a", "b")), {"name": "b"}, Truth.NO, id="the second pattern"),
        pytest.param(Spare(owners=("alice",)), {}, Truth.NO, id="a spared owner"),
        pytest.param(Spare(owners=("al12",)), {}, Truth.NO, id="a spared owner's netID"),
        pytest.param(Spare(owners=("bob",)), {}, Truth.YES, id="another owner"),
        pytest.param(Spare(until=(("x", NOW + SECOND),)), {}, Truth.NO, id="a second before the day"),
        pytest.param(Spare(until=(("x", NOW),)), {}, Truth.YES, id="at the instant"),
        pytest.param(Spare(until=(("xy", NOW + HOUR),)), {}, Truth.YES, id="another name"),
        pytest.param(
            Spare(until=(("x", NOW - HOUR), ("x", NOW + HOUR))), {}, Truth.NO, id="the later of two counts"
        ),
        pytest.param(Spare(), {"metadata": {"chi-lab-keep": "yes"}}, Truth.YES, id="people cannot keep it"),
    ],
)
def test_only_the_site_and_the_file_protect(spare, facts, wanted):
    found = verdict(ours(**facts), policy(spare=spare))
    assert unprotected(found) is wanted
    assert (found.decision is Decision.DELETE) == (wanted is Truth.YES)


def test_what_is_the_sites_goes_only_along_with_what_it_is_a_part_of():
    """Blazar holds an address of a lease: it goes with the lease, and never alone."""
    held = thing(Kind.FLOATING_IP, "f", fixed="Blazar holds it")
    old, young = lease(takes=(held.ref,)), lease(age=HOUR, takes=(held.ref,))
    assert verdict(held, None, old).decision is Decision.DELETE
    assert verdict(held, None, young).decision is Decision.KEEP
    assert verdict(held).decision is Decision.KEEP


@pytest.mark.parametrize("facts", [{"locked": True}, {"name": "keep-x"}, {"stamp": stamp(of="other")}])
def test_protection_holds_for_all_that_would_go_along(facts):
    inside = ours(**facts)
    home = lease(takes=(inside.ref,))
    found = verdicts(project(inside, home), policy(spare=Spare(names=("^keep-",))))
    assert {one.decision for one in found.values()} == {Decision.KEEP}
