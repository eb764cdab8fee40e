"""How the reaper looks: what serves again, how old a look counts, which kinds belong together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.apply.reaper.kinds import seen_lately, together, touched
from chi_helpers.apply.reaper.sight import Eyes
from chi_helpers.apply.reaper.timing import Bounds
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import Action
from chi_helpers.policy.listing import MAY_NEED, MAY_TAKE
from tests.support.fake_project import FakeProject
from tests.support.reap_runs import POLICY
from tests.support.small_judge import judge


@pytest.fixture
def project():
    return FakeProject()


@pytest.fixture
def eyes(project):
    return Eyes(project, judge, POLICY, project.timer, Bounds(fresh=10.0, guarded=60.0))


def test_what_was_listed_a_moment_ago_serves_again(project, eyes):
    eyes.look({Kind.GROUP, Kind.IMAGE})
    project.sleep(2)
    sight = eyes.look({Kind.GROUP, Kind.VOLUME})
    assert project.calls == ["inventory 2", "inventory 1"]
    assert sight.inventory.listings.keys() == {Kind.GROUP, Kind.IMAGE, Kind.VOLUME}


def test_a_look_counts_from_its_oldest_part_and_is_judged_at_its_instant(project, eyes):
    first = eyes.look({Kind.GROUP})
    project.sleep(4)
    second = eyes.look({Kind.GROUP, Kind.VOLUME})
    assert second.fresh == first.fresh
    assert second.inventory.at == first.inventory.at


def test_what_was_listed_longer_ago_is_listed_again(project, eyes):
    eyes.look({Kind.GROUP})
    project.sleep(5.1)
    sight = eyes.look({Kind.GROUP})
    assert project.calls == ["inventory 1", "inventory 1"]
    assert project.now - sight.inventory.at < timedelta(seconds=1)


def test_after_something_was_done_nothing_serves_again(project, eyes):
    group = project.make(Kind.GROUP, "old-group")
    eyes.look({Kind.GROUP})
    eyes.blink()
    project.drop(group)
    assert eyes.look({Kind.GROUP}).gone(group.ref)


def test_what_was_done_to_one_kind_leaves_what_it_does_not_touch(project, eyes):
    """A port's deletion writes its floating IP anew; networks, groups and volumes are as they were."""
    eyes.look({Kind.PORT, Kind.FLOATING_IP, Kind.NETWORK, Kind.GROUP, Kind.VOLUME})
    eyes.blink({Kind.PORT})
    assert eyes.parts.keys() == {Kind.NETWORK, Kind.GROUP, Kind.VOLUME}


@pytest.mark.parametrize(
    ("kind", "gone"),
    [
        (Kind.LEASE, {Kind.INSTANCE, Kind.PORT, Kind.FLOATING_IP, Kind.VOLUME, Kind.IMAGE}),
        (Kind.INSTANCE, {Kind.PORT, Kind.FLOATING_IP, Kind.VOLUME, Kind.IMAGE}),
        (Kind.ROUTER, {Kind.PORT, Kind.FLOATING_IP}),
        (Kind.NETWORK, {Kind.SUBNET, Kind.PORT}),
        (Kind.GROUP, set()),
    ],
)
def test_a_call_touches_what_goes_along_and_what_gets_another_revision(kind, gone):
    assert touched([kind]) == {kind} | gone


@pytest.mark.parametrize("kind", Kind)
def test_whatever_may_go_along_is_touched(kind):
    along, more = {kind}, {kind}
    while more := {taken for one in more for taken in MAY_TAKE.get(one, ())} - along:
        along |= more
    assert touched([kind]) >= along


def test_where_the_site_refuses_what_changed_a_look_serves_longer(project, eyes):
    eyes.look({Kind.PORT, Kind.GROUP})
    project.sleep(12)
    project.calls.clear()
    eyes.look({Kind.PORT, Kind.GROUP})
    assert project.calls == ["inventory 1"]
    assert eyes.parts[Kind.GROUP].taken > eyes.parts[Kind.PORT].taken


def test_where_one_of_them_has_no_revision_it_does_not(project, eyes):
    project.make(Kind.PORT, "old-port")
    real = project.inventory

    def without(kinds=None, beside=()):
        seen = real(kinds, beside)
        return replace(seen, resources=tuple(replace(one, revision=None) for one in seen.resources))

    project.inventory = without
    eyes.look({Kind.PORT})
    project.sleep(12)
    project.calls.clear()
    eyes.look({Kind.PORT})
    assert project.calls == ["inventory 1"]


def test_a_listing_that_failed_is_tried_again_as_soon_as_any_other(project, eyes):
    project.unlisted = {Kind.PORT}
    assert not eyes.look({Kind.PORT}).inventory.complete(Kind.PORT)
    project.unlisted = set()
    project.sleep(12)
    assert eyes.look({Kind.PORT}).inventory.complete(Kind.PORT)


def test_until_when_a_call_may_be_sent_hangs_on_what_guards_it(project, eyes):
    """Deletions with a revision for long; groups, instances, marks and what has no revision for a moment."""
    port, group = project.make(Kind.PORT, "old-port"), project.make(Kind.GROUP, "old-group")
    began = project.timer.now()
    sight = eyes.look({Kind.PORT, Kind.GROUP})
    port, group = sight.shows(port.ref), sight.shows(group.ref)
    assert port.revision is not None
    assert group.revision is not None
    assert sight.until(Action.DELETE, port) == pytest.approx(began + 60, abs=5)
    assert sight.until(Action.MARK, port) == sight.until(Action.DELETE, group) == sight.fresh
    assert sight.until(Action.DELETE, replace(port, revision=None)) == sight.fresh
    assert sight.fresh == pytest.approx(began + 10, abs=5)


@pytest.mark.parametrize("kind", [Kind.LEASE, Kind.INSTANCE, Kind.ROUTER, Kind.NETWORK])
def test_what_goes_along_without_a_revision_that_tells_must_have_been_seen_a_moment_ago(project, eyes, kind):
    """An instance's port, a router's interface: nothing that the call sends tells that they changed."""
    assert Kind.PORT in seen_lately([kind])
    going = project.make(kind, "old")
    began = project.timer.now()
    sight = eyes.look({kind, Kind.PORT})
    assert sight.until(Action.DELETE, sight.shows(going.ref)) == pytest.approx(began + 10, abs=1)
    project.sleep(6)
    project.calls.clear()
    eyes.look({Kind.PORT}, going={Kind.PORT, Kind.FLOATING_IP, Kind.SUBNET, Kind.GROUP})
    assert not project.calls, "those have revisions, or take nothing along"
    eyes.look({Kind.PORT}, going={kind})
    assert project.calls == ["inventory 1"]


def test_a_subnet_s_change_is_told_by_its_network(project, eyes):
    network = project.make(Kind.NETWORK, "old")
    began = project.timer.now()
    sight = eyes.look({Kind.NETWORK, Kind.SUBNET})
    assert sight.until(Action.DELETE, sight.shows(network.ref)) == pytest.approx(began + 60, abs=1)
    assert seen_lately([Kind.NETWORK]) == {Kind.PORT}
    assert seen_lately([Kind.LEASE, Kind.SUBNET]) == {Kind.INSTANCE, Kind.PORT, Kind.VOLUME}


def test_leases_are_listed_only_where_an_instance_may_go():
    """Of an instance that is asked about because it may use something only that counts, and not whose it is."""
    assert Kind.LEASE in together([Kind.INSTANCE]) & together([Kind.LEASE])
    for kind in (Kind.FLOATING_IP, Kind.PORT, Kind.GROUP, Kind.NETWORK):
        assert Kind.INSTANCE in together([kind])
        assert Kind.LEASE not in together([kind])


def test_how_late_it_is_is_told_by_the_newest_part(project, eyes):
    eyes.look({Kind.PORT})
    project.sleep(20)
    sight = eyes.look({Kind.PORT, Kind.GROUP})
    assert sight.latest - sight.inventory.at == pytest.approx(timedelta(seconds=20), abs=timedelta(seconds=2))


def test_what_serves_on_gets_its_ties_to_what_is_looked_at_now(project, eyes):
    """A port by itself hangs on something unseen; with the instances of now it is known what it is on."""
    network = project.make(Kind.NETWORK, "net")
    instance = project.boot("vm", network)
    port = Ref(Kind.PORT, instance.made_ports[0])
    assert eyes.look({Kind.PORT}).shows(port).unclear
    taken = eyes.parts[Kind.PORT].taken
    project.sleep(12)
    sight = eyes.look({Kind.INSTANCE, Kind.ROUTER, Kind.PORT})
    assert project.calls[-1] == "inventory 2"
    assert sight.shows(port).unclear == ()
    assert eyes.parts[Kind.PORT].taken == taken


def test_a_look_at_everything_uses_nothing_again(project, eyes):
    eyes.look({Kind.GROUP})
    eyes.look()
    assert project.calls == ["inventory 1", "inventory 13"]


def test_what_was_not_looked_at_is_not_gone(eyes):
    assert not eyes.look({Kind.GROUP}).gone(Ref(Kind.VOLUME, "v1"))


def test_the_worst_skew_of_the_parts_is_the_look_s(project, eyes):
    project.skew = -POLICY.spec.reap.skew
    eyes.look({Kind.GROUP})
    project.skew *= 0
    assert eyes.look({Kind.GROUP, Kind.VOLUME}).inventory.skew == -POLICY.spec.reap.skew


@pytest.mark.parametrize("kind", Kind)
def test_a_look_at_a_kind_has_all_that_the_judge_wants_listed_for_it(kind):
    seen = together([kind])
    taken = {kind} | MAY_TAKE.get(kind, frozenset())
    assert seen >= taken | {user for one in taken for user in MAY_NEED.get(one, ())}
