"""A lease that ends takes its instance with it; the kit finds what it leaves behind."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.site_api import end_soon
from tests.support.student import Holdings, Student

pytestmark = [pytest.mark.site, pytest.mark.machines, pytest.mark.nightly(part="lab")]

END_SECONDS = 150.0


def ended(student: Student) -> Holdings:
    """Wait until Blazar has ended the lease and Nova has no instance; what is left then."""
    deadline = time.monotonic() + END_SECONDS
    while (held := student.holdings()).leases or held.instances:
        if time.monotonic() > deadline:
            raise AssertionError(f"not ended after {END_SECONDS:g} s: {held}")
        time.sleep(2)
    return held


def test_the_end_of_a_lease_takes_the_instance_and_the_kit_releases_the_address(student, lab_file):
    """`status` says that the lease ended and what outlived it; `down` releases that, and proves it."""
    lab = lab_file(lease={"start": "now", "duration": "1h"}, lifetime={"max": "6h"})
    up = student.chi_lab("up", lab=lab)
    assert up.returncode == 0, up.stdout + up.stderr
    held = student.holdings()
    assert held.counts == (1, 1, 1, 1)
    [address] = held.floating_ips
    end_soon(student, held.leases[0])

    left = ended(student)
    assert [a.id for a in left.floating_ips] == [address.id], "Blazar leaves the address"
    assert len(left.security_groups) == 1

    seen = student.chi_lab("status", "--json", lab=lab)
    told = json.loads(seen.stdout)
    assert seen.returncode == 1, seen.stdout + seen.stderr
    assert told["lease"] == "ended"
    assert any(address.floating_ip_address in item for item in told["leftovers"]), told

    down = student.chi_lab("down", lab=lab)
    assert down.returncode == 0, down.stdout + down.stderr
    assert address.floating_ip_address in down.stdout + down.stderr
    assert not student.holdings()
