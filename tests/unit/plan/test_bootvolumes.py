"""What is said of boot volumes before anything is made: no block storage, too small, changed under a node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chi_helpers.model.resources import Snapshot
from chi_helpers.model.volumes import VolumeView
from chi_helpers.plan.bootvolumes import problems
from tests.support.fake_site import NOW
from tests.unit.plan.labs import IMAGE, lab, node
from tests.unit.plan.test_up import INSTANCE

NOTHING = Snapshot(NOW)
RUNNING = Snapshot(NOW, instances=(INSTANCE,))
FAILED = Snapshot(NOW, instances=(replace(INSTANCE, status="ERROR"),))


def volume(size, **changes):
    return replace(VolumeView("V", "hello-sam", "node1", size, "in-use"), **changes)


def said(asked, *there, snapshot=NOTHING, disk=1):
    spec = lab(node(boot_volume=asked), launch="terraform")
    return list(problems(spec, "sam", "CHI@Fake", snapshot, there, {IMAGE: disk}))


def test_a_site_without_block_storage_is_refused_only_where_a_volume_is_wanted():
    spec = lab(node("a", boot_volume=9), node("b"), launch="terraform")
    [reason] = problems(spec, "sam", "CHI@Fake", NOTHING, None, {})
    assert "CHI@Fake has no block storage, and so no volume that a could boot from." in reason
    assert list(problems(lab(launch="terraform"), "sam", "CHI@Fake", NOTHING, None, {})) == []


def test_a_volume_must_hold_its_image():
    assert said(20, disk=20) == []
    [reason] = said(19, disk=20)
    assert reason == f"boot_volume of node1 is 19 GiB, and the image {IMAGE} needs 20. Write at least 20."


def test_a_volume_that_is_there_keeps_its_image_whatever_the_file_names_by_now():
    assert said(19, volume(19), snapshot=RUNNING, disk=20) == []


@pytest.mark.parametrize("snapshot", [NOTHING, RUNNING, FAILED], ids=["nothing", "running", "failed"])
def test_what_the_file_says_already_is_no_change(snapshot):
    assert said(40, volume(40), snapshot=snapshot) == []


@pytest.mark.parametrize(
    ("asked", "there", "words"),
    [
        (50, (volume(40),), "boot_volume: 50 for node1, which boots from a volume of 40 GiB"),
        (30, (volume(40),), "boot_volume: 30 for node1, which boots from a volume of 40 GiB"),
        (None, (volume(40),), "no boot_volume for node1, which boots from a volume of 40 GiB"),
        (40, (), "boot_volume: 40 for node1, which boots from its flavor's disk"),
    ],
    ids=["larger", "smaller", "none", "a first one"],
)
def test_what_a_running_node_boots_from_cannot_be_changed(asked, there, words):
    [reason] = said(asked, *there, snapshot=RUNNING)
    assert words in reason
    assert "`chi-lab down`" in reason


@pytest.mark.parametrize("snapshot", [NOTHING, FAILED], ids=["nothing", "failed"])
def test_where_no_node_runs_a_volume_can_be_made_or_grow_and_nothing_else(snapshot):
    """A node in ERROR is deleted and made anew by `up`; its volume stays."""
    assert said(40, snapshot=snapshot) == []
    assert said(50, volume(40, status="available"), snapshot=snapshot) == []
    for asked in (30, None):
        [reason] = said(asked, volume(40, status="available"), snapshot=snapshot)
        assert "a volume of 40 GiB" in reason


def test_a_volume_of_another_node_is_not_this_one_s():
    assert said(40, volume(9, node="other"), snapshot=NOTHING) == []
