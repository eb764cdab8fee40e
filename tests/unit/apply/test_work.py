"""What each step asks of the site, and what it says when it cannot be done."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from chi_helpers.apply.work import LaterError, Missing, Work
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.outcome import Result
from chi_helpers.model.parts import Part
from chi_helpers.model.resources import InstanceView, LeaseView, ReservationView
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.wants import InstanceWant, LeaseWant, ReservationWant
from chi_helpers.plan import steps as s
from chi_helpers.plan.steps import Plan
from tests.support.fake_site import NOW

END = NOW + timedelta(hours=6)
SMALL = ReservationWant(1, flavor_id="2", label="m1.small")
METAL = ReservationWant(1, node_type="gpu_a100_pcie", label="gpu_a100_pcie")
LEASE = LeaseView(
    "L", "hello-sam", "ACTIVE", "user-1", NOW, END,
    (
        ReservationView("RM", "physical:host", 1, "active", None, '["==", "$node_type", "gpu_a100_pcie"]'),
        ReservationView("RS", "flavor:instance", 1, "active", "2"),
    ),
)  # fmt: skip
INSTANCE = InstanceView("I", "hello-sam", "ACTIVE", "user-1", NOW, addresses=("10.0.0.2",))


def stamp(node="node1"):
    return Stamp("sam", "hello", END, node)


def group(node="node1", **changes):
    return replace(s.UseGroup("a group", node, f"{node}-group", (22,)), **changes)


@pytest.fixture
def noted():
    return []


@pytest.fixture
def work(site_, tmp_path, noted):
    """`work(*steps, deadline)`: at work on a plan of these steps."""

    def begin(*steps, deadline=END):
        plan = Plan("hello", "sam", "CHI@Fake", NOW, steps, deadline)
        return Work(site_, tmp_path, plan, lambda title, detail: noted.append((title, detail)))

    return begin


@pytest.fixture
def at_work(work, site_):
    """A run whose key and lease are there, and the instance I of node1."""
    site_.leases["L"], site_.instances["I"] = LEASE, INSTANCE
    begun = work()
    begun.key_name, begun.lease_id, begun.lease = "me", "L", LEASE
    begun.active["node1"] = INSTANCE
    return begun


def end(outcome):
    return outcome.result, outcome.detail, outcome.resource_id


def test_the_key_pair_is_uploaded_once(work, site_):
    step = s.UseKey("key pair me", site_.pair)
    assert end(work().do(step)) == (Result.DONE, "uploaded", None)
    assert end(work().do(step)) == (Result.ALREADY, "", None)


class TestLease:
    def test_it_is_made_as_wanted_and_not_without_a_key(self, work, site_):
        step = s.CreateLease("create lease", LeaseWant("hello-sam", END, (SMALL,)))
        begun = work()
        with pytest.raises(Missing, match="Without its key pair at the site a lease would be of no use"):
            begun.do(step)
        assert not site_.leases
        begun.key_name = "me"
        made = begun.do(step)
        assert [lease.name for lease in site_.leases.values()] == ["hello-sam"]
        assert end(made) == (Result.DONE, "", next(iter(site_.leases)))

    @pytest.mark.parametrize(
        ("before", "known", "result"),
        [
            ("ACTIVE", "L", Result.ALREADY),
            ("PENDING", "L", Result.DONE),
            ("ACTIVE", None, Result.DONE),
            ("PENDING", None, Result.DONE),
        ],
    )
    def test_it_is_already_so_only_where_it_was_active_before_this_run(
        self, work, site_, noted, before, known, result
    ):
        site_.leases["L"] = replace(LEASE, status=before)
        begun = work()
        begun.lease_id = None if known else "L"
        assert end(begun.do(s.AwaitLease("lease", NOW, known))) == (result, "", "L")
        assert (begun.lease_id, begun.lease) == ("L", LEASE)
        assert noted == ([("lease", "it is PENDING")] if before == "PENDING" else [])

    def test_one_that_was_not_made_is_not_waited_for(self, work, site_):
        with pytest.raises(Missing, match="The lease was not created"):
            work().do(s.AwaitLease("lease", NOW))
        assert not site_.calls["lease"]

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            (None, "has ended, or was deleted, before it was active"),
            (replace(LEASE, status="TERMINATED"), "has ended, or was deleted, before it was active"),
            (replace(LEASE, status="ERROR"), "The lease L went to ERROR"),
        ],
    )
    def test_one_that_will_never_be_active_is_told_at_once(self, work, site_, found, said):
        site_.leases |= {"L": found} if found else {}
        begun = work()
        with pytest.raises(RefusedError, match=said):
            begun.do(s.AwaitLease("lease", NOW, "L"))
        assert begun.lease is None
        assert site_.calls["lease"] == 1

    @pytest.mark.parametrize(("starts_in", "limit"), [(-3600, 300), (0, 300), (100, 400)])
    def test_it_is_waited_for_until_five_minutes_after_its_start(self, work, site_, starts_in, limit):
        site_.leases["L"] = replace(LEASE, status="STARTING")
        starts = NOW + timedelta(seconds=starts_in)
        with pytest.raises(SiteError, match="not active after") as error:
            work().do(s.AwaitLease("lease", starts, "L"))
        assert int(error.value.what.split()[-2]) in (limit, limit - 1), "time goes by here too"
        assert "chi-lab up" in error.value.do

    def test_one_that_starts_much_later_is_left_to_another_run(self, work, site_):
        begun = work()
        step = s.AwaitLease("lease", NOW + timedelta(minutes=3), "L")
        with pytest.raises(
            LaterError, match="The lease starts 2026-03-02 15:03 UTC; run `chi-lab up` again then"
        ):
            begun.do(step)
        assert begun.lease_id == "L"
        for later in (s.CreateInstance("i", "node1", "n", "image", "net", SMALL), s.AwaitInstance("i", "node1"),
                      s.CreateAddress("a", "node1"), s.AwaitInstance("i", "node1", "I")):  # fmt: skip
            with pytest.raises(LaterError, match="The lease starts 2026-03-02 15:03 UTC"):
                begun.do(later)
        assert site_.calls.keys() == set()

    def test_the_time_since_the_plan_was_made_counts(self, work, site_):
        """A plan of an hour ago: what was to start in an hour starts now."""
        site_.leases["L"] = LEASE
        begun = work()
        begun.began = time.monotonic() - 3600
        step = s.AwaitLease("lease", NOW + timedelta(hours=1), "L")
        assert begun.do(step).result is Result.ALREADY


class TestGroup:
    def test_one_that_is_right_is_not_touched(self, work, site_):
        begun = work()
        assert end(begun.do(group(group_id="G", right=True))) == (Result.ALREADY, "", "G")
        assert begun.groups == {"node1": "G"}
        assert not site_.calls

    def test_one_that_is_missing_is_made_and_opened(self, work, site_):
        begun = work()
        done = begun.do(group("", peers=True))
        [made] = site_.groups.values()
        assert end(done) == (Result.DONE, "", made.id)
        assert (made.name, made.tcp_ports, made.peers, made.stamp) == ("-group", {22}, True, stamp(""))
        assert begun.groups == {"": made.id}

    def test_one_that_is_wrong_is_set_right_and_not_made_again(self, work, site_):
        there = site_.create_group("node1-group", stamp()).id
        done = work().do(group(group_id=there, ports=(80,)))
        assert end(done) == (Result.DONE, "", there)
        assert [(g.tcp_ports, g.peers) for g in site_.groups.values()] == [({80}, False)]

    def test_of_two_of_one_name_instances_get_the_first(self, work):
        begun = work()
        begun.do(group(group_id="G1", right=True))
        begun.do(group(group_id="G2", right=True))
        assert begun.groups == {"node1": "G1"}

    def test_none_is_made_for_a_lease_that_could_not_be(self, work, site_):
        lease = s.CreateLease("create lease", LeaseWant("hello-sam", END, (SMALL,)))
        begun = work(lease, group())
        with pytest.raises(Missing, match="The lease was not created"):
            begun.do(group())
        assert not site_.groups
        begun.lease_id = "L"
        assert begun.do(group()).result is Result.DONE
        assert work(group()).do(group()).result is Result.DONE, "a plan that keeps a lease creates none"

    def test_nothing_is_stamped_without_a_deadline(self, work, site_):
        with pytest.raises(Missing, match="The plan has no deadline"):
            work(deadline=None).do(group())
        assert not site_.groups


class TestInstance:
    def create(self, reserved=SMALL):
        return s.CreateInstance("create instance", "node1", "hello-sam", "an image", "net", reserved)

    @pytest.mark.parametrize(("reserved", "reservation"), [(SMALL, "RS"), (METAL, "RM")])
    @pytest.mark.parametrize("joined", [False, True])
    def test_it_is_asked_for_with_all_that_the_plan_says(
        self, at_work, site_, monkeypatch, reserved, reservation, joined
    ):
        wanted: list[InstanceWant] = []

        def create(want):
            wanted.append(want)
            return INSTANCE

        monkeypatch.setattr(site_, "create_instance", create)
        at_work.groups = {"node1": "G", "node2": "G2", "": "GA"}
        at_work.plan = replace(at_work.plan, steps=(group(), *([group("")] if joined else [])))
        assert end(at_work.do(self.create(reserved))) == (Result.DONE, "", "I")
        groups = ("G", "GA") if joined else ("G",)
        flavor = reserved is SMALL
        assert wanted == [
            InstanceWant("hello-sam", "an image", "me", "net", groups, stamp(), reservation, flavor)
        ]
        assert at_work.instances == {"node1": "I"}

    @pytest.mark.parametrize(
        ("lost", "said"),
        [
            ({"lease": None}, "The lease is not active"),
            ({"groups": {}}, "Its security group was not created"),
            ({"groups": {"node1": "G"}}, "Its security group was not created"),
            ({"key_name": None}, "The site has no key pair to put on it"),
        ],
    )
    def test_it_is_not_made_without_what_it_needs(self, at_work, site_, lost, said):
        at_work.groups = {"node1": "G", "": "GA"}
        at_work.plan = replace(at_work.plan, steps=(group(), group("")))
        for name, value in lost.items():
            setattr(at_work, name, value)
        with pytest.raises(Missing, match=said):
            at_work.do(self.create())
        assert not site_.calls["create_instance"]

    def test_it_is_refused_where_the_lease_does_not_hold_it(self, at_work, site_):
        at_work.groups = {"node1": "G"}
        with pytest.raises(RefusedError, match="The lease holds no reservation of m1"):
            at_work.do(self.create(ReservationWant(1, flavor_id="9", label="m1")))
        assert not site_.calls["create_instance"]

    @pytest.mark.parametrize(
        ("status", "known", "kept", "result"),
        [
            ("ACTIVE", "I", False, Result.ALREADY),
            ("BUILD", "I", False, Result.DONE),
            ("ACTIVE", None, False, Result.DONE),
            ("ACTIVE", None, True, Result.ALREADY),
            ("BUILD", None, True, Result.DONE),
        ],
    )
    def test_it_is_already_so_only_where_it_was_active_before_this_run(
        self, work, site_, noted, status, known, kept, result
    ):
        """`kept`: Terraform found it as it should be."""
        site_.instances["I"] = replace(INSTANCE, status=status)
        begun = work()
        begun.instances = {} if known else {"node1": "I"}
        begun.kept = {"node1"} if kept else set()
        assert end(begun.do(s.AwaitInstance("it", "node1", known))) == (result, "", "I")
        assert begun.active == {"node1": INSTANCE}
        assert begun.instances == {"node1": "I"}
        assert noted == ([("it", "it is BUILD")] if status == "BUILD" else [])

    @pytest.mark.parametrize("status", ["BUILD", "REBUILD", "REBOOT", "HARD_REBOOT"])
    def test_it_is_waited_for_twenty_minutes(self, work, site_, status, monkeypatch):
        monkeypatch.setattr(site_, "instance", lambda _: replace(INSTANCE, status=status))
        with pytest.raises(SiteError, match="The instance is not active after 1200 s"):
            work().do(s.AwaitInstance("it", "node1", "I"))

    @pytest.mark.parametrize(
        ("found", "said", "todo"),
        [
            (None, "The instance is gone: it was deleted, or its lease ended", ""),
            ({"status": "ERROR"}, "went to ERROR: Nova gives no reason", "it is then replaced"),
            ({"status": "ERROR", "fault": "No disk."}, "went to ERROR: No disk.", "it is then replaced"),
            ({"status": "SHUTOFF"}, "The instance is SHUTOFF.", "`openstack server start I`"),
        ],
    )
    def test_one_that_will_not_become_active_is_told_at_once(self, work, site_, found, said, todo):
        site_.instances |= {"I": replace(INSTANCE, **found)} if found else {}
        begun = work()
        with pytest.raises(RefusedError, match=said) as error:
            begun.do(s.AwaitInstance("it", "node1", "I"))
        assert todo in error.value.do
        assert not begun.active

    def test_one_that_was_not_made_is_not_waited_for(self, work):
        with pytest.raises(Missing, match="The instance was not created"):
            work().do(s.AwaitInstance("it", "node1"))

    def test_its_stamp_is_renewed(self, at_work, site_):
        assert end(at_work.do(s.UpdateStamp("stamp", "node1", "I"))) == (Result.DONE, "", "I")
        assert site_.instances["I"].stamp == stamp()

    @pytest.mark.parametrize(
        "step",
        [
            s.UpdateStamp("stamp", "node2", "I"),
            s.CreateAddress("address", "node2"),
            s.UseAddress("address", "node2", "F", "192.0.2.9"),
            s.TrustHost("keys", "node2"),
        ],
        ids=lambda step: type(step).__name__,
    )
    def test_without_it_nothing_is_done_for_its_node(self, at_work, site_, step):
        with pytest.raises(Missing, match="The instance is not active"):
            at_work.do(step)
        assert not site_.calls


class TestAddress:
    def test_a_new_one_is_bound_stamped_and_told(self, at_work, site_):
        done = at_work.do(s.CreateAddress("address", "node1"))
        [made] = site_.addresses.values()
        assert end(done) == (Result.DONE, made.address, made.id)
        assert (made.port_id, made.stamp) == ("port-I", stamp())
        assert at_work.addresses == {"node1": made.address}

    @pytest.mark.parametrize("right", [True, False])
    def test_one_that_is_there_is_bound_where_it_is_not(self, at_work, site_, right):
        made = site_.create_address("other", stamp("x"))
        done = at_work.do(s.UseAddress("address", "node1", made.id, made.address, right))
        assert end(done) == (Result.ALREADY if right else Result.DONE, "", made.id)
        [found] = site_.addresses.values()
        assert (found.port_id, found.stamp) == (("port-other", stamp("x")) if right else ("port-I", stamp()))
        assert at_work.addresses == {"node1": made.address}


class Recorder:
    """A site on which everything can be deleted, and that keeps what was."""

    def __init__(self):
        self.gone = []

    def __getattr__(self, verb):
        return lambda what: self.gone.append((verb, what))


PART = Part("volume", "V", "hello-sam", "node1")


@pytest.mark.parametrize(
    ("step", "call"),
    [
        (s.DeletePart("delete volume", PART), ("delete_part", PART)),
        (s.ReleaseAddress("release", "F", "192.0.2.9"), ("delete_address", "F")),
        (s.DeleteInstance("delete instance", "I", "hello-sam"), ("delete_instance", "I")),
        (s.DeleteLease("delete lease", "L", "hello-sam"), ("delete_lease", "L")),
        (s.DeleteGroup("delete group", "G", "hello-sam"), ("delete_group", "G")),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_deletion_asks_the_site_for_exactly_that(work, step, call):
    begun = work()
    begun.site = Recorder()
    _, what = call
    assert end(begun.do(step)) == (Result.DONE, "", getattr(what, "id", what))
    assert begun.site.gone == [call]
