"""Everything that the judge knew of one resource."""

from __future__ import annotations

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Decision, Rule
from chi_helpers.plan.explain import explain
from tests.support.worlds import DUE, HOUR, NOW, known, ours, policy, project, thing

PORT, NETWORK = thing(Kind.PORT, "p"), ours(Kind.NETWORK, "n")
INSTANCE = ours(takes=(PORT.ref,), needs=(NETWORK.ref,))
ALL = project(INSTANCE, PORT, NETWORK)


def test_the_rules_the_limits_the_clues_and_the_ties_are_told():
    by = policy(memory=known(INSTANCE, warned={INSTANCE.ref: NOW}))
    [found] = explain(INSTANCE.id, ALL, by, NOW)
    assert (found.resource, found.verdict.decision) == (INSTANCE, Decision.DELETE)
    assert [finding.rule for finding in found.verdict.findings] == list(Rule)
    assert (DUE, "its stamp") in found.bounds
    assert (NOW - 3 * HOUR, "lifetime.max after it was made") in found.bounds
    assert ("alice", "the user who made it") in found.clues
    assert (found.first_seen, found.told) == (NOW - HOUR, NOW)
    assert [(tie.how, tie.verdict.ref) for tie in found.ties] == [
        ("takes along", PORT.ref),
        ("needs", NETWORK.ref),
    ]


def test_a_parts_limit_is_its_wholes():
    [found] = explain(str(PORT.ref), ALL, policy(), NOW)
    assert (DUE, "the deadline of what it is a part of") in found.bounds
    assert [(tie.how, tie.verdict.ref) for tie in found.ties] == [("goes along with", INSTANCE.ref)]
    [found] = explain(NETWORK.id, ALL, policy(), NOW)
    assert [(tie.how, tie.verdict.ref) for tie in found.ties] == [("is needed by", INSTANCE.ref)]


def test_a_name_finds_all_that_have_it_and_an_id_comes_first():
    twins = project(ours(name="a"), ours(Kind.GROUP, "a"), ours(name="b", id="a"))
    assert [one.resource.name for one in explain("a", twins, policy(), NOW)] == ["b"]
    namesakes = project(ours(name="a"), ours(Kind.GROUP, "a"))
    assert len(explain("a", namesakes, policy(), NOW)) == 2


def test_what_is_not_there_is_said_with_what_was_not_seen():
    with pytest.raises(UsageError) as caught:
        explain("nothing", ALL, policy(), NOW)
    assert str(caught.value) == (
        "Nothing in project CHI-1 at CHI@Test has the id or name nothing. It may be gone already."
    )
    with pytest.raises(UsageError) as caught:
        explain("nothing", project(unseen=(Kind.ROUTER, Kind.IMAGE)), policy(), NOW)
    assert caught.value.do == "Not all of these were listed: image, router."


def test_neighbours_are_told_in_the_order_of_the_listing():
    ports = [thing(Kind.PORT, name) for name in ("c", "a", "b")]
    whole = ours(takes=tuple(port.ref for port in ports))
    [found] = explain(whole.id, project(*ports, whole), policy(), NOW)
    assert [tie.verdict.ref.id for tie in found.ties] == sorted(tie.verdict.ref.id for tie in found.ties)


def test_only_its_own_needs_are_told_not_those_of_its_parts():
    """What goes along needs the network, too: that is the part's own tie."""
    part = thing(Kind.PORT, "p", needs=(NETWORK.ref,))
    whole = ours(takes=(part.ref,))
    [found] = explain(whole.id, project(whole, part, NETWORK), policy(), NOW)
    assert [tie.how for tie in found.ties] == ["takes along"]
    [found] = explain(NETWORK.id, project(whole, part, NETWORK), policy(), NOW)
    assert [(tie.how, tie.verdict.ref) for tie in found.ties] == [("is needed by", part.ref)]
