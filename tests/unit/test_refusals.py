"""What is refused before anything is reserved: at once by `up`, as an outcome by `check`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chi_helpers import refusals
from chi_helpers.model.errors import UsageError
from chi_helpers.model.outcome import Outcome, Result
from chi_helpers.model.volumes import VolumeView
from tests.support.fake_site import FakeSite
from tests.unit.plan.labs import lab, node

TWO = lab(node("a", boot_volume=40), node("b"), node("c", boot_volume=60), launch="terraform")


@pytest.fixture
def site_():
    return FakeSite()


def volumes_told(site, spec=TWO):
    return refusals.boot_volumes_told(spec, "sam", site, site.snapshot("hello", "sam", []))


class TestStacks:
    def test_each_role_is_told_once_in_order(self):
        spec = lab(node("a", stack=("python", "base")), node("b", stack=("base",)))
        assert refusals.stacks_told(spec) == (Outcome("stacks", Result.DONE, "base, python"),)

    def test_nothing_is_told_of_a_lab_without(self):
        assert refusals.stacks_told(lab()) == ()
        refusals.stacks(lab())

    @pytest.mark.parametrize(
        ("spec", "said"),
        [
            (lab(node("a"), node("b", stack=("gpuu",))), "b: gpuu"),
            (replace(lab(), options={"docker_mirrors": []}), "options.docker_mirrors"),
        ],
        ids=["role", "option"],
    )
    def test_what_does_not_exist_is_refused(self, spec, said):
        with pytest.raises(UsageError, match=said) as error:
            refusals.stacks(spec)
        assert refusals.stacks_told(spec) == (Outcome("stacks", Result.REFUSED, str(error.value)),)


class TestBootVolumes:
    def test_the_sizes_are_told(self, site_):
        assert volumes_told(site_) == (Outcome("boot volumes", Result.DONE, "a 40 GiB, c 60 GiB"),)

    def test_every_problem_is_told_at_once(self, site_):
        site_.image_disk = 61
        [told] = volumes_told(site_)
        assert told.result is Result.REFUSED
        assert told.detail.count("needs 61") == 2
        with pytest.raises(UsageError) as error:
            refusals.boot_volumes(TWO, "sam", site_, site_.snapshot("hello", "sam", []))
        assert str(error.value) == told.detail

    def test_what_the_lab_has_already_counts(self, site_):
        site_.lab_volumes = (VolumeView("V", "b-hello-sam", "b", 40, "available"),)
        [told] = volumes_told(site_)
        assert told.result is Result.REFUSED
        assert "for b, which" in told.detail

    def test_the_site_is_asked_for_disks_of_the_images_that_become_volumes(self, site_, monkeypatch):
        asked = []

        def disks(images):
            asked.append(list(images))
            return {}

        monkeypatch.setattr(site_, "disks", disks)
        spec = replace(TWO, nodes=(node("a", boot_volume=40, image="one"), node("b", image="two")))
        volumes_told(site_, spec)
        assert asked == [["one"]]
        assert volumes_told(site_, lab(launch="terraform")) == ()
        assert asked == [["one"]]

    def test_volumes_are_asked_for_by_lab_and_owner(self, site_, monkeypatch):
        asked = []

        def volumes(*whose):
            asked.append(whose)
            return ()

        monkeypatch.setattr(site_, "volumes", volumes)
        volumes_told(site_)
        assert asked == [("hello", "sam")]

    def test_a_lab_without_terraform_is_not_looked_at(self, site_):
        refusals.boot_volumes(lab(), "sam", site_, site_.snapshot("hello", "sam", []))
        assert not site_.calls["volumes"]
