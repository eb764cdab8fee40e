"""`chi-lab` on a real site: up, status, ssh, down, and what is refused. Deeper faults are in tests/faults."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.labs import node
from tests.support.site_api import end_soon
from tests.support.student import foreseen

pytestmark = pytest.mark.site


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def one_of_each(student):
    return student.holdings().counts == (1, 1, 1, 1)


def test_a_lab_comes_up_is_used_and_is_given_back_with_proof(student, lab_file):
    """One of each, twice in a row; host key verified; all stamped with owner, lab and end; then nothing."""
    lab = lab_file()
    first = student.chi_lab("up", lab=lab)
    assert first.returncode == 0, said(first)
    held = student.holdings()
    assert held.counts == (1, 1, 1, 1)

    again = student.chi_lab("up", "--json", lab=lab)
    assert again.returncode == 0, said(again)
    document = json.loads(again.stdout)
    assert {o["result"] for o in document["outcomes"]} == {"already so"}
    assert student.holdings() == held

    deadline = document["plan"]["deadline"]
    end = held.leases[0]["end_date"]
    assert datetime.fromisoformat(deadline) == datetime.fromisoformat(end).replace(tzinfo=UTC)
    stamp = {"chi_lab_owner": student.owner, "chi_lab": "hello_chameleon", "chi_lab_node": "node1"}
    assert dict(held.instances[0].metadata) == {**stamp, "delete_at": deadline}
    for thing in (held.floating_ips[0], held.security_groups[0]):
        for key, value in {**stamp, "delete_at": deadline}.items():
            assert f"{key}={value}" in thing.description

    hostname = student.chi_lab("ssh", "-f", str(lab), "--", "hostname")
    assert hostname.returncode == 0, said(hostname)
    assert hostname.stdout.strip() == f"hello-chameleon-{student.owner}"

    status = json.loads(student.chi_lab("status", "--json", lab=lab).stdout)
    assert (status["lease"], status["nodes"][0]["status"]) == ("ACTIVE", "ACTIVE")
    assert timedelta(hours=5, minutes=50) < timedelta(seconds=status["left"]) <= timedelta(hours=6)

    down = student.chi_lab("down", "--json", lab=lab)
    assert down.returncode == 0, said(down)
    report = json.loads(down.stdout)
    assert (report["proved"], report["left"]) == (True, [])
    assert not student.holdings()
    nothing = student.chi_lab("down", lab=lab)
    assert nothing.returncode == 0, said(nothing)


def test_ssh_refuses_a_machine_whose_key_the_site_did_not_vouch_for(student, lab_file):
    """With another key on record for the address, OpenSSH stops before it logs in, and asks nothing."""
    lab = lab_file()
    assert student.chi_lab("up", lab=lab).returncode == 0
    [known] = (student.folder / "state").rglob("known_hosts")
    true = known.read_text()
    ed25519 = next(line for line in true.splitlines() if " ssh-ed25519 " in line).split()
    address, kind, key, comment = ed25519
    other = "A" if key[-1] != "A" else "B"
    known.write_text(f"{address} {kind} {key[:-1]}{other} {comment}\n")
    refused = student.chi_lab("ssh", "-f", str(lab), "--", "hostname")
    assert refused.returncode == 255
    assert "Host key verification failed" in said(refused)
    known.write_text(true)
    assert student.chi_lab("ssh", "-f", str(lab), "--", "true").returncode == 0


@pytest.mark.nightly(part="lab")
def test_on_the_day_after_a_lease_ended_its_leftovers_are_told_used_again_and_released(student, lab_file):
    """Blazar keeps the ended lease and its name; that neither hides the leftovers nor stands for a new lease."""
    lab = lab_file()
    up = student.chi_lab("up", "--lifetime", "20m", lab=lab)
    assert up.returncode == 0, said(up)
    [lease] = student.holdings().leases
    end = datetime.fromisoformat(lease["end_date"]).replace(tzinfo=UTC)
    assert end - datetime.now(UTC) <= timedelta(minutes=20)
    end_soon(student, lease)
    limit = time.monotonic() + 180
    while student.holdings().leases or student.holdings().instances:
        assert time.monotonic() < limit, "Blazar did not end the lease"
        time.sleep(2)
    assert student.holdings().counts == (0, 0, 1, 1)

    status = student.chi_lab("status", lab=lab)
    assert status.returncode == 1, said(status)
    assert "Left behind by a lease that has ended: floating IP" in status.stderr

    second = student.chi_lab("up", "--lifetime", "1h", lab=lab)
    assert second.returncode == 0, said(second)
    assert one_of_each(student)
    third = student.chi_lab("up", lab=lab)
    assert third.returncode == 0, said(third)
    assert one_of_each(student), "python-chi would have made a second lease by now"

    down = student.chi_lab("down", lab=lab)
    assert down.returncode == 0, said(down)
    assert not student.holdings()


def test_an_advance_lease_starts_at_the_local_time_of_the_file_and_ends_counted_from_there(student, lab_file):
    """In January New York is five hours behind UTC; the end is five minutes before the full hour."""
    year = datetime.now(UTC).year + 1
    lab = lab_file(lease={"start": f"{year}-01-29 14:00", "duration": "6h", "end_early": "5m"})
    up = student.chi_lab("up", "--json", lab=lab)
    assert up.returncode == 1, said(up)
    document = json.loads(up.stdout)
    assert document["waits"]
    assert f"starts {year}-01-29 19:00 UTC" in up.stderr
    [lease] = student.holdings().leases
    assert lease["start_date"] == f"{year}-01-29T19:00:00.000000"
    assert lease["end_date"] == f"{year}-01-30T00:55:00.000000"
    assert student.holdings().counts == (1, 0, 0, 1)
    again = student.chi_lab("up", lab=lab)
    assert again.returncode == 1
    assert student.holdings().leases[0]["id"] == lease["id"]


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "flavor": (
        {"nodes": {"node1": node(flavor="m1.huge")}},
        2,
        "has no flavor m1.huge.\nIt has baremetal, g1.h100.pci.1, m1.large",
    ),
    "image": (
        {"nodes": {"node1": node(image="CC-Nothing")}},
        2,
        "has no image CC-Nothing.",
    ),
    "too many": (
        {"nodes": {f"n{i}": node(flavor="g1.h100.pci.1", floating_ip=False) for i in range(30)}},
        3,
        "has no room for 30 x g1.h100.pci.1",
    ),
    "outage": (
        {
            "outages": [
                {
                    "site": "CHI@Sandbox",
                    "from": "2020-01-01 00:00",
                    "to": "2090-01-01 00:00",
                    "why": "upgrades",
                }
            ]
        },
        2,
        "planned outage of CHI@Sandbox",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(student, lab_file, case):
    changes, code, sentence = REFUSED[case]
    up = student.chi_lab("up", lab=lab_file(**changes))
    assert sentence in said(up)
    assert up.returncode == code, said(up)
    assert not student.holdings(), "nothing is made, a lease least of all"


def test_a_lease_above_the_sites_own_limit_is_refused_by_blazar_in_its_words(student, lab_file):
    """The file may allow more than the site does."""
    up = student.chi_lab(
        "up", lab=lab_file(lifetime={"max": "30d"}, lease={"start": "now", "duration": "30d"})
    )
    assert "The site does not lease for so long" in said(up)
    assert "maximum lease duration" in said(up)
    assert not student.holdings()


def test_check_finds_a_sound_lab_sound_and_names_everything_that_is_not(student, lab_file):
    sound = student.chi_lab("check", lab=lab_file())
    assert sound.returncode == 0, said(sound)
    broken = student.chi_lab(
        "check", "--json", lab=lab_file(nodes={"node1": node(flavor="m1.huge", image="CC-Nothing")})
    )
    assert broken.returncode == 3, said(broken)
    checks = json.loads(broken.stdout)["checks"]
    assert [c["step"] for c in checks if c["result"] == "refused"] == ["flavor m1.huge", "image CC-Nothing"]
    assert not student.holdings()


def test_a_site_that_is_not_there_is_told_with_its_address_and_exit_code_3(student, lab_file):
    clouds = student.folder / "clouds.yaml"
    auth = {"auth_url": "http://127.0.0.1:1/v3", "username": "a", "password": "b", "project_name": "c"}
    auth |= {"user_domain_name": "chameleon", "project_domain_name": "chameleon"}
    clouds.write_text(json.dumps({"clouds": {"none": {"auth": auth, "region_name": student.site.region}}}))
    lost = replace(student, extra={"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "none"})
    status = lost.chi_lab("status", lab=lab_file())
    assert status.returncode == 3, said(status)
    assert "http://127.0.0.1:1/v3" in status.stderr


def test_two_runs_at_once_make_one_lab_and_the_second_says_who_is_at_work(student, lab_file):
    lab = lab_file()
    first = student.start("up", lab=lab)
    second = student.start("up", lab=lab)
    codes = sorted(run.wait(timeout=240) for run in (first, second))
    assert codes in ([0, 0], [0, 1]), student.said
    foreseen(student.said)
    if 1 in codes:
        assert "Another chi-lab works on this lab: process" in student.said
    assert one_of_each(student)
