"""One file and one lease make one deadline: on the stamps, on the node, in the notebook, and for the reaper.

So each layer keeps it by itself where the others are down: the site's own end of the lease, the guard that needs
no network, the panel that needs no kernel, the reaper that needs none of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from chi_helpers import provision
from chi_helpers.model.inventory import Inventory, Kind, Listing, Resource, Seen
from chi_helpers.model.lab import ActiveHours, Lifetime
from chi_helpers.model.reaping import Decision, Policy
from chi_helpers.model.roster import Person, Roster
from chi_helpers.notebook.timeleft import TimeLeft, render
from chi_helpers.policy.judge import judge
from chi_helpers.provision import ProvisionReport
from chi_helpers.provision.inventory import base_variables
from tests.ansible.test_guard import Node, guard
from tests.support.fake_site import NOW
from tests.unit.plan.labs import SIX, lab, node

START = NOW.replace(second=0)
CHICAGO = ZoneInfo("America/Chicago")  # 15:00 UTC is 09:00 there
SPEC = lab(node(stack=("base",)))
CLOSING = Lifetime(SIX, (timedelta(hours=1),), ActiveHours(time(8), time(12), CHICAGO))

CASES = {
    "the lease's end": (SPEC, False, START + SIX),
    "the end of the active hours": (
        replace(SPEC, lifetime=CLOSING),
        False,
        datetime(2026, 3, 2, 18, tzinfo=UTC),
    ),
    "lifetime.max, where somebody made the lease longer": (SPEC, True, START + SIX),
}


@pytest.mark.parametrize("case", CASES)
def test_every_layer_keeps_the_same_instant(a_lab, site_, monkeypatch, tmp_path, case):
    spec, longer, deadline = CASES[case]
    told = []

    def ansible(spec_, owner, until, hosts, *_, **__):
        told.append(base_variables(spec_, owner, until))
        return ProvisionReport()

    monkeypatch.setattr(provision, "provision", ansible)
    one = a_lab(spec)
    assert one.up().ok
    [lease], [instance] = site_.leases.values(), site_.instances.values()
    [address], [group] = site_.addresses.values(), site_.groups.values()

    # `up`: no lease that the kit makes is longer, and every stamp says the same.
    assert lease.end == deadline
    assert {thing.stamp.deadline for thing in (instance, address, group)} == {deadline}

    if longer:
        lease = site_.leases[lease.id] = replace(lease, end=lease.start + timedelta(days=7))
        one.provision()

    # The panel in the notebook, in the number that the browser counts down to.
    panel = TimeLeft.of(one)
    assert panel.deadline == deadline
    [millisecond] = re.findall(r"Math\.max\(0, (\d+) - Date\.now\(\)\)", render(panel, "p"))
    assert datetime.fromtimestamp(int(millisecond) / 1000, UTC) == deadline

    # The guard: the settings that the role writes, as the program on the node reads them. It then powers off.
    settings = {key: told[-1][f"base_{key}"] for key in ("lab", "owner", "deadline", "warn")}
    assert guard.parse(json.dumps(settings)).deadline == deadline
    machine = Node(tmp_path, deadline - timedelta(minutes=3), **settings)
    machine.pass_time(timedelta(minutes=3) - timedelta(seconds=1))
    assert not machine.off
    machine.pass_time(timedelta(seconds=3))
    assert machine.off

    # The reaper, which sees what the site lists and knows nothing of the others.
    seen = inventory(lease, instance, address, group)
    verdicts = {v.ref.kind: v for v in judge(seen, Policy(spec, Roster((Person("sam"),))), NOW)}
    assert {v.deadline for v in verdicts.values()} == {deadline}
    assert [kind for kind, v in verdicts.items() if v.decision is Decision.TRIM] == [Kind.LEASE] * longer
    assert verdicts[Kind.LEASE].until in (None, deadline)
    late = Policy(
        replace(spec, reap=replace(spec.reap, grace=timedelta(0), hard=timedelta(0))),
        Roster((Person("sam"),)),
    )
    for instant, decision in ((deadline - timedelta(seconds=1), False), (deadline, True)):
        ends = judge(replace(seen, at=instant), late, instant)
        assert {v.decision is Decision.DELETE for v in ends} == {decision}


def inventory(lease, instance, address, group):
    """The same things as the reaper's own eyes show them."""
    things = (
        Resource(Kind.LEASE, lease.id, lease.name, created=START, start=lease.start, end=lease.end),
        Resource(Kind.INSTANCE, instance.id, instance.name, created=START, stamp=instance.stamp),
        Resource(Kind.FLOATING_IP, address.id, address.address, created=START, stamp=address.stamp),
        Resource(Kind.GROUP, group.id, group.name, created=START, stamp=group.stamp),
    )
    listings = {kind: Listing(Seen.FULLY) for kind in Kind}
    return Inventory("CHI@Fake", "p", "CHI-1", NOW, viewer="robot", resources=things, listings=listings)
