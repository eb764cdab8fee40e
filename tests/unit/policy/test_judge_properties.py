"""What holds for every project, whatever the site told of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chi_helpers.model.inventory import Inventory, Kind, Ref, Resource
from chi_helpers.model.reaping import Decision, Policy
from chi_helpers.policy.judge import judge
from tests.support.worlds import LAB, NOW, less, verdicts, world

THOROUGH = settings(deadline=None, max_examples=400)


def going(inventory: Inventory, policy: Policy, *decisions: Decision) -> set[Ref]:
    wanted = decisions or (Decision.DELETE,)
    return {verdict.ref for verdict in judge(inventory, policy, NOW) if verdict.decision in wanted}


@THOROUGH
@given(st.data(), world())
def test_knowing_less_never_deletes_more(data, drawn):
    """Nor does it shorten a lease that was to stay as it is."""
    inventory, policy = drawn
    dimmer = data.draw(less(inventory))
    assert going(dimmer, policy) <= going(inventory, policy)
    ended = (Decision.DELETE, Decision.TRIM)
    assert going(dimmer, policy, *ended) <= going(inventory, policy, *ended)


@THOROUGH
@given(st.data(), world())
def test_protecting_more_never_deletes_more(data, drawn):
    inventory, policy = drawn
    spec = policy.spec
    names = {resource.name for resource in inventory.resources}
    spare = spec.spare
    match data.draw(st.sampled_from(("names", "owners", "until", "lock", "fixed"))):
        case "names":
            spare = replace(spare, names=(*spare.names, re.escape(data.draw(st.sampled_from(sorted(names))))))
        case "owners":
            spare = replace(spare, owners=(*spare.owners, data.draw(st.sampled_from(("alice", "bb")))))
        case "until":
            spare = replace(
                spare,
                until=(*spare.until, (data.draw(st.sampled_from(sorted(names))), NOW + timedelta(1))),
            )
        case way:
            place = data.draw(st.integers(0, len(inventory.resources) - 1))
            found = list(inventory.resources)
            change = {"locked": True} if way == "lock" else {"fixed": "the site's"}
            found[place] = replace(found[place], **change)
            more = replace(inventory, resources=tuple(found))
            assert going(more, policy) <= going(inventory, policy)
            return
    safer = replace(policy, spec=replace(spec, spare=spare))
    assert going(inventory, safer) <= going(inventory, policy)


@THOROUGH
@given(st.data(), world())
def test_the_order_and_repeats_of_a_listing_change_nothing(data, drawn):
    inventory, policy = drawn
    shuffled = data.draw(st.permutations([*inventory.resources, *inventory.resources[:2]]))
    assert judge(replace(inventory, resources=tuple(shuffled)), policy, NOW) == judge(inventory, policy, NOW)


@THOROUGH
@given(world())
def test_what_goes_is_closed_under_what_goes_along_and_what_needs_it(drawn):
    inventory, policy = drawn
    gone = going(inventory, policy)
    for resource in inventory.resources:
        if resource.ref in gone:
            assert set(resource.takes) <= gone, "it would take something along that stays"
        else:
            assert not set(resource.needs) & gone, "it stays, and what it needs goes"


@THOROUGH
@given(world())
def test_nothing_young_spared_locked_unowned_or_out_of_scope_goes(drawn):
    """By rules that are written here once more, from the words of the file's reference."""
    inventory, policy = drawn
    for ref in going(inventory, policy):
        resource = inventory.by_ref[ref]
        takers = [r for r in inventory.resources if ref in r.takes]
        assert not resource.stamp_fault
        assert not resource.unclear
        assert resource.locked is False
        assert not resource.fixed or takers
        assert abs(inventory.skew) <= policy.spec.reap.skew
        assert any(at + policy.spec.reap.grace <= NOW for at in limits(resource, inventory, policy)), (
            "it is young"
        )
        assert not spared(resource, policy)
        assert in_scope(resource, inventory, policy)
        found = verdicts(inventory, policy)[ref]
        assert found.owner
        assert found.deadline is not None
        assert found.deadline <= NOW


def limits(resource: Resource, inventory: Inventory, policy: Policy) -> set[datetime]:
    born = resource.start if resource.kind is Kind.LEASE else resource.created
    found = {born + policy.spec.lifetime.max} if born else set()
    found |= {resource.end} if resource.end else set()
    found |= {resource.stamp.deadline} if resource.stamp else set()
    found |= {resource.mark.deadline} if resource.mark else set()
    written = resource.metadata.get("delete_at", "")
    if written.startswith("2026"):
        found.add(datetime.fromisoformat(written).astimezone(UTC))
    for taker in inventory.resources:
        if resource.ref in taker.takes and (taker.kind, resource.kind) != (Kind.LEASE, Kind.INSTANCE):
            found |= limits(taker, inventory, policy)
    return found


def spared(resource: Resource, policy: Policy) -> bool:
    spare = policy.spec.spare
    return any(re.search(name, resource.name) for name in spare.names) or any(
        name == resource.name and until > NOW for name, until in spare.until
    )


def in_scope(resource: Resource, inventory: Inventory, policy: Policy) -> bool:
    if resource.kind is Kind.KEY_PAIR:
        own = resource.id.startswith(f"{inventory.viewer}/")
        return policy.spec.reap.exclusive and not own and resource.name in ("hello-alice", "hello-bob")
    if policy.spec.reap.exclusive:
        return True
    written = [one.lab for one in (resource.stamp, resource.mark) if one is not None]
    if LAB in written:
        return True
    if resource.kind is Kind.LEASE:
        inside = [inventory.by_ref.get(ref) for ref in resource.takes]
        stamped = any(r is not None and r.stamp is not None and r.stamp.lab == LAB for r in inside)
        return stamped or resource.name in ("hello-alice", "hello-bob")
    takers = [r for r in inventory.resources if resource.ref in r.takes]
    return any(in_scope(taker, inventory, policy) for taker in takers)


@THOROUGH
@given(world())
def test_a_clock_that_is_off_deletes_nothing_and_warns_nobody(drawn):
    inventory, policy = drawn
    off = replace(inventory, skew=policy.spec.reap.skew + timedelta(seconds=1))
    assert {verdict.decision for verdict in judge(off, policy, NOW)} <= {Decision.KEEP}


@THOROUGH
@given(world(), st.integers(-30, 30))
def test_the_skew_of_the_clocks_never_adds_a_deletion(drawn, seconds):
    inventory, policy = drawn
    straight = replace(inventory, skew=timedelta(0))
    askew = replace(inventory, skew=timedelta(seconds=seconds))
    assert going(askew, policy) <= going(straight, policy)


@THOROUGH
@given(world())
def test_one_verdict_for_each_resource(drawn):
    inventory, policy = drawn
    assert sorted(v.ref for v in judge(inventory, policy, NOW)) == sorted(
        {r.ref for r in inventory.resources}
    )
