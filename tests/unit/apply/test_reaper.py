"""The reaper's promises on a project in memory: order, look before every call, proof, bounds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chi_helpers.apply.reaper.sight import Seen
from chi_helpers.apply.reaper.timing import Bounds
from chi_helpers.model.errors import UsageError
from chi_helpers.model.inventory import Kind
from chi_helpers.model.reaping import Action, Decision, Fate, ReapReport, Tripped
from chi_helpers.model.stamp import Stamp
from tests.support import small_judge
from tests.support.fake_project import FakeProject, Fault, Killed
from tests.support.reap_runs import OLD, Runs, fates, small_net
from tests.support.small_judge import OWNER, UNTIL


@pytest.fixture
def project():
    return FakeProject()


@pytest.fixture
def runs(project, tmp_path):
    return Runs(project, tmp_path)


def deletes(project):
    return [call.split(" ", 1)[1] for call in project.calls if call.startswith("delete")]


def names(project):
    return {thing.name for thing in project.things.values() if thing.name}


# --- exactly the plan, in order


def test_a_plan_is_carried_out_from_the_lease_to_the_network_and_proved(project, runs):
    network, _, router = small_net(project, "old")
    lease = project.make(Kind.LEASE, "old-lease", age=OLD)
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    instance = project.boot("old-vm", network, age=OLD, lease=lease.id)
    port = project.get(Kind.PORT, instance.made_ports[0])
    port.groups.append(group.id)
    address = project.make(Kind.FLOATING_IP, "old-ip", age=OLD)
    project.bind(address, port.id, router.id)

    report = runs.run()

    assert report.ok
    assert report.proved
    assert not project.things
    ends = fates(report)
    assert (ends["old-lease"], ends["old-vm"], ends["old-subnet"]) == (Fate.DONE, Fate.TAKEN, Fate.TAKEN)
    asked = deletes(project)
    assert asked[0] == f"lease {lease.id}"
    assert asked.index(f"floating IP {address.id}") < asked.index(f"router {router.id}")
    assert asked[-1] == f"network {network.id}"
    assert not [call for call in asked if call.startswith(("instance", "subnet", "port"))], "they go along"


def test_what_is_not_in_the_plan_is_left_alone_even_if_it_could_go_by_now(project, runs):
    project.make(Kind.GROUP, "old-one", age=OLD)
    plan = runs.plan()
    project.make(Kind.GROUP, "old-two", age=OLD)
    assert runs.run(plan).ok
    assert names(project) == {"old-two"}


def test_nothing_is_asked_for_before_what_needs_it_is_seen_gone(project, runs):
    volume = project.make(Kind.VOLUME, "old-volume", age=OLD)
    project.make(Kind.SNAPSHOT, "old-snapshot", age=OLD, volume=volume.id)
    project.vanish = 7.0
    seen = []
    real = project._delete

    def delete(thing):
        seen.append((thing.kind, len(project.of(Kind.SNAPSHOT))))
        real(thing)

    project._delete = delete
    assert runs.run().ok
    assert seen == [(Kind.SNAPSHOT, 1), (Kind.VOLUME, 0)]


def test_what_goes_along_is_not_asked_for_and_is_said_to_have_gone_along(project, runs):
    lease = project.make(Kind.LEASE, "old-lease", age=OLD)
    instance = project.boot("old-vm", age=OLD, lease=lease.id)
    plan = runs.plan()
    along = replace(plan.deletions[0], ref=instance.ref, name="old-vm", created=instance.created, takes=())
    report = runs.run(replace(plan, steps=(along, *plan.steps)))
    assert fates(report) == {"old-vm": Fate.TAKEN, "old-lease": Fate.DONE}
    assert deletes(project) == [f"lease {lease.id}"]


def test_what_would_go_along_and_is_not_in_the_plan_keeps_its_root(project, runs):
    lease = project.make(Kind.LEASE, "old-lease", age=OLD)
    plan = runs.plan()
    project.boot("old-newcomer", lease=lease.id)
    report = runs.run(plan)
    assert fates(report) == {"old-lease": Fate.CHANGED}
    assert not deletes(project)


def test_what_would_go_along_further_down_keeps_its_root_too(project, runs):
    lease = project.make(Kind.LEASE, "old-lease", age=OLD)
    instance = project.boot("old-vm", age=OLD, lease=lease.id)
    plan = runs.plan()
    volume = project.make(Kind.VOLUME, "old-volume", age=OLD)
    instance.volumes[volume.id] = True
    assert fates(runs.run(plan)) == {"old-lease": Fate.CHANGED}
    assert not deletes(project)


# --- the last look before a call


def test_a_thing_that_came_back_under_the_same_id_is_left_alone(project, runs):
    old = project.make(Kind.KEY_PAIR, "old-key", id="user/old-key", age=OLD)
    plan = runs.plan()
    project.drop(old)
    project.make(Kind.KEY_PAIR, "old-key", id="user/old-key")
    assert fates(runs.run(plan)) == {"old-key": Fate.CHANGED}
    assert names(project) == {"old-key"}
    assert not deletes(project)


def test_a_thing_that_is_not_to_go_any_more_is_left_alone(project, runs):
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    group.name = "kept-group"
    report = runs.run(plan)
    assert fates(report) == {"old-group": Fate.CHANGED}
    assert "kept-group" in report.outcomes[0].detail
    assert not deletes(project)


def test_a_thing_of_which_too_little_is_known_waits(project, runs):
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    group.name = "odd-group"
    report = runs.run(plan)
    assert fates(report) == {"old-group": Fate.WAITING}
    assert not report.ok
    assert not deletes(project)


def test_another_owner_s_thing_by_now_is_left_alone(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    step = replace(plan.steps[0], owner="somebody-else")
    assert fates(runs.run(replace(plan, steps=(step,)))) == {"old-group": Fate.CHANGED}
    assert not deletes(project)


def test_what_was_not_judged_waits(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    runs.judge = lambda *_: ()
    assert fates(runs.run(plan)) == {"old-group": Fate.WAITING}
    assert not deletes(project)


def test_what_is_gone_before_costs_no_call(project, runs):
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.drop(group)
    report = runs.run(plan)
    assert fates(report) == {"old-group": Fate.GONE}
    assert report.ok
    assert report.proved
    assert len(project.calls) == 1


def test_a_kind_that_is_not_wholly_listed_proves_nothing_and_lets_nothing_go(project, runs):
    """What is missing in half a listing is not gone, and what is in it does not go."""
    for number in range(4):
        project.make(Kind.GROUP, f"old-{number}", age=OLD)
    plan = runs.plan()
    project.unlisted.add(Kind.GROUP)
    report = runs.run(plan)
    assert set(fates(report).values()) == {Fate.WAITING}
    assert "second page" in report.outcomes[0].detail
    assert not deletes(project)
    assert not report.proved


def test_calls_are_sent_by_no_look_older_than_twenty_seconds(project, runs):
    for number in range(50):
        project.make(Kind.GROUP, f"old-{number:02}", age=OLD)
    project.latency = 1.0
    looks, ages = [], []
    real_look, real_delete = project.inventory, project.delete

    def look(kinds=None, beside=()):
        looks.append(project.timer.now())
        return real_look(kinds, beside)

    def delete(resource):
        ages.append(project.timer.now() - looks[-1])
        return real_delete(resource)

    project.inventory, project.delete = look, delete
    assert runs.run().ok
    assert len(ages) == 50
    assert 15.0 < max(ages) <= 20.0


def test_where_the_site_refuses_what_changed_one_look_serves_for_ten_minutes(project, runs):
    """Ports carry their revision: forty of them at a second each go by one look, and by the last look as proof."""
    for number in range(40):
        project.make(Kind.PORT, f"old-{number:02}", age=OLD)
    project.latency = 1.0
    plan = runs.plan()
    project.calls.clear()
    assert runs.run(plan).ok
    assert sum(call.startswith("inventory") for call in project.calls) == 2


def test_what_took_long_to_ask_for_is_not_looked_at_every_moment(project, runs):
    """Twenty calls of a second: the first look at what became of them is seconds later, and not half a one."""
    for number in range(20):
        project.boot(f"old-{number}", None, age=OLD)
    project.latency, project.vanish = 1.0, 40.0
    assert runs.run().ok
    looks = [at for at, call in enumerate(project.calls) if call == "inventory 1"]
    assert 0 < len(looks) <= 6, project.calls


def test_while_an_instance_vanishes_it_is_looked_at_each_time(project, runs):
    """At a pause that grows with the work: what vanishes in six seconds is seen to be gone within three more."""
    network, _, _ = small_net(project, "kept")
    project.boot("old-vm", network, age=OLD)
    project.vanish = 6.0
    plan, began = runs.plan(), project.now
    assert runs.run(plan).ok
    assert project.now - began < timedelta(seconds=9)


def test_a_port_that_changed_after_the_look_survives_by_its_revision(project, runs):
    for number in range(30):
        project.make(Kind.PORT, f"old-{number:02}", age=OLD)
    project.latency = 1.0
    plan = runs.plan()

    def spare():
        port = next(thing for thing in project.things.values() if thing.name == "old-29")
        port.revision, port.name = port.revision + 1, f"keep-{port.name}"

    project.hooks[25] = spare
    report = runs.run(plan)
    assert [t.name for t in project.things.values()] == ["keep-old-29"]
    assert fates(report)["old-29"] is Fate.CHANGED


def test_a_look_that_served_the_plan_serves_the_run_too_while_it_is_fresh(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    inventory, taken = project.inventory(), project.timer.now()
    plan = runs.plan()
    project.calls.clear()
    assert runs.run(plan, seen=Seen(inventory, taken)).ok
    assert project.calls[0].startswith("delete")
    project.make(Kind.GROUP, "old-group", age=OLD)
    inventory, taken = project.inventory(), project.timer.now()
    plan = runs.plan()
    project.sleep(30)
    project.calls.clear()
    assert runs.run(plan, seen=Seen(inventory, taken)).ok
    assert project.calls[0].startswith("inventory")


def minding_what_goes_along(inventory, policy, now):
    """The small judge, and nothing goes that takes something called `keep...` along."""
    keep = {r.ref for r in inventory.resources if r.name.startswith("keep")}
    takers = {r.ref for r in inventory.resources if keep & set(r.takes)}
    takers |= {r.ref for r in inventory.resources if takers & set(r.takes)}
    return tuple(
        replace(verdict, decision=Decision.KEEP) if verdict.ref in takers else verdict
        for verdict in small_judge.judge(inventory, policy, now)
    )


@pytest.mark.parametrize("owner", ["old-lease", "old-vm", "old-router", "old-net"])
def test_what_takes_a_port_along_that_was_spared_after_the_look_survives(project, tmp_path, owner):
    """A port's new name leaves the revision of what takes it as it was: only another look tells."""
    runs = Runs(project, tmp_path, minding_what_goes_along)
    network, _, _ = small_net(project, "old")
    lease = project.make(Kind.LEASE, "old-lease", age=OLD)
    instance = project.boot("old-vm", network, age=OLD, lease=lease.id if owner == "old-lease" else "")
    taken = next(t for t in project.things.values() if t.name == owner)
    port = project.along(instance if owner == "old-lease" else taken)[0]
    assert port.kind is Kind.PORT
    plan, seen = runs.plan(), Seen(project.inventory(), project.timer.now())
    project.rename(port, "keep")
    project.sleep(25)
    report = runs.run(plan, seen=seen)
    assert taken.ref in project.things
    assert port.ref in project.things
    assert fates(report)[owner] is Fate.CHANGED


def test_only_what_is_too_old_of_a_look_is_looked_at_again_before_calls(project, runs):
    """The routers and networks serve on; the ports that go along with a router do not."""
    small_net(project, "old")
    plan, seen = runs.plan(), Seen(project.inventory(), project.timer.now())
    project.sleep(25)
    project.calls.clear()
    assert runs.run(plan, seen=seen).ok
    looks = [int(call.split()[1]) for call in project.calls if call.startswith("inventory")]
    assert max(looks[:-1]) < len(Kind) / 2, project.calls


def test_at_a_site_whose_listing_takes_longer_than_a_look_is_good_for_things_go_nevertheless(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    real = project.inventory

    def look(kinds=None, beside=()):
        seen = real(kinds, beside)
        project.sleep(25)
        return seen

    plan = runs.plan()
    project.inventory = look
    assert runs.run(plan).ok
    assert not project.things


# --- what the site answers


def test_a_404_counts_as_gone_before(project, runs):
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.hooks[1] = lambda: project.drop(group)
    report = runs.run(plan)
    assert fates(report) == {"old-group": Fate.GONE}
    assert report.ok


def test_a_409_waits_and_is_asked_again_after_a_look(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("in use", lambda call, _: call.startswith("delete")))
    assert fates(runs.run(plan)) == {"old-group": Fate.DONE}
    assert [call.split()[0] for call in project.calls[:4]] == ["inventory", "delete", "inventory", "delete"]


def test_what_stays_in_use_waits_for_the_next_run(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("in use", lambda call, _: call.startswith("delete"), times=99))
    report = runs.run(plan)
    assert fates(report) == {"old-group": Fate.WAITING}
    assert [str(verdict.ref) for verdict in report.left] == [str(report.outcomes[0].step.ref)]
    assert len(deletes(project)) == runs.bounds.tries


def test_a_412_is_judged_again_and_goes_with_the_new_revision(project, runs):
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.hooks[1] = lambda: setattr(group, "revision", 7)
    assert fates(runs.run(plan)) == {"old-group": Fate.DONE}
    assert len(deletes(project)) == 2


def test_a_thing_that_changed_between_look_and_call_survives(project, runs):
    """Neutron's If-Match: somebody took it into use after the look."""
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()

    def taken_into_use():
        group.revision += 1
        group.name = "kept-group"

    project.hooks[1] = taken_into_use
    assert fates(runs.run(plan)) == {"old-group": Fate.CHANGED}
    assert names(project) == {"kept-group"}


def test_a_403_is_final_and_stops_nothing_else(project, runs):
    locked = project.boot("old-locked", age=OLD, locked=True)
    project.boot("old-free", age=OLD)
    report = runs.run()
    assert fates(report) == {"old-locked": Fate.REFUSED, "old-free": Fate.DONE}
    assert report.outcomes[0].request_id == "req-403"
    assert deletes(project).count(f"instance {locked.id}") == 1


@pytest.mark.parametrize("when", ["lost before", "lost after"])
def test_a_lost_answer_is_resolved_by_looking(project, runs, when):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault(when, lambda call, _: call.startswith("delete")))
    assert fates(runs.run(plan)) == {"old-group": Fate.DONE}
    assert len(deletes(project)) == (2 if when == "lost before" else 1)
    assert project.calls[2].startswith("inventory"), "it looks before it asks again"


def test_a_site_that_always_fails_on_one_thing_is_told_and_stops_nothing_else(project, runs):
    project.make(Kind.GROUP, "old-bad", id="bad", age=OLD)
    project.make(Kind.GROUP, "old-good", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("broken", lambda call, _: "delete security group bad" in call, times=99))
    report = runs.run(plan)
    assert fates(report) == {"old-bad": Fate.FAILED, "old-good": Fate.DONE}
    assert len([call for call in deletes(project) if call.endswith("bad")]) == runs.bounds.tries


def test_bad_credentials_end_the_run_in_words(project, runs):
    for number in range(5):
        project.make(Kind.GROUP, f"old-{number}", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("credentials", lambda call, _: call.startswith("delete"), times=99))
    report = runs.run(plan)
    assert "401" in report.stopped
    assert len(deletes(project)) == 1
    assert not report.ok


def test_a_busy_site_is_given_the_time_that_it_asks_for(project, runs):
    for number in range(3):
        project.make(Kind.GROUP, f"old-{number}", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("busy", lambda call, _: call.startswith("delete"), wait=4.0))
    times = []
    real = project.delete

    def delete(resource):
        times.append(project.timer.now())
        return real(resource)

    project.delete = delete
    assert runs.run(plan).ok
    assert times[1] - times[0] >= 4.0
    assert len(times) == 4


def test_a_busy_site_s_pause_longer_than_a_look_is_good_for_ends_in_another_look(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("busy", lambda call, _: call.startswith("delete"), wait=20.0))
    assert runs.run(plan).ok
    assert [call.split()[0] for call in project.calls[:4]] == ["inventory", "delete", "inventory", "delete"]


def test_a_204_for_a_thing_that_is_still_there_is_not_believed(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project._delete = lambda _: None
    report = runs.run(plan)
    assert fates(report) == {"old-group": Fate.WAITING}
    assert report.left
    assert not report.ok


def test_a_204_for_a_thing_that_is_still_there_is_asked_for_again_where_a_look_shows_it(project, runs):
    liar = project.make(Kind.GROUP, "old-liar", age=OLD)
    lost = project.make(Kind.GROUP, "old-lost", age=OLD)
    plan = runs.plan()
    real, lies = project._delete, iter([True])
    project._delete = lambda thing: None if thing is liar and next(lies, False) else real(thing)
    project.faults.append(Fault("lost before", lambda call, _: call.endswith(lost.id)))
    assert set(fates(runs.run(plan)).values()) == {Fate.DONE}


def test_what_got_no_answer_is_not_asked_for_again_by_the_same_look_however_long_that_serves(project, runs):
    small_net(project, "old")
    group = project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.latency = 1.5
    project.faults.append(Fault("lost after", lambda call, _: call.endswith(group.id)))
    assert runs.run(plan).ok
    assert deletes(project).count(f"security group {group.id}") == 1


def test_what_the_last_look_shows_again_was_not_done(project, runs):
    volume = project.make(Kind.VOLUME, "old-volume", age=OLD)
    plan = runs.plan()
    looks = iter(range(100))
    real = project.inventory

    def look(kinds=None, beside=()):
        number = next(looks)
        if number == 1:
            project.things.pop(volume.ref, None)
        if number == 2:
            volume.vanishes = None
            project.things[volume.ref] = volume
        return real(kinds, beside)

    project.inventory = look
    report = runs.run(plan)
    assert fates(report) == {"old-volume": Fate.WAITING}
    assert not report.ok


# --- waiting, and its bounds


def test_what_does_not_vanish_waits_for_the_next_run_and_holds_back_nothing_unrelated(project, runs):
    network, _, _ = small_net(project, "old")
    stuck = project.boot("old-stuck", network, age=OLD)
    project.boot("old-vm", age=OLD)
    free = project.make(Kind.VOLUME, "old-volume", age=OLD)
    real = project._delete
    project._delete = lambda thing: None if thing is stuck else real(thing)
    began = project.timer.now()
    report = runs.run()
    ends = fates(report)
    assert ends["old-stuck"] is Fate.WAITING
    assert ends["old-net"] is Fate.WAITING
    assert (ends["old-vm"], ends["old-volume"]) == (Fate.DONE, Fate.DONE)
    assert free.ref not in project.things
    assert project.timer.now() - began < runs.bounds.patience + 30


def test_what_a_stuck_thing_does_not_hold_goes_while_that_is_stuck(project, runs):
    """A floating IP is freed by one instance while another never vanishes."""
    network, _, router = small_net(project, "kept")
    stuck = project.boot("old-stuck", network, age=OLD)
    good = project.boot("old-good", network, age=OLD)
    address = project.make(Kind.FLOATING_IP, "old-ip", age=OLD)
    project.bind(address, good.made_ports[0], router.id)
    real = project._delete
    project._delete = lambda thing: None if thing is stuck else real(thing)
    began = project.now
    assert fates(runs.run())["old-ip"] is Fate.DONE
    freed = next(removed.at for removed in project.removed if removed.thing.id == address.id)
    assert freed - began < timedelta(seconds=runs.bounds.patience / 2)


def test_a_run_ends_after_its_longest_time(project, runs):
    for number in range(40):
        project.make(Kind.GROUP, f"old-{number}", age=OLD)
    project.latency, runs.bounds = 5.0, Bounds(longest=60.0)
    report = runs.run()
    assert "next one goes on" in report.stopped
    assert project.timer.now() < runs.bounds.longest + 60


def test_steps_in_a_ring_end_the_run(project, runs):
    one = project.make(Kind.GROUP, "old-one", age=OLD)
    two = project.make(Kind.GROUP, "old-two", age=OLD)
    plan = runs.plan()
    first, second = plan.steps
    ring = (replace(first, after=(two.ref,)), replace(second, after=(one.ref,)))
    report = runs.run(replace(plan, steps=ring))
    assert set(fates(report).values()) == {Fate.WAITING}
    assert not deletes(project)


def test_a_site_that_cannot_be_looked_at_ends_the_run_in_words(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("broken", lambda call, _: call.startswith("inventory"), times=99))
    report = runs.run(plan)
    assert "cannot be looked at" in report.stopped
    assert not report.proved
    assert not report.ok


def test_without_a_last_look_nothing_is_proved(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.faults.append(Fault("broken", lambda call, n: call.startswith("inventory") and n > 0, times=99))
    report = runs.run(plan)
    assert not report.proved
    assert fates(report) == {"old-group": Fate.WAITING}, "an answer alone is no proof"


# --- marks, stamps, leases


def test_what_an_instance_leaves_behind_is_marked_before_it_goes(project, runs):
    port = project.make(Kind.PORT, "old-port", age=OLD)
    instance = project.boot("old-vm", age=OLD)
    project.give(instance, port)
    report = runs.run()
    assert report.ok
    assert [call.split()[0] for call in project.calls if not call.startswith("inv")] == [
        "mark",
        "delete",
        "delete",
    ]
    gone = next(removed.thing for removed in project.removed if removed.thing.id == port.id)
    assert gone.mark.root == instance.ref
    assert (gone.mark.owner, gone.mark.lab) == (OWNER, "demo")


@pytest.mark.parametrize("fault", ["lost before", "broken", "busy"])
def test_the_instance_stays_until_the_mark_is_written(project, runs, fault):
    port = project.make(Kind.PORT, "old-port", age=OLD)
    instance = project.boot("old-vm", age=OLD)
    project.give(instance, port)
    plan = runs.plan()
    project.faults.append(Fault(fault, lambda call, _: call.startswith("mark")))
    project.vanish = 0.0
    marked = []
    real = project.delete

    def delete(resource):
        marked.append(port.mark)
        return real(resource)

    project.delete = delete
    assert runs.run(plan).ok
    assert None not in marked


def test_an_instance_whose_leavings_cannot_be_marked_stays(project, runs):
    port = project.make(Kind.PORT, "old-port", age=OLD)
    instance = project.boot("old-vm", age=OLD)
    project.give(instance, port)
    plan = runs.plan()
    project.faults.append(Fault("refused", lambda call, _: call.startswith("mark")))
    report = runs.run(plan)
    assert fates(report)["old-vm"] is Fate.WAITING
    assert "not marked" in next(o.detail for o in report.outcomes if o.step.name == "old-vm")
    assert not deletes(project)


def test_a_mark_that_is_there_is_not_written_again(project, runs):
    port = project.make(Kind.PORT, "old-port", age=OLD)
    instance = project.boot("old-vm", age=OLD)
    project.give(instance, port)
    plan = runs.plan()
    project.faults.append(Fault("lost after", lambda call, _: call.startswith("mark")))
    assert runs.run(plan).ok
    assert len([call for call in project.calls if call.startswith("mark")]) == 1


def test_nothing_is_marked_for_a_root_that_stays(project, runs):
    port = project.make(Kind.PORT, "old-port", age=OLD)
    instance = project.boot("old-vm", age=OLD)
    project.give(instance, port)
    plan = runs.plan()
    instance.name = "kept-vm"
    instance.given_ports.clear()
    mark = next(step for step in plan.steps if step.action is Action.MARK)
    report = runs.run(replace(plan, steps=(mark,)))
    assert fates(report) == {"old-port": Fate.CHANGED}
    assert port.mark is None


def test_an_overlong_lease_is_shortened_and_seen_to_be(project, runs):
    lease = project.make(Kind.LEASE, "long-lease", end=UNTIL + OLD)
    report = runs.run()
    assert report.ok
    assert report.proved
    assert lease.end == UNTIL
    assert fates(report) == {"long-lease": Fate.DONE}


def test_a_lease_that_is_to_end_otherwise_by_now_is_left_alone(project, runs):
    lease = project.make(Kind.LEASE, "long-lease", end=UNTIL + OLD)
    plan = runs.plan()
    step = replace(plan.steps[0], until=UNTIL - timedelta(minutes=30))
    assert fates(runs.run(replace(plan, steps=(step,)))) == {"long-lease": Fate.CHANGED}
    assert lease.end == UNTIL + OLD


def test_a_lease_that_is_short_enough_by_now_costs_no_call(project, runs):
    lease = project.make(Kind.LEASE, "long-lease", end=UNTIL + OLD)
    plan = runs.plan()
    lease.end = UNTIL
    report = runs.run(plan)
    assert fates(report) == {"long-lease": Fate.DONE}
    assert not [call for call in project.calls if call.startswith("trim")]


def test_a_lease_that_the_site_did_not_shorten_is_not_said_to_be(project, runs):
    project.make(Kind.LEASE, "long-lease", end=UNTIL + OLD)
    plan = runs.plan()
    project.trim = lambda *_: "req-1"
    report = runs.run(plan)
    assert fates(report) == {"long-lease": Fate.WAITING}
    assert not report.ok


def test_a_lost_stamp_is_written_again_with_its_deadline_and_node(project, runs):
    instance = project.boot("bare-vm", age=OLD)
    plan = runs.plan()
    plan = replace(plan, steps=(replace(plan.steps[0], node="node1"),))
    assert runs.run(plan).ok
    assert instance.stamp == Stamp(OWNER, "demo", plan.steps[0].deadline, "node1")


def test_a_stamp_that_is_back_is_left_as_it_is(project, runs):
    instance = project.boot("bare-vm", age=OLD)
    plan = runs.plan()
    instance.stamp = Stamp("sam", "demo", UNTIL)
    assert fates(runs.run(plan)) == {"bare-vm": Fate.DONE}
    assert not [call for call in project.calls if call.startswith("restamp")]


def test_a_stamp_of_another_deadline_by_now_is_not_written(project, runs):
    instance = project.boot("bare-vm", age=OLD)
    plan = runs.plan()
    plan = replace(plan, steps=(replace(plan.steps[0], deadline=UNTIL),))
    assert fates(runs.run(plan)) == {"bare-vm": Fate.CHANGED}
    assert instance.stamp is None


# --- what is refused before anything is done


def test_an_expired_plan_is_not_carried_out(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.sleep(16 * 60)
    with pytest.raises(UsageError, match="make a new one"):
        runs.run(plan)
    assert not deletes(project)


def test_a_plan_that_expires_on_the_way_is_not_carried_on(project, runs):
    volume = project.make(Kind.VOLUME, "old-volume", age=OLD)
    project.make(Kind.SNAPSHOT, "old-snapshot", age=OLD, volume=volume.id)
    plan = replace(runs.plan(), expires=project.now + timedelta(seconds=5))
    project.vanish = 8.0
    report = runs.run(plan)
    assert report.stopped
    assert volume.ref in project.things


@pytest.mark.parametrize("field", ["site", "project_id", "lab"])
def test_a_plan_of_another_place_is_wrong_use(project, runs, field):
    project.make(Kind.GROUP, "old-group", age=OLD)
    with pytest.raises(UsageError, match="another"):
        runs.run(replace(runs.plan(), **{field: "another"}))
    assert not deletes(project)


@pytest.mark.parametrize("seconds", [31, -31])
def test_a_clock_too_far_off_ends_the_run_before_anything_is_done(project, runs, seconds):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    project.skew = timedelta(seconds=seconds)
    report = runs.run(plan)
    assert "clock" in report.stopped
    assert not deletes(project)


def test_a_clock_that_goes_wrong_on_the_way_ends_the_run(project, runs):
    volume = project.make(Kind.VOLUME, "old-volume", age=OLD)
    project.make(Kind.SNAPSHOT, "old-snapshot", age=OLD, volume=volume.id)
    plan = runs.plan()
    project.hooks[2] = lambda: setattr(project, "skew", timedelta(hours=1))
    report = runs.run(plan)
    assert "clock" in report.stopped
    assert volume.ref in project.things


def test_a_session_that_shows_another_project_ends_the_run(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan()
    real = project.inventory
    project.inventory = lambda kinds=None, beside=(): replace(real(kinds, beside), project_id="another")
    report = runs.run(plan)
    assert "another" in report.stopped
    assert not deletes(project)


def test_a_tripped_breaker_stops_all_unless_overridden(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    plan = runs.plan(tripped=(Tripped("run", 1, 0, 1),))
    report = runs.run(plan)
    assert "breaker" in report.stopped
    assert not project.calls
    assert not report.ok
    assert runs.run(plan, override=True).ok
    assert not project.things


# --- warnings, journal, manifest


def test_warnings_are_announced_before_anything_goes_and_only_delivered_ones_count(project, runs):
    project.make(Kind.GROUP, "old-group", age=OLD)
    told = project.make(Kind.GROUP, "soon-told", age=OLD)
    project.make(Kind.GROUP, "soon-missed", age=OLD)
    heard = []

    def announce(steps):
        assert all(step.action is Action.WARN for step in steps)
        heard.append((len(steps), len(deletes(project))))
        return {told.ref}

    runs.options = {"announce": announce}
    ends = fates(runs.run())
    assert heard == [(2, 0)]
    assert ends == {"old-group": Fate.DONE, "soon-told": Fate.DONE, "soon-missed": Fate.FAILED}


def test_without_an_announcer_warnings_are_somebody_else_s(project, runs):
    project.make(Kind.GROUP, "soon", age=OLD)
    report = runs.run()
    assert report.outcomes == ()
    assert report.ok


def test_every_call_is_in_the_journal_before_it_is_sent(project, runs):
    for number in range(3):
        project.make(Kind.GROUP, f"old-{number}", age=OLD)
    plan = runs.plan()
    noted = []
    real = project.delete

    def delete(resource):
        noted.append(resource.id in {e.get("id") for e in runs.journal() if e["event"] == "asking"})
        return real(resource)

    project.delete = delete
    runs.run(plan)
    assert noted == [True] * 3
    events = runs.journal()
    assert [e["event"] for e in events if e["event"] in ("plan", "report")] == ["plan", "report"]
    assert all(e["request_id"] for e in events if e["event"] == "answered")
    assert {e["fate"] for e in events if e["event"] == "finished"} == {"done"}


def test_the_manifest_has_all_that_goes_before_it_goes(project, runs, tmp_path):
    lease = project.make(Kind.LEASE, "old-lease", age=OLD)
    instance = project.boot("old-vm", age=OLD, lease=lease.id)
    plan = runs.plan()
    project.faults.append(Fault("killed before", lambda call, _: call.startswith("delete")))
    with pytest.raises(Killed):
        runs.run(plan)
    (file,) = tmp_path.glob("manifest-*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    document = json.loads(file.read_text())
    assert (document["format"], document["project_id"], document["lab"]) == (1, "project-1", "demo")
    entries = {entry["id"]: entry for entry in document["resources"]}
    assert entries.keys() == {lease.id, instance.id}
    assert entries[lease.id]["takes"] == [["instance", instance.id]]
    assert entries[instance.id]["spec"] == {"name": "old-vm", "kind": "instance"}


# --- killed, and twice at once


def _is(wanted, _call, number):
    return number == wanted


@pytest.mark.parametrize("when", ["killed before", "killed after"])
def test_killed_at_any_call_the_next_run_ends_the_work(tmp_path, when):
    """One run for each call that a whole run makes: killed there, before or after the effect."""
    killed, number = True, 0
    while killed:
        project = FakeProject()
        network, _, router = small_net(project, "old")
        instance = project.boot("old-vm", network, age=OLD)
        address = project.make(Kind.FLOATING_IP, "old-ip", age=OLD)
        project.bind(address, instance.made_ports[0], router.id)
        project.give(instance, project.make(Kind.PORT, "old-port", age=OLD))
        project.boot("kept-vm", age=OLD)
        runs = Runs(project, tmp_path)
        plan = runs.plan()
        project.faults.append(Fault(when, partial(_is, number)))
        try:
            runs.run(plan)
            killed = False
        except Killed:
            assert runs.run(runs.plan()).ok
        assert names(project) == {"kept-vm"}
        number += 1
    assert number > 10


def test_two_reapers_at_once_come_to_the_same_end(tmp_path):
    """The second one's whole run falls between any two calls of the first."""
    for number in range(12):
        project = FakeProject()
        network, _, router = small_net(project, "old")
        instance = project.boot("old-vm", network, age=OLD)
        address = project.make(Kind.FLOATING_IP, "old-ip", age=OLD)
        project.bind(address, instance.made_ports[0], router.id)
        project.boot("kept-vm", age=OLD)
        one, two = Runs(project, tmp_path), Runs(project, tmp_path)
        plan = one.plan()
        reports: list[ReapReport] = []

        def second(reports=reports, two=two, plan=plan):
            reports.append(two.run(plan))

        project.hooks[number] = second
        reports.append(one.run(plan))
        assert all(report.ok for report in reports)
        assert names(project) == {"kept-vm"}


def test_with_threads_the_same_things_go(project, runs):
    network, _, router = small_net(project, "old")
    for number in range(30):
        instance = project.boot(f"old-{number}", network, age=OLD)
        address = project.make(Kind.FLOATING_IP, f"old-ip-{number}", age=OLD)
        project.bind(address, instance.made_ports[0], router.id)
        project.boot(f"kept-{number}", age=OLD)
    runs.most = 8
    report = runs.run()
    assert report.ok
    assert report.proved
    assert names(project) == {f"kept-{number}" for number in range(30)}


# --- how many calls


def test_calls_stay_within_five_percent_of_what_is_needed(project, runs):
    """Pages of the first look, one call for each deletion, and one confirming look."""
    for _ in range(100):
        instance = project.boot("old-vm", None, age=OLD)
        project.make(Kind.FLOATING_IP, f"old-ip-{instance.id}", age=OLD)
    small_net(project, "old")
    requests = []
    real = project.inventory

    def look(kinds=None, beside=()):
        requests.append(len(kinds or Kind))
        return real(kinds, beside)

    project.inventory = look
    project.vanish = 15.0
    plan = runs.plan()
    requests.clear()
    report = runs.run(plan)
    assert report.ok
    needed = len(Kind) + len(plan.deletions) + len(Kind)
    assert sum(requests) + len(deletes(project)) <= 1.05 * needed
    assert report.requests == sum(requests) + len(deletes(project))
