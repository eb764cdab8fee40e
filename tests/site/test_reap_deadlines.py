"""Deadlines are kept: what the benchmark measures for ten minutes and a hundred instances, in small."""

from __future__ import annotations

import pytest

from benchmarks.deadlines import histogram, measure, report
from tests.support.reaping import DONE

pytestmark = [pytest.mark.site, pytest.mark.timeout(1200), pytest.mark.nightly(part="reaper")]

EVERY = 15.0
SLACK = 30.0
"""For the rest of the machine's work: a listing, Nova's own deletion, and whoever else uses the two cores."""


def test_no_instance_outlives_its_deadline_by_more_than_a_round_of_the_reaper(site, tmp_path):
    """Twelve deadlines over two minutes: none goes early, each is gone a round and a run after its deadline."""
    found = measure(site, tmp_path / "room", instances=12, spread=120, every=EVERY)
    told = report(found) + "\n" + "\n".join(found.said)
    assert not found.never, told
    assert len(found.overruns) == 12
    assert min(found.overruns) >= 0, f"one went before its deadline\n{told}"
    assert found.worst <= EVERY + 2 * max(found.runs) + SLACK, told
    assert set(found.codes) == {DONE}, told
    assert found.warned, "everybody was warned before: no deletion waits for the hard cap"


def test_the_distribution_counts_every_instance_once():
    assert histogram([]) == []
    assert histogram([0.0, 4.9, 5.0, 17.0]) == [(0.0, 2), (5.0, 1), (10.0, 0), (15.0, 1)]
