"""A lab from beginning to end, and from every interruption, on the site in memory."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chi_helpers import provision
from chi_helpers.apply import trust
from chi_helpers.apply.known_hosts import NAME as KNOWN_HOSTS
from chi_helpers.apply.lock import BusyLabError, held
from chi_helpers.lab import Lab, shortened
from chi_helpers.model.errors import LabKitError, RefusedError, SiteError, UsageError
from chi_helpers.model.facts import Quota
from chi_helpers.model.lab import LeaseSpec, NetworkSpec, Outage
from chi_helpers.model.outcome import Result
from chi_helpers.provision import HostReport, ProvisionReport
from tests.support.fake_site import FLAVORS, HOST_KEY, NOW, PUBLIC_KEY
from tests.unit.plan.labs import SIX, lab, node

RESERVATION = Path(__file__).resolve().parents[3] / "reservation.yaml"
CREATING = [
    "create_lease",
    "ensure_keypair",
    "create_group",
    "set_ports",
    "create_instance",
    "create_address",
]
LOOKING = ["lease", "instance", "console"]


class Killed(BaseException):
    """As SIGKILL: nothing catches it."""


def made(site):
    return len(site.leases), len(site.instances), len(site.addresses), len(site.groups)


def test_up_makes_one_of_each_and_a_second_up_changes_nothing(a_lab, site_):
    first, second = a_lab().up(), a_lab().up()
    assert first.ok
    assert {o.result for o in first.outcomes} == {Result.DONE}
    assert second.ok
    assert {o.result for o in second.outcomes} == {Result.ALREADY}
    assert made(site_) == (1, 1, 1, 1)


@pytest.mark.parametrize("verb", [None, "create_group", "set_ports", "create_instance"])
def test_nodes_of_one_lab_are_all_in_one_more_group_also_after_an_interruption(a_lab, site_, verb):
    """Each in its own and in the one that joins them, which goes when the lab goes."""
    spec = lab(node("a"), node("b"), node("c"))
    if verb:
        site_.fail[verb] = [SiteError("Not now.")]
        assert not a_lab(spec).up().ok
    assert a_lab(spec).up().ok
    assert {o.result for o in a_lab(spec).up().outcomes} == {Result.ALREADY}
    [joins] = [g for g in site_.groups.values() if g.peers]
    assert (joins.name, joins.tcp_ports, joins.stamp.node) == ("hello-sam-nodes", frozenset(), "")
    names = {g.id: g.name for g in site_.groups.values()}
    assert sorted(tuple(map(names.get, groups)) for groups in site_.in_group.values()) == [
        (f"{key}-hello-sam", "hello-sam-nodes") for key in "abc"
    ]
    assert made(site_) == (1, 3, 3, 4)
    assert a_lab(spec).down().ok
    assert made(site_) == (0, 0, 0, 0)


def test_the_group_that_joins_the_nodes_counts_against_the_quota(a_lab, site_):
    spec = lab(node("a"), node("b"))
    site_.quotas = {"security_group": Quota(0, 2)}
    assert "security_group: 3 needed, 2 of 2 free" in next(
        o.detail for o in a_lab(spec).check() if o.step == "quota"
    )


@pytest.mark.parametrize("verb", CREATING + LOOKING)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_and_run_again_it_ends_in_the_same_state(a_lab, site_, verb, when):
    """Before the site acted, or after it acted and before its answer came."""
    real = getattr(site_, verb)

    def killed(*args, **kwargs):
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    setattr(site_, verb, killed)
    with pytest.raises(Killed):
        a_lab().up()
    setattr(site_, verb, real)
    assert a_lab().up().ok
    assert made(site_) == (1, 1, 1, 1)
    assert a_lab().down().ok
    assert made(site_) == (0, 0, 0, 0)


@pytest.mark.parametrize("verb", ["delete_address", "delete_instance", "delete_lease", "delete_group"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_down_killed_at_any_call_and_run_again_leaves_nothing(a_lab, site_, verb, when):
    a_lab().up()
    real = getattr(site_, verb)

    def killed(*args):
        if when == "after":
            real(*args)
        raise Killed

    setattr(site_, verb, killed)
    with pytest.raises(Killed):
        a_lab().down()
    setattr(site_, verb, real)
    report = a_lab().down()
    assert report.ok
    assert report.proved
    assert made(site_) == (0, 0, 0, 0)


@pytest.mark.parametrize("verb", ["delete_address", "delete_instance", "delete_lease", "delete_group"])
def test_one_refused_deletion_stops_no_other_and_is_told_with_what_is_left(a_lab, site_, verb):
    """A failure is never reported as success: the second look names what is still there."""
    a_lab().up()
    site_.fail[verb] = [SiteError("No.", request_id="req-1")] * 9
    if verb == "delete_instance":  # otherwise it goes with its lease
        site_.fail["delete_lease"] = [SiteError("No.")] * 9
        site_.fail["delete_group"] = [SiteError("In use.")] * 9
    report = a_lab().down()
    assert not report.ok
    assert report.left
    failed = [o for o in report.outcomes if o.result is Result.FAILED]
    assert failed[0].request_id == "req-1"
    assert sum(o.ok for o in report.outcomes) >= 1
    site_.fail.clear()
    assert a_lab().down().ok


def test_what_needs_a_step_that_failed_is_skipped_and_says_so(a_lab, site_):
    site_.fail["create_lease"] = [RefusedError("No room.", request_id="req-7")]
    report = a_lab().up()
    results = [(o.step.split(" ")[0], o.result) for o in report.outcomes]
    assert results[1] == ("create", Result.REFUSED)
    assert report.outcomes[1].request_id == "req-7"
    assert [r for _, r in results[2:]] == [Result.SKIPPED] * 6
    assert not report.ok
    assert made(site_) == (0, 0, 0, 0), "a refusal leaves nothing behind"


def test_without_its_key_pair_no_lease_is_made(a_lab, site_):
    """A lease costs from its first minute."""
    site_.fail["ensure_keypair"] = [UsageError("The key pair 'me' at the site holds another key.")]
    report = a_lab().up()
    assert report.outcomes[0].result is Result.REFUSED
    assert made(site_) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes": (node(image="CC-Typo"),)}, "CHI@Fake has no image CC-Typo"),
        ({"nodes": (node(), node("b", image="twice"))}, "2 images twice"),
        ({"network": NetworkSpec(shared="nonet")}, "CHI@Fake has no network nonet"),
    ],
)
def test_an_unknown_image_or_network_is_refused_before_anything_is_made(a_lab, site_, change, said):
    """A lease costs, and would hold what a classmate could use."""
    site_.image_counts["twice"] = 2
    with pytest.raises(UsageError, match=said):
        a_lab(lab(**change)).up()
    assert made(site_) == (0, 0, 0, 0)
    assert not site_.keys


def test_a_lab_that_runs_does_not_need_its_image_any_more(a_lab, site_):
    a_lab().up()
    site_.image_counts = {}
    assert a_lab().up().ok


def test_a_node_that_fails_does_not_stop_the_other(a_lab, site_):
    site_.fail["create_address"] = [RefusedError("Quota.")]
    report = a_lab(lab(node("a"), node("b"))).up()
    assert [o.result for o in report.outcomes if o.step.startswith("floating IP")] == [
        Result.REFUSED,
        Result.DONE,
    ]
    assert [o.result for o in report.outcomes if o.step.startswith("SSH")] == [Result.SKIPPED, Result.DONE]


def test_an_instance_in_error_fails_with_its_fault_and_the_next_run_replaces_it(a_lab, site_):
    real = site_.create_instance

    def broken(want):
        found = replace(real(want), status="ERROR", fault="The image is broken.")
        site_.instances[found.id] = found
        return found

    site_.create_instance = broken
    [failed] = [o for o in a_lab().up().outcomes if o.result is Result.REFUSED]
    assert "The image is broken." in failed.detail
    site_.create_instance = real
    assert a_lab().up().ok
    assert [i.status for i in site_.instances.values()] == ["ACTIVE"]


def test_a_lease_that_goes_to_error_is_no_success_and_the_next_run_makes_another(a_lab, site_):
    """python-chi's wait returns normally (chi/lease.py:627)."""
    real = site_.lease

    def error(lease_id):
        site_.leases[lease_id] = replace(site_.leases[lease_id], status="ERROR")
        return real(lease_id)

    site_.lease = error
    with pytest.raises(RefusedError, match="ERROR"):
        a_lab().reserve()
    site_.lease = real
    assert a_lab().reserve().status == "ACTIVE"
    assert made(site_)[0] == 1


def test_the_second_day_has_one_new_lease_beside_the_ended_one(a_lab, site_):
    a_lab().up()
    site_.end_lease(next(iter(site_.leases)))
    site_.now += timedelta(days=1)
    assert a_lab().up().ok
    assert sorted(lease.status for lease in site_.leases.values()) == ["ACTIVE", "TERMINATED"]
    assert made(site_)[1:] == (1, 1, 1)
    deadlines = {f.stamp.deadline for f in (*site_.addresses.values(), *site_.groups.values())}
    assert deadlines == {max(lease.end for lease in site_.leases.values())}


@pytest.mark.parametrize("verb", [*CREATING, *LOOKING, "delete_instance", "attach_address"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_on_day_two_no_instance_of_day_one_is_taken_for_the_new_leases(a_lab, site_, verb, when):
    """Yesterday's lease has ended, and its instance, address and group are still there."""
    a_lab().up()
    [old] = site_.instances
    site_.end_lease(next(iter(site_.leases)), instances_stay=True)
    site_.now += timedelta(days=1)
    real = getattr(site_, verb)

    def killed(*args, **kwargs):
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    setattr(site_, verb, killed)
    if verb in ("create_group", "create_address"):
        assert a_lab().up().ok, "yesterday's is used again"
    else:
        with pytest.raises(Killed):
            a_lab().up()
    setattr(site_, verb, real)
    assert a_lab().up().ok
    assert made(site_)[1:] == (1, 1, 1)
    [lease] = [lease for lease in site_.leases.values() if not lease.over]
    [new] = site_.instances.values()
    assert new.id != old
    assert {site_.of_reservation[new.id]} == {r.id for r in lease.reservations}
    assert new.stamp.deadline == lease.end


def test_a_lease_that_was_shortened_by_hand_gives_everything_its_new_deadline(a_lab, site_):
    a_lab().up()
    [lease] = site_.leases.values()
    site_.leases[lease.id] = replace(lease, end=lease.end - timedelta(hours=2))
    report = a_lab().up()
    assert report.ok
    assert site_.calls["stamp_instance"] == 1
    things = (*site_.instances.values(), *site_.addresses.values(), *site_.groups.values())
    assert {thing.stamp.deadline for thing in things} == {lease.end - timedelta(hours=2)}
    assert {o.result for o in a_lab().up().outcomes} == {Result.ALREADY}


def test_a_lease_that_ended_by_itself_leaves_an_address_that_status_tells_and_down_releases(a_lab, site_):
    a_lab().up()
    site_.end_lease(next(iter(site_.leases)))
    status = a_lab().status()
    assert (status.lease, status.nodes[0].status) == ("ended", "absent")
    assert [what.split(" ")[0] for what in status.leftovers] == ["floating", "security"]
    assert a_lab().down().ok
    assert made(site_)[1:] == (0, 0, 0)


def test_an_advance_lease_is_made_and_the_rest_waits_for_its_start(a_lab, site_):
    start = NOW + timedelta(days=1)
    spec = lab(lease=LeaseSpec(SIX, start))
    report = a_lab(spec).up()
    assert (report.waits, report.ok) == (True, False)
    assert made(site_) == (1, 0, 0, 1)
    assert "starts 2026-03-03 15:00 UTC" in report.outcomes[-1].detail
    assert a_lab(spec).reserve().status == "PENDING"
    with pytest.raises(LabKitError, match="starts 2026-03-03 15:00 UTC"):
        a_lab(spec).launch()


def test_each_part_of_a_labs_life_returns_what_it_made(a_lab, site_):
    one = a_lab()
    assert one.reserve().name == "hello-sam"
    assert made(site_) == (1, 0, 0, 0)
    assert one.launch()["node1"].status == "ACTIVE"
    assert made(site_) == (1, 1, 0, 1)
    address = one.address()["node1"]
    assert [f.address for f in site_.addresses.values()] == [address]
    assert f"{address} {HOST_KEY} instance-" in one.trust().read_text()
    [login] = one.logins()
    assert (login.address, login.user) == (address, "cc")


def test_two_owners_have_labs_of_their_own(a_lab, site_):
    a_lab(owner="sam").up()
    a_lab(owner="samantha").up()
    assert a_lab(owner="sam").down().ok
    assert made(site_) == (1, 1, 1, 1)
    assert {i.stamp.owner for i in site_.instances.values()} == {"samantha"}


@pytest.mark.parametrize(
    ("option", "variable", "on_behalf"), [(None, "", False), ("sam", "", True), (None, "sam", True)]
)
def test_the_owner_counts_as_named_by_option_or_variable_and_not_by_the_account(
    monkeypatch, option, variable, on_behalf
):
    monkeypatch.setenv("CHI_LAB_OWNER", variable)
    monkeypatch.setenv("USER", "sam")
    assert Lab.open(RESERVATION, owner=option).on_behalf is on_behalf


def test_a_classmates_lease_of_the_name_survives_up_and_down(a_lab, site_):
    site_.user_id = "user-2"
    a_lab().up()
    site_.user_id = "user-1"
    before = dict(site_.leases)
    with pytest.raises(UsageError, match="another user's"):
        a_lab().up()
    a_lab().down()
    assert site_.leases == before


def test_down_leaves_and_names_an_address_that_was_bound_by_hand(a_lab, site_):
    a_lab().up()
    [address] = site_.addresses.values()
    site_.addresses[address.id] = replace(address, stamp=None)
    report = a_lab().down()
    assert (report.ok, report.proved) == (False, True)
    assert address.address in report.left[0]
    assert list(site_.addresses) == [address.id]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes": (node("a", stack=("gpuu",)),)}, "a: gpuu"),
        ({"options": {"docker_mirrors": []}}, "options.docker_mirrors"),
    ],
)
def test_a_role_or_an_option_that_does_not_exist_is_refused_before_a_lease_is_made(
    a_lab, site_, changes, said
):
    with pytest.raises(UsageError, match=said):
        a_lab(replace(lab(), **changes)).up()
    assert made(site_) == (0, 0, 0, 0)


def test_a_node_without_an_active_instance_is_given_to_ansible_in_its_place(a_lab, site_, monkeypatch):
    """What Ansible makes of it is in tests/unit/provision."""
    given: list[provision.Host] = []

    def content(_spec, _owner, _deadline, hosts, *_, **__):
        given[:] = hosts
        return ProvisionReport(tuple(HostReport(host.name, ok=3) for host in hosts))

    monkeypatch.setattr(provision, "provision", content)
    one = a_lab(lab(node("a", stack=("base",)), node("b", floating_ip=False, stack=("base",)), node("c")))
    assert one.up().ok
    [b] = [i for i in site_.instances.values() if i.name == "b-hello-sam"]
    site_.instances[b.id] = replace(b, status="SHUTOFF")
    one.provision()
    assert [(host.name, host.stack) for host in given] == [("a", ("base",)), ("b", ("base",)), ("c", ())]
    assert [bool(host.variables.get("lab_away")) for host in given] == [False, True, False]
    assert given[1].private_address == b.addresses[0], "it keeps it while it is shut off"


def test_nodes_without_a_floating_ip_are_reached_through_the_one_that_has_it(a_lab, site_, monkeypatch):
    """One address for three nodes: keys learnt, and logins offered, in the order of the file."""
    seen = []
    monkeypatch.setattr(trust, "_answers", lambda address, _, jump: seen.append((address, jump)))
    one = a_lab(lab(node("a", floating_ip=False), node("b"), node("c", floating_ip=False)))
    assert one.up().ok
    assert one.up().ok
    a, b, c = one.logins()
    assert [login.node for login in (a, b, c)] == ["a", "b", "c"]
    assert (b.jump, a.jump, c.jump) == (None, b, b)
    assert (a.address, c.address) == (a.private_address, c.private_address)
    assert b.address != b.private_address
    for login in (a, b, c):
        login.require_key()
    assert [address for address, _ in seen[:3]] == [b.address, a.address, c.address]
    assert seen[0][1] is None
    assert {jump.destination for _, jump in seen if jump} == {f"cc@{b.address}"}
    assert "ProxyCommand" in a.settings()
    assert "ProxyCommand" not in b.settings()


def test_where_the_way_to_a_node_is_not_trusted_the_node_is_not_either(a_lab, site_):
    site_.fail["console"] = [SiteError("No console today.")]
    report = a_lab(lab(node("a"), node("b", floating_ip=False))).up()
    assert [(o.result, o.detail) for o in report.outcomes][-2:] == [
        (Result.FAILED, "No console today."),
        (Result.SKIPPED, "It is reached through a, which is not reachable itself."),
    ]


def test_a_login_needs_the_key_of_the_node_on_its_way(a_lab):
    one = a_lab(lab(node("a"), node("b", floating_ip=False)))
    one.up()
    _, b = one.logins()
    lines = (one.folder / KNOWN_HOSTS).read_text().splitlines()
    (one.folder / KNOWN_HOSTS).write_text("".join(f"{line}\n" for line in lines if b.address in line))
    with pytest.raises(UsageError, match="The SSH host key of a "):
        b.require_key()


def test_no_login_is_offered_to_an_instance_that_only_has_the_name(a_lab, site_):
    one = a_lab()
    one.up()
    [instance] = site_.instances.values()
    site_.instances[instance.id] = replace(instance, stamp=replace(instance.stamp, owner="eve"))
    with pytest.raises(UsageError, match="No node of hello-sam is reachable"):
        one.logins()


def test_an_address_that_is_used_again_gets_the_new_machines_key_and_no_other(a_lab, site_):
    one = a_lab()
    one.up()
    site_.instances.clear()
    site_.of_reservation.clear()
    site_.in_group.clear()
    site_.console_text = site_.console_text.replace("IHHH", "INEW")
    one.up()
    lines = (one.folder / KNOWN_HOSTS).read_text().splitlines()
    assert len(lines) == 1
    assert "INEW" in lines[0]


def test_after_a_rebuild_the_new_keys_of_the_same_instance_take_the_place_of_the_old(a_lab, site_):
    one = a_lab()
    one.up()
    old = site_.console_text
    site_.console_text = old.replace("IHHH", "INEW")
    report = one.up()
    assert report.outcomes[-1].result is Result.DONE
    [line] = (one.folder / KNOWN_HOSTS).read_text().splitlines()
    assert "INEW" in line
    for text in (site_.console_text, old.split("-----END")[0], "long after boot"):
        site_.console_text = text
        assert one.up().outcomes[-1].result is Result.ALREADY
    site_.fail["console"] = [RefusedError("The site refused to read the console (404).")]
    assert one.up().outcomes[-1].result is Result.ALREADY
    assert (one.folder / KNOWN_HOSTS).read_text().splitlines() == [line]


def test_a_console_that_shows_no_keys_is_a_failure_not_blind_trust(a_lab, site_):
    site_.console_text = "no keys here"
    report = a_lab().up()
    assert report.outcomes[-1].result is Result.FAILED
    assert "no SSH host keys" in report.outcomes[-1].detail
    assert not (a_lab().folder / KNOWN_HOSTS).exists()


def test_bare_metal_has_no_console_and_that_is_said(a_lab, site_):
    report = a_lab(lab(node(flavor=None, node_type="gpu_a100_pcie"))).up()
    assert report.outcomes[-1].result is Result.REFUSED
    assert "bare-metal" in report.outcomes[-1].detail


def test_the_journal_tells_every_step_before_and_after_and_is_private(a_lab, site_):
    one = a_lab()
    one.up()
    one.down()
    file = one.folder / "journal.jsonl"
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert [e["event"] for e in entries if e["event"] in ("plan", "proof")] == ["plan", "plan", "proof"]
    begun = [e["step"] for e in entries if e["event"] == "started"]
    assert begun == [e["step"] for e in entries if e["event"] == "finished"]
    assert len(begun) == 8 + 4
    for name in ("journal.jsonl", "lock", KNOWN_HOSTS):
        assert stat.S_IMODE((one.folder / name).stat().st_mode) == 0o600


def test_a_second_run_on_the_same_lab_is_refused_and_told_who_is_at_work(a_lab):
    import os

    one = a_lab()
    with held(one.folder, "up"), pytest.raises(BusyLabError, match=rf"process {os.getpid()} \(`up`, since"):
        a_lab().down()
    with held(one.folder, "up"):
        pass


def test_lock_journal_and_host_keys_are_beside_the_labs_file_wherever_the_command_is_typed(
    a_lab, monkeypatch, tmp_path
):
    """Two `up` of one lab from two folders would else both work, and neither know the other's host keys."""
    monkeypatch.delenv("CHI_LAB_STATE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    (tmp_path / "course").mkdir()
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "course" / "reservation.yaml"
    file.touch()
    folders = set()
    for here, name in ((tmp_path / "course", "reservation.yaml"), (tmp_path / "elsewhere", str(file))):
        monkeypatch.chdir(here)
        folders.add(a_lab(lab(source=Path(name))).folder)
    assert folders == {tmp_path / "course" / ".chi-lab" / "labs" / "hello-sam@CHI@Fake"}


@pytest.mark.parametrize(
    ("asked", "said"), [(timedelta(hours=7), "above the 6h"), (timedelta(minutes=1), "too short")]
)
def test_a_lifetime_may_only_shorten_and_not_below_two_minutes(asked, said):
    with pytest.raises(UsageError, match=said):
        shortened(lab(), asked)


def test_a_shortened_lab_ends_after_that_time(a_lab, site_):
    a_lab(shortened(lab(), timedelta(minutes=3))).up()
    [lease] = site_.leases.values()
    assert lease.end - NOW.replace(second=0) == timedelta(minutes=3)


def test_check_finds_every_problem_at_once(a_lab, site_):
    site_.skew = timedelta(minutes=5)
    site_.restricted = True
    site_.image_counts = {}
    site_.quotas = {"cores": Quota(10, 10), "floatingip": Quota(0, None)}
    site_.keys["me"] = PUBLIC_KEY.replace("BBBB", "CCCC")
    spec = lab(node(flavor="m1.huge"), node("b", stack=("gpuu",)), project="CHI-2")
    wrong = {o.step: o.detail for o in a_lab(spec).check() if not o.ok}
    assert set(wrong) == {
        "credentials",
        "clock",
        "flavor m1.huge",
        "image CC-Ubuntu24.04",
        "quota",
        "key pair",
        "stacks",
    }
    assert "300 s ahead of" in wrong["clock"]
    assert "cores: 1 needed, 0 of 10 free" in wrong["quota"]
    assert made(site_) == (0, 0, 0, 0)


def test_check_counts_the_quota_of_each_node_that_is_not_there(a_lab, site_):
    two = lab(node("a"), node("b", flavor="m1.medium"))
    a_lab(two).up()
    [b] = [i for i in site_.instances.values() if i.stamp.node == "b"]
    site_.delete_instance(b.id)
    site_.quotas = {"cores": Quota(9, 10), "instances": Quota(9, 10)}
    wrong = {o.step: o.detail for o in a_lab(two).check() if not o.ok}
    assert wrong == {
        "quota": "cores: 2 needed, 1 of 10 free. Delete what is not needed, or ask the instructor for more."
    }


def test_check_takes_the_window_of_the_lease_that_is_there(a_lab, site_):
    """A new lease would be refused; `up` keeps this one."""
    a_lab().up()
    outage = Outage("CHI@Fake", NOW + SIX, NOW + 2 * SIX, "upgrades")
    site_.now += timedelta(hours=1)
    [time] = [o for o in a_lab(lab(outages=(outage,))).check() if o.step == "time"]
    assert time.ok
    assert "until today 15:00 CST (21:00 UTC), by the lease that is there" in time.detail
    [time] = [o for o in a_lab(lab(node(flavor="m1.tiny"))).check() if o.step == "time"]
    assert not time.ok
    assert "does not reserve" in time.detail
    site_.user_id = "user-2"
    [time] = [o for o in a_lab().check() if o.step == "time"]
    assert not time.ok
    assert "another user's (user-1)" in time.detail


def test_check_is_content_with_a_lab_that_would_run(a_lab, site_):
    site_.quotas = {"cores": Quota(0, FLAVORS["m1.small"].vcpus)}
    assert all(o.ok for o in a_lab().check())
    assert "stacks" not in {o.step for o in a_lab().check()}
    one = a_lab(lab(node(stack=("base", "python"))))
    assert [o.detail for o in one.check() if o.step == "stacks"] == ["base, python"]
