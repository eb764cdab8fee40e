"""`chi-lab down`, killed with SIGKILL at any of its steps and run again, leaves nothing."""

from __future__ import annotations

import pytest

from tests.support.killing import missable

pytestmark = [
    pytest.mark.site,
    pytest.mark.machines,
    pytest.mark.timeout(2400),
    pytest.mark.nightly(part="faults"),
]

MANY = 15


def test_down_is_killed_at_many_points_and_dies_of_it(travels):
    """Every point of a clean run is met, and the process is dead before it is through."""
    assert travels.clean_down.code == 0, travels.clean_down.said
    killed = {str(j.down_at) for j in travels.journeys if j.runs["down, killed"].killed}
    assert len(killed) >= MANY
    missed = {str(p) for p in travels.down_points} - killed
    # The last line of a file may be the last thing that it does: then it ended well, before the kill.
    assert missed <= missable(travels.down_points)
    ended = {j.runs["down, killed"].code for j in travels.journeys if str(j.down_at) in missed}
    assert ended <= {0}


def test_down_again_after_each_kill_leaves_nothing(travels, subtests):
    """No lease that has not ended, no instance, address, group, port or network: the site's own lists say so."""
    for journey in travels.journeys:
        with subtests.test(str(journey.down_at)):
            again = journey.runs["down"]
            assert again.code == 0, again.said
            assert not journey.left, again.said


def test_down_of_a_provisioned_lab_leaves_nothing(provisioning, subtests):
    for journey in provisioning:
        with subtests.test(str(journey.up_at)):
            assert journey.runs["down"].code == 0, journey.runs["down"].said
            assert not journey.left
