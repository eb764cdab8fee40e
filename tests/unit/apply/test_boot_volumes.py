"""Boot volumes of a lab on the site in memory: refused before a lease is made, and handed to Terraform."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

import pytest

from chi_helpers.apply import launching
from chi_helpers.model.errors import RefusedError, SiteError, UsageError
from chi_helpers.model.outcome import Result
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.volumes import VolumeView
from tests.support.fake_site import NOW, FakeSite
from tests.unit.plan.labs import lab, node
from tests.unit.provision.test_terraform import state

VOLUME = VolumeView("V", "hello-sam", "node1", 40, "available")
SPEC = lab(node(boot_volume=40, floating_ip=False), launch="terraform")
STAMP = Stamp("sam", "hello", NOW, "")
PROGRAM = """#!{python}
import json, sys
print(json.dumps({{"nodes": {{"value": {{}}}}}}) if sys.argv[1] == "output" else "")
"""


@pytest.fixture
def terraform(tmp_path, monkeypatch):
    """A program in its place that makes nothing."""
    path = tmp_path / "bin" / "terraform"
    path.parent.mkdir()
    path.write_text(PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")


def checked(lab_):
    return next(outcome for outcome in lab_.check() if outcome.step == "boot volumes")


def test_check_says_what_is_asked_for_and_nothing_of_labs_without(a_lab):
    found = checked(a_lab(SPEC))
    assert (found.result, found.detail) == (Result.DONE, "node1 40 GiB")
    assert "boot volumes" not in {outcome.step for outcome in a_lab().check()}


@pytest.mark.parametrize("verb", ["check", "up"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lab_volumes": None}, "no block storage"),
        ({"image_disk": 41}, "needs 41"),
        ({"lab_volumes": (replace(VOLUME, size=60),)}, "a volume of 60 GiB"),
    ],
    ids=["no block storage", "too small", "cannot shrink"],
)
@pytest.mark.usefixtures("terraform")
def test_a_lab_that_cannot_have_them_is_refused_before_anything_is_made(a_lab, site_, verb, change, words):
    for name, value in change.items():
        setattr(site_, name, value)
    if verb == "check":
        assert checked(a_lab(SPEC)).result is Result.REFUSED
        assert words in checked(a_lab(SPEC)).detail
    else:
        with pytest.raises(UsageError, match=words):
            a_lab(SPEC).up()
    assert not site_.leases
    assert not site_.keys


@pytest.mark.usefixtures("terraform")
def test_terraform_is_told_the_size(a_lab):
    a_lab(SPEC).up()
    given = json.loads((a_lab(SPEC).folder / "terraform/lab/terraform.tfvars.json").read_text())
    assert given["nodes"]["node1"]["boot_volume"] == 40


class Cinder(FakeSite):
    """A site on which the volume has one status after the other, the last one for ever."""

    def __init__(self, *statuses):
        super().__init__()
        self.statuses = list(statuses)

    def volumes(self, lab, owner):
        assert (lab, owner) == ("hello", "sam")
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return (replace(VOLUME, status=status),)


def test_what_a_killed_run_asked_cinder_for_is_waited_for(tmp_path):
    noted: list[str] = []
    launching._settle(
        Cinder("creating", "downloading", "available"), tmp_path / "no", STAMP, {"node1"}, noted.append
    )
    assert noted == ["the volume hello-sam is creating", "the volume hello-sam is downloading"]
    with pytest.raises(SiteError, match="still creating after 1800 s"):
        launching._settle(Cinder("creating"), tmp_path / "no", STAMP, {"node1"}, noted.append)


@pytest.mark.parametrize("status", ["error", "error_deleting"])
def test_a_broken_volume_is_not_adopted_and_one_that_terraform_knows_is_left_to_it(tmp_path, status):
    with pytest.raises(RefusedError, match=f"hello-sam .V. is {status}") as error:
        launching._settle(Cinder(status), tmp_path / "no", STAMP, {"node1"}, lambda _: None)
    assert "openstack volume delete V" in error.value.do
    text = json.loads(state(tmp_path).read_text())
    known = text["resources"][0] | {"type": "openstack_blockstorage_volume_v3", "name": "boot"}
    (tmp_path / "terraform.tfstate").write_text(json.dumps({"resources": [known]}))
    launching._settle(Cinder(status), tmp_path / "terraform.tfstate", STAMP, {"node1"}, lambda _: None)


def test_what_becomes_of_a_volume_of_another_node_is_no_matter(tmp_path):
    launching._settle(Cinder("error"), tmp_path / "no", STAMP, {"node2"}, lambda _: None)
    launching._settle(Cinder("creating"), tmp_path / "no", STAMP, {"node2"}, lambda _: None)
