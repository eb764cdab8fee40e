"""Whose a thing is, and whether it is in scope: stamps, marks, names, leases, and what people made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chi_helpers.model.inventory import Kind, Mark, Ref
from chi_helpers.model.reaping import Decision, Memory, Rule
from chi_helpers.model.roster import Person, Roster
from chi_helpers.model.truth import Truth
from tests.support.worlds import (
    HOUR,
    LAB,
    MINUTE,
    NOW,
    PEOPLE,
    SECOND,
    known,
    lease,
    ours,
    policy,
    project,
    stamp,
    thing,
    verdict,
    verdicts,
)

ROOT = Ref(Kind.INSTANCE, "gone")


def truths(found):
    by_rule = {finding.rule: finding.truth for finding in found.findings}
    return by_rule[Rule.OURS], by_rule[Rule.OWNED], found.owner


YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        pytest.param({"stamp": stamp()}, (YES, YES, "alice"), id="this lab's stamp"),
        pytest.param({"stamp": stamp("eve")}, (YES, YES, "eve"), id="its stamp, of someone off the roster"),
        pytest.param({"stamp": stamp(of="other")}, (NO, YES, "alice"), id="another lab's stamp"),
        pytest.param(
            {"stamp": stamp(of="hello2")}, (NO, YES, "alice"), id="a lab whose name begins the same"
        ),
        pytest.param({"stamp_fault": "torn"}, (UNKNOWN, UNKNOWN, ""), id="a stamp that cannot be read"),
        pytest.param({}, (NO, NO, ""), id="no stamp"),
        pytest.param({"name": f"{LAB}-alice"}, (NO, NO, ""), id="only the name"),
        pytest.param({"metadata": {"owner": "alice"}}, (NO, NO, ""), id="only metadata"),
        pytest.param({"mark": Mark(ROOT, "alice", LAB, NOW)}, (YES, YES, "alice"), id="the reaper's mark"),
        pytest.param({"mark": Mark(ROOT, "alice", "other", NOW)}, (NO, NO, ""), id="another lab's mark"),
        pytest.param(
            {"mark": Mark(ROOT, "bob", LAB, NOW), "stamp": stamp()},
            (YES, UNKNOWN, ""),
            id="stamp and mark disagree",
        ),
        pytest.param(
            {"mark": Mark(ROOT, "alice", LAB, NOW), "stamp": stamp()},
            (YES, YES, "alice"),
            id="stamp and mark agree",
        ),
        pytest.param(
            {"mark": Mark(ROOT, "alice", LAB, NOW), "stamp": stamp(of="other")},
            (NO, YES, "alice"),
            id="marked, and another lab's by its stamp",
        ),
        pytest.param(
            {"mark": Mark(ROOT, "alice", LAB, NOW), "stamp_fault": "torn"},
            (UNKNOWN, UNKNOWN, ""),
            id="marked, and its stamp cannot be read",
        ),
    ],
)
def test_in_a_shared_project_only_what_is_written_counts(facts, wanted):
    assert truths(verdict(thing(**{"name": "x", **facts}))) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("hello-alice", (YES, YES, "alice")),
        ("hello-al12", (NO, NO, "")),
        ("hello-alice2", (NO, NO, "")),
        ("xhello-alice", (NO, NO, "")),
        ("hello-eve", (NO, NO, "")),
    ],
)
def test_a_lease_is_the_owners_whose_name_it_has_exactly(name, wanted):
    assert truths(verdict(lease(name))) == wanted


@pytest.mark.parametrize(
    ("stamps", "wanted"),
    [
        pytest.param([stamp()], (YES, YES, "alice"), id="one"),
        pytest.param([stamp(), None], (YES, YES, "alice"), id="one, and one without"),
        pytest.param([stamp(), stamp("bob")], (YES, UNKNOWN, ""), id="two owners"),
        pytest.param([stamp(of="other")], (NO, NO, ""), id="another lab's"),
        pytest.param([None], (NO, NO, ""), id="none"),
    ],
)
def test_a_lease_of_another_name_is_known_by_what_runs_in_it(stamps, wanted):
    inside = [thing(name=f"i{number}", stamp=found) for number, found in enumerate(stamps)]
    made = lease("by-hand", takes=tuple(i.ref for i in inside))
    assert truths(verdict(made, None, *inside)) == wanted


def test_an_ended_lease_is_history_and_never_reported():
    found = verdict(lease(status="TERMINATED"))
    assert (found.decision, found.doubtful, found.deadline) == (Decision.KEEP, False, None)
    assert found.why == "it has ended: history"


def test_the_key_pairs_of_who_looks_are_never_deleted():
    """Neither is what only looks like them spared."""
    by = policy(
        exclusive=True,
        roster=Roster((Person("robot", user_id="u-robot"), Person("alice", user_id="u-alice"))),
    )
    own, other = (
        thing(Kind.KEY_PAIR, "hello-alice", id=f"{user}/hello-alice") for user in ("u-robot", "u-alice")
    )
    by = replace(by, memory=known(own, other))
    assert truths(verdict(own, by)) == (NO, NO, "")
    assert verdict(own, by).decision is Decision.KEEP
    assert verdict(other, by).decision is Decision.DELETE


def key_pair(name, user="u-alice", exclusive=True, roster=PEOPLE, ago=HOUR):
    pair = thing(Kind.KEY_PAIR, name, id=f"{user}/{name}")
    return verdict(pair, policy(exclusive=exclusive, roster=roster, memory=known(pair, ago=ago)))


@pytest.mark.parametrize(
    "name", ["my-key", "k-alice", "hello-al12", "hello-alice2", "xhello-alice", "Hello-alice", "hello-eve"]
)
def test_a_key_pair_is_in_scope_only_by_the_labs_exact_name(name):
    """Whoever made it: it is its user's in all other projects, too. Such a one is no case for staff either."""
    for user in ("u-alice", "u-x"):
        found = key_pair(name, user)
        assert truths(found) == (NO, NO, "")
        assert (found.decision, found.doubtful) == (Decision.KEEP, False)
        assert found.why == "a key pair is its user's, for all projects, and its name is not the lab's"


def test_without_a_roster_no_key_pair_has_the_labs_name():
    assert truths(key_pair("hello-alice", roster=None)) == (NO, NO, "")


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        pytest.param({}, (YES, YES, "alice"), id="of its owner"),
        pytest.param({"user": "u-bob"}, (YES, YES, "alice"), id="of one whose id is not on the roster"),
        pytest.param({"ago": MINUTE}, (YES, NO, "alice"), id="not seen before"),
        pytest.param({"name": "hello-bob"}, (YES, UNKNOWN, ""), id="of another of the roster"),
        pytest.param(
            {"user": "u-x", "roster": Roster((Person("alice", user_id="u-alice"),))},
            (YES, UNKNOWN, ""),
            id="of a stranger",
        ),
        pytest.param({"exclusive": False}, (NO, NO, ""), id="in a shared project"),
    ],
)
def test_a_key_pair_of_the_labs_name_is_judged_like_all_that_was_made_by_hand(facts, wanted):
    assert truths(key_pair(**{"name": "hello-alice", **facts})) == wanted


ALL_IDS = Roster(
    (Person("alice", netid="al12", user_id="u-alice"), Person("bob", suffix="bb", user_id="u-bob"))
)


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        pytest.param({"user_id": "u-alice"}, (YES, YES, "alice"), id="the user's id"),
        pytest.param({"user_id": "u-x", "name": "node-alice"}, (YES, YES, "alice"), id="suffix after -"),
        pytest.param({"user_id": "u-x", "name": "node_al12"}, (YES, YES, "alice"), id="netID after _"),
        pytest.param({"user_id": "u-x", "name": "nodealice"}, (YES, UNKNOWN, ""), id="no separator"),
        pytest.param({"user_id": "u-x", "name": "node-alice2"}, (YES, UNKNOWN, ""), id="a longer suffix"),
        pytest.param({"user_id": "u-x", "name": "alice-node"}, (YES, UNKNOWN, ""), id="a prefix"),
        pytest.param({"user_id": "u-x", "name": "alice"}, (YES, UNKNOWN, ""), id="the bare name"),
        pytest.param({"user_id": "u-x", "name": "n-alice-bb"}, (YES, YES, "bob"), id="only the last counts"),
        pytest.param({"user_id": "u-x", "metadata": {"netid": "al12"}}, (YES, YES, "alice"), id="metadata"),
        pytest.param({"user_id": "u-x", "metadata": {"owner": ""}}, (YES, UNKNOWN, ""), id="empty metadata"),
        pytest.param(
            {"user_id": "u-x", "metadata": {"user": "prof"}}, (YES, NO, ""), id="metadata: a stranger"
        ),
        pytest.param(
            {"user_id": "u-x", "metadata": {"owner": "prof"}, "name": "n-alice"},
            (YES, UNKNOWN, ""),
            id="a stranger by metadata, alice by name",
        ),
        pytest.param({"user_id": "u-alice", "name": "n-bb"}, (YES, UNKNOWN, ""), id="two owners"),
        pytest.param({"user_id": None, "name": "n-alice"}, (YES, UNKNOWN, ""), id="maker not told"),
        pytest.param({"user_id": "u-x"}, (YES, UNKNOWN, ""), id="nothing says whose"),
        pytest.param({"stamp": stamp("alice", of="other")}, (YES, YES, "alice"), id="another lab's stamp"),
        pytest.param(
            {"user_id": "u-x", "stamp": stamp("eve", of="other")},
            (YES, NO, ""),
            id="another lab's stamp of a stranger",
        ),
        pytest.param(
            {"stamp_fault": "torn", "name": "n-alice"}, (UNKNOWN, UNKNOWN, ""), id="unreadable stamp"
        ),
        pytest.param(
            {"user_id": "u-x", "stamp": stamp("bb", of="other"), "name": "n-alice"},
            (YES, UNKNOWN, ""),
            id="another lab's stamp against the name",
        ),
    ],
)
def test_what_was_made_by_hand_in_an_exclusive_project_needs_one_owner_of_the_roster(facts, wanted):
    resource = thing(**{"name": "x", **facts})
    assert truths(verdict(resource, policy(exclusive=True, memory=known(resource)))) == wanted


@pytest.mark.parametrize(
    ("changes", "roster", "wanted"),
    [
        pytest.param({}, ALL_IDS, (YES, NO, ""), id="every id of the roster is known: a stranger"),
        pytest.param(
            {"users": {"u-x": "al12"}, "administrator": True}, ALL_IDS, (YES, YES, "alice"), id="its name"
        ),
        pytest.param(
            {"users": {"u-x": "zed"}, "administrator": True}, ALL_IDS, (YES, NO, ""), id="a stranger's"
        ),
        pytest.param({"administrator": True}, ALL_IDS, (YES, UNKNOWN, ""), id="an administrator is not told"),
        pytest.param({}, None, (YES, UNKNOWN, ""), id="no roster"),
        pytest.param({}, Roster(), (YES, UNKNOWN, ""), id="an empty roster"),
    ],
)
def test_who_the_maker_is_comes_from_the_roster_or_the_site(changes, roster, wanted):
    resource = thing(user_id="u-x")
    by = policy(exclusive=True, roster=roster, memory=known(resource))
    assert truths(verdict(resource, by, **changes)) == wanted


def test_a_name_that_two_people_have_is_nobodys():
    resource = thing(Kind.GROUP, "g-sam")
    two = Roster((Person("ann", suffix="sam"), Person("ben", netid="sam")))
    assert truths(verdict(resource, policy(exclusive=True, roster=two, memory=known(resource)))) == (
        YES,
        UNKNOWN,
        "",
    )


@pytest.mark.parametrize(
    ("ago", "made", "wanted"),
    [
        pytest.param(10 * MINUTE, 9 * HOUR, YES, id="10:00"),
        pytest.param(10 * MINUTE - SECOND, 9 * HOUR, NO, id="9:59"),
        pytest.param(None, 9 * HOUR, NO, id="never before"),
        pytest.param(20 * MINUTE, 10 * MINUTE, NO, id="another one of that name was"),
        pytest.param(20 * MINUTE, None, NO, id="it may be another one"),
    ],
)
def test_what_was_made_by_hand_is_seen_twice_before_it_goes(ago, made, wanted):
    resource = thing(Kind.CONTAINER, "c-alice", age=made)
    memory = Memory() if ago is None else known(resource, ago=ago)
    found = verdict(resource, policy(exclusive=True, memory=memory))
    assert truths(found) == (YES, wanted, "alice")
    assert not found.doubtful


NETWORKED = {"user_id": "u-alice", "stamp": stamp()}


def bound(**facts):
    """An instance with a port that was made before it, an address at that, and their network and router."""
    address = thing(Kind.FLOATING_IP, "f")
    network, subnet = thing(Kind.NETWORK, "n"), thing(Kind.SUBNET, "s")
    network = replace(network, takes=(subnet.ref,))
    group = thing(Kind.GROUP, "g")
    port = thing(Kind.PORT, "p", needs=(address.ref, network.ref, subnet.ref, group.ref))
    router = thing(Kind.ROUTER, "r", needs=(subnet.ref,))
    instance = thing(**{**NETWORKED, "needs": (port.ref,), **facts})
    return {"i": instance, "p": port, "f": address, "n": network, "s": subnet, "g": group, "r": router}


def by_ties(things, exclusive=True, **changes):
    by = policy(exclusive=exclusive, memory=known(*things.values()))
    found = verdicts(project(*things.values(), **changes), by)
    return {key: found[resource.ref] for key, resource in things.items()}


def test_in_an_exclusive_project_neutrons_things_are_whose_instance_they_serve():
    found = by_ties(bound())
    assert {key: one.owner for key, one in found.items()} == dict.fromkeys("ipfnsgr", "alice")
    assert {one.decision for one in found.values()} == {Decision.DELETE}


def test_in_a_shared_project_they_are_not():
    found = by_ties(bound(), exclusive=False)
    assert {key for key, one in found.items() if one.decision is Decision.DELETE} == {"i"}


def test_ties_that_lead_to_two_owners_lead_to_none():
    things = bound()
    other = thing(Kind.PORT, "q-bb", needs=(things["n"].ref, things["g"].ref))
    found = by_ties({**things, "q": other})
    assert truths(found["n"]) == (YES, UNKNOWN, "")
    assert truths(found["g"]) == (YES, UNKNOWN, "")
    assert truths(found["p"]) == (YES, YES, "alice")


def test_a_tie_to_something_that_nobody_owns_is_no_evidence_of_an_owner():
    found = by_ties(bound(stamp=None, user_id="u-x"))
    assert {truths(found[key])[1] for key in "ipfngr"} == {UNKNOWN}


def test_a_name_against_a_tie_is_no_knowledge():
    things = bound()
    things["f"] = replace(things["f"], name="f-bb")
    assert truths(by_ties(things)["f"]) == (YES, UNKNOWN, "")


@pytest.mark.parametrize("kind", [Kind.INSTANCE, Kind.PORT])
def test_where_evidence_may_be_missing_nothing_by_hand_is_owned(kind):
    group = thing(Kind.GROUP, "g-alice")
    by = policy(exclusive=True, memory=known(group))
    found = verdict(group, by, unseen=(kind,))
    assert truths(found) == (YES, UNKNOWN, "")
    assert "were not all listed: HTTP 500" in found.why


def test_an_instance_by_hand_may_run_in_somebodys_lease_that_was_not_listed():
    by_hand = thing(name="n-alice")
    assert (
        truths(verdict(by_hand, policy(exclusive=True, memory=known(by_hand)), unseen=(Kind.LEASE,)))[1]
        is UNKNOWN
    )


def test_the_ports_of_the_network_itself_say_nothing_of_its_owner():
    dhcp = thing(Kind.PORT, "d", fixed="the network's own")
    network = thing(Kind.NETWORK, "n-alice", takes=(dhcp.ref,))
    dhcp = replace(dhcp, needs=(network.ref,))
    found = by_ties({"n": network, "d": dhcp})
    assert truths(found["n"]) == (YES, YES, "alice")
    assert found["n"].decision is Decision.DELETE


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_part_is_whose_the_whole_is(exclusive):
    port, disk = thing(Kind.PORT, "p"), thing(Kind.VOLUME, "v", user_id="u-x")
    whole = ours(takes=(port.ref, disk.ref))
    found = verdicts(project(whole, port, disk), policy(exclusive=exclusive))
    assert {ref: truths(one) for ref, one in found.items()} == dict.fromkeys(found, (YES, YES, "alice"))


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"user_id": None}, id="maker not told"),
        pytest.param({"user_id": "u-b"}, id="made by another of the roster"),
        pytest.param({"user_id": "u-x", "stamp": stamp("bob", of="other")}, id="stamped for another"),
    ],
)
def test_a_part_that_is_somebody_elses_keeps_the_whole(facts):
    disk = thing(Kind.VOLUME, "v", **facts)
    whole = ours(takes=(disk.ref,))
    roster = Roster((Person("alice"), Person("bob", user_id="u-b")))
    found = verdicts(project(whole, disk), policy(exclusive=True, roster=roster))
    assert truths(found[disk.ref]) == (YES, UNKNOWN, "")
    assert found[whole.ref].decision is Decision.KEEP


def test_what_two_peoples_things_take_along_is_nobodys():
    disk = thing(Kind.VOLUME, "v", user_id="u-x")
    mine, yours = ours(takes=(disk.ref,)), ours(name="y", stamp=stamp("bob"), takes=(disk.ref,))
    assert truths(verdict(disk, None, mine, yours))[1] is UNKNOWN


def in_lease(lease_facts=None, memory=True, exclusive=False, **facts):
    inside = thing(**{"name": "x", "age": HOUR, **facts})
    home = lease(age=HOUR, takes=(inside.ref,), **(lease_facts or {}))
    seen = known(inside) if memory else Memory()
    return verdict(inside, policy(exclusive=exclusive, memory=seen), home)


def test_an_unstamped_instance_in_its_owners_lease_gets_its_stamp_back():
    found = in_lease()
    assert truths(found) == (YES, YES, "alice")
    assert found.restamp
    assert found.deadline == NOW + 5 * HOUR


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"memory": False}, id="not seen before"),
        pytest.param({"user_id": "u-x"}, id="made by another user"),
        pytest.param({"user_id": None}, id="maker not told"),
        pytest.param({"name": "x-bb"}, id="the name says somebody else"),
        pytest.param({"metadata": {"owner": "prof"}}, id="metadata say somebody else"),
        pytest.param({"stamp_fault": "torn"}, id="its stamp is there, and cannot be read"),
        pytest.param({"stamp": stamp(of="other", ago=-HOUR)}, id="another lab's stamp"),
        pytest.param({"stamp": stamp(ago=-HOUR)}, id="it has its stamp"),
        pytest.param({"lease_facts": {"name": "other-alice"}}, id="no lease of the kit"),
        pytest.param({"locked": True}, id="locked: the site would refuse"),
        pytest.param({"unclear": ("?",)}, id="not all is told"),
        pytest.param({"age": 9 * HOUR}, id="it goes anyway"),
    ],
)
@pytest.mark.parametrize("exclusive", [False, True])
def test_no_stamp_is_given_where_that_is_not_certain(facts, exclusive):
    assert not in_lease(exclusive=exclusive, **facts).restamp


def test_another_users_instance_in_a_lease_of_the_kit_is_not_its_owners():
    """Whoever is in the project may start an instance in any of its leases."""
    for exclusive in (False, True):
        assert truths(in_lease(user_id="u-x", exclusive=exclusive)) == (YES, UNKNOWN, "")


def test_a_lease_that_only_others_stamps_name_lends_its_owner():
    one, two = ours(stamp=stamp(ago=-HOUR), age=HOUR), thing(name="y", age=HOUR)
    home = lease("odd", age=HOUR, takes=(one.ref, two.ref))
    assert verdict(two, policy(memory=known(two)), one, home).restamp
