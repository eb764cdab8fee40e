"""The preflight says word for word what a lab lacks and what to do; each check has its outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from chi_helpers.model.facts import Quota, SiteFacts
from chi_helpers.model.lab import LeaseSpec, NetworkSpec, Outage
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.resources import Snapshot
from chi_helpers.model.wants import KeyPair
from chi_helpers.plan.preflight import key_pair, preflight
from chi_helpers.policy.lifetime import Refusal, lease_window
from tests.support.fake_site import FLAVORS, NOW
from tests.unit.plan.labs import IMAGE, SIX, lab, node
from tests.unit.plan.test_up import ALL, LEASE

FACTS = SiteFacts(
    source="clouds.yaml",
    user="sam",
    project="CHI-1",
    skew=timedelta(0),
    project_id="p1",
    flavors=FLAVORS,
    images={IMAGE: 1},
    networks=frozenset({"sharednet1", "other"}),
    node_types=frozenset({"gpu_p100", "compute_liqid"}),
    quotas={"instances": Quota(0, 10)},
)
NOTHING = Snapshot(NOW)


def checks(spec=None, snapshot=NOTHING, **facts):
    """Every check by its name."""
    found = preflight(spec or lab(), "sam", "CHI@Fake", replace(FACTS, **facts), snapshot)
    assert len({outcome.step for outcome in found}) == len(found), "no check is made twice"
    return {outcome.step: outcome for outcome in found}


def check(step, *args, **facts):
    outcome = checks(*args, **facts)[step]
    return outcome.result, outcome.detail


def test_a_lab_that_can_run_passes_every_check_in_this_order():
    assert list(checks().values()) == [
        Outcome("credentials", Result.DONE, "sam in project CHI-1, from clouds.yaml"),
        Outcome("clock", Result.DONE, "0 s off the site's"),
        Outcome("time", Result.DONE, "now until today 15:00 CST (21:00 UTC)"),
        Outcome("flavor m1.small", Result.DONE, "1 VCPU, 2048 MiB, 20 GiB"),
        Outcome("network sharednet1", Result.DONE),
        Outcome(f"image {IMAGE}", Result.DONE),
        Outcome("quota", Result.DONE),
    ]


def test_what_the_file_asks_for_in_vain_is_refused_first():
    found = checks(lab(network=NetworkSpec(private=IPv4Network("10.0.0.0/24"))))
    assert next(iter(found)) == "file"
    assert found["file"].result is Result.REFUSED
    assert found["file"].detail.startswith("`network.private` needs `launch: terraform`")


@pytest.mark.parametrize("project", [None, "CHI-1", "p1"])
def test_credentials_fit_a_project_by_its_name_or_its_id(project):
    assert check("credentials", lab(project=project))[0] is Result.DONE


def test_credentials_of_another_project_are_refused():
    assert check("credentials", lab(project="CHI-2")) == (
        Result.REFUSED,
        (
            "clouds.yaml are for project CHI-1, and the file says CHI-2. "
            "Choose a cloud of that project with OS_CLOUD, or take `project` out of the file."
        ),
    )


def test_a_restricted_application_credential_is_refused():
    assert check("credentials", restricted=True) == (
        Result.REFUSED,
        (
            "This application credential is restricted, so it cannot make leases. Make one that is not: "
            "`openstack application credential create --unrestricted NAME`, or tick *Unrestricted* in the "
            "site's dashboard."
        ),
    )


@pytest.mark.parametrize("seconds", [30, -30])
def test_a_clock_may_be_half_a_minute_off(seconds):
    assert check("clock", skew=timedelta(seconds=seconds)) == (Result.DONE, "30 s off the site's")


@pytest.mark.parametrize(("seconds", "way"), [(31, "ahead of"), (-31, "behind")])
def test_a_clock_that_is_further_off_is_refused(seconds, way):
    assert check("clock", skew=timedelta(seconds=seconds)) == (
        Result.REFUSED,
        f"This clock is 31 s {way} the site's. Set it, with `timedatectl set-ntp true`.",
    )


def test_the_lease_of_another_user_is_refused():
    snapshot = replace(ALL, user_id="v")
    assert check("time", None, snapshot) == (
        Result.REFUSED,
        "The lease hello-sam (L) is another user's (u).",
    )


def test_a_lease_that_serves_gives_the_time():
    assert check("time", None, replace(ALL, user_id="u")) == (
        Result.DONE,
        "now until today 15:00 CST (21:00 UTC), by the lease that is there",
    )
    later = replace(LEASE, status="PENDING", start=LEASE.start + SIX, end=LEASE.end + SIX)
    assert check("time", None, Snapshot(NOW, (later,))) == (
        Result.DONE,
        "today 15:00 CST (21:00 UTC) until today 21:00 CST (2026-03-03 03:00 UTC), by the lease that is there",
    )


def test_a_lease_that_starts_at_this_instant_has_begun():
    begins = replace(LEASE, start=NOW, end=NOW + SIX)
    assert check("time", None, Snapshot(NOW, (begins,)))[1].startswith("now until")


def test_a_lease_that_does_not_serve_is_refused():
    assert check("time", lab(node(flavor="m1.medium")), Snapshot(NOW, (LEASE,))) == (
        Result.REFUSED,
        (
            "A lease hello-sam is there already, and it does not reserve what the file asks for "
            "(1 x m1.medium). `chi-lab down` ends it."
        ),
    )


def test_a_lease_is_not_compared_with_a_flavor_that_the_site_does_not_have():
    found = checks(lab(node("a"), node("b", flavor="m1.huge")), Snapshot(NOW, (LEASE,)))
    assert found["time"].result is Result.DONE
    assert found["flavor m1.huge"].result is Result.REFUSED


def test_a_lease_of_bare_metal_is_compared_though_the_site_has_no_flavor_for_it():
    bare = node(flavor=None, node_type="gpu_p100")
    assert "does not reserve" in check("time", lab(bare), Snapshot(NOW, (LEASE,)))[1]


def test_a_time_across_an_outage_is_refused_with_its_reason_and_what_to_do():
    outage = Outage("CHI@Fake", NOW + timedelta(hours=2), NOW + timedelta(hours=9), "upgrades")
    result, detail = check("time", lab(outages=(outage,)))
    refusal = lease_window(lab(outages=(outage,)), NOW)
    assert isinstance(refusal, Refusal)
    assert (result, detail) == (Result.REFUSED, f"{refusal.reason} {refusal.do}")
    assert "upgrades" in detail


def test_the_time_of_a_lease_to_come_is_told():
    assert check("time", lab(lease=LeaseSpec(SIX, NOW + timedelta(days=1)))) == (
        Result.DONE,
        "tomorrow 09:00 CST (15:00 UTC) until tomorrow 15:00 CST (21:00 UTC)",
    )


def test_the_time_is_told_with_the_reason_why_it_is_not_quite_the_files():
    assert check("time", lab(lease=LeaseSpec(SIX, NOW - timedelta(hours=1)))) == (
        Result.DONE,
        (
            "now until today 14:00 CST (20:00 UTC) The start, today 08:00 CST (14:00 UTC), has passed: "
            "the lease starts now, and its end stays."
        ),
    )


def test_a_flavor_that_the_site_does_not_have_is_refused_with_those_it_has():
    found = checks(lab(node("a", flavor="m1.huge"), node("b", flavor="m1.big"), node("c", flavor="m1.huge")))
    assert [step for step in found if step.startswith("flavor")] == ["flavor m1.big", "flavor m1.huge"]
    assert found["flavor m1.huge"] == Outcome(
        "flavor m1.huge",
        Result.REFUSED,
        "CHI@Fake does not have it. It has m1.medium, m1.small, m1.tiny.",
    )


@pytest.mark.parametrize(
    ("known", "result", "detail"),
    [
        (None, Result.SKIPPED, "the site does not show its hosts"),
        (frozenset({"gpu_p100"}), Result.DONE, ""),
        (
            frozenset({"b", "a"}),
            Result.REFUSED,
            "CHI@Fake does not have it. Its node types: a, b.",
        ),
        (frozenset(), Result.REFUSED, "CHI@Fake does not have it. Its node types: none."),
    ],
)
def test_a_node_type_is_looked_up_where_the_site_shows_its_hosts(known, result, detail):
    spec = lab(node(flavor=None, node_type="gpu_p100"))
    assert check("node type gpu_p100", spec, node_types=known) == (result, detail)


def test_a_network_that_the_site_does_not_have_is_refused():
    assert check("network mine", lab(network=NetworkSpec("mine"))) == (
        Result.REFUSED,
        "CHI@Fake does not have it. It has other, sharednet1.",
    )


@pytest.mark.parametrize(
    ("images", "result", "detail"),
    [
        ({IMAGE: 1}, Result.DONE, ""),
        (
            {IMAGE: 0},
            Result.REFUSED,
            "CHI@Fake does not have it. `openstack image list` names those that are there.",
        ),
        (
            {},
            Result.REFUSED,
            "CHI@Fake does not have it. `openstack image list` names those that are there.",
        ),
        ({IMAGE: 2}, Result.REFUSED, "CHI@Fake has 2 of that name; python-chi then uses none of them."),
    ],
)
def test_an_image_must_be_there_once(images, result, detail):
    assert check(f"image {IMAGE}", images=images) == (result, detail)


TWO = lab(node("a"), node("b", flavor="m1.medium"), node("c", floating_ip=False, flavor=None, node_type="x"))
FULL = {
    "instances": Quota(5, 7),
    "cores": Quota(8, 10),
    "ram": Quota(0, 6143),
    "floatingip": Quota(9, 10),
    "security_group": Quota(7, 10),
}


def test_every_quota_that_is_too_small_is_told_with_what_is_needed_and_what_is_free():
    """Three nodes need a security group each and one that joins them; bare metal needs no cores."""
    assert check("quota", TWO, quotas=FULL) == (
        Result.REFUSED,
        (
            "instances: 3 needed, 2 of 7 free; cores: 3 needed, 2 of 10 free; ram: 6144 needed, 6143 of 6143 "
            "free; floatingip: 2 needed, 1 of 10 free; security_group: 4 needed, 3 of 10 free. Delete what is not "
            "needed, or ask the instructor for more."
        ),
    )


def test_a_quota_that_is_just_enough_or_has_no_limit_is_enough():
    enough = {"instances": Quota(4, 7), "cores": Quota(0, 3), "ram": Quota(0, 6144)}
    enough |= {"floatingip": Quota(8, 10), "security_group": Quota(6, None)}
    assert check("quota", TWO, quotas=enough) == (Result.DONE, "")


def test_a_quota_is_not_needed_for_what_the_lab_has_already():
    none = dict.fromkeys(FULL, Quota(1, 1))
    assert check("quota", None, ALL, quotas=none)[0] is Result.DONE
    assert check("quota", lab(node(floating_ip=False)), ALL, quotas=none)[0] is Result.DONE
    assert check("quota", None, quotas=none)[0] is Result.REFUSED


def test_a_site_that_tells_no_quota_skips_the_check():
    assert check("quota", quotas={}) == (Result.SKIPPED, "the site does not tell")


PAIR = KeyPair("me", Path("/k/id"), "ssh-ed25519 AAAA sam@laptop")


@pytest.mark.parametrize(
    ("held", "result", "detail"),
    [
        (None, Result.DONE, "/k/id; `up` uploads it as me"),
        ("ssh-ed25519 AAAA another comment\n", Result.DONE, "me, /k/id"),
        (
            "ssh-ed25519 BBBB sam@laptop",
            Result.REFUSED,
            (
                "me at the site is another key than /k/id. Set OS_KEYPAIR_NAME to a new "
                "name, or OS_KEYPAIR_PRIVATE_KEY to the key that belongs to it."
            ),
        ),
    ],
)
def test_the_key_pair_at_the_site_must_be_the_one_at_hand(held, result, detail):
    assert key_pair(PAIR, held) == Outcome("key pair", result, detail)
