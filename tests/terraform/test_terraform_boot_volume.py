"""`boot_volume` on a real site with block storage: booted from it, adopted, not changed under a node, and nothing left.

The site has no machines, since its containers cannot boot from a volume; so nothing here logs in.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress

import pytest
from openstack.exceptions import BadRequestException

from tests.support.labs import node
from tests.terraform.owned import counts, owned, volumes
from tests.terraform.test_terraform_killed import during, killed_at

pytestmark = [pytest.mark.site, pytest.mark.timeout(1200), pytest.mark.nightly(part="terraform")]

GIB = 3
NODES = {"gpu": node(floating_ip=False, boot_volume=GIB), "other": node(floating_ip=False)}
WHOLE = {"lease": 1, "instance": 2, "port": 2, "security group": 3, "volume": 1}
_SECONDS = 60.0


@pytest.fixture
def site(full_site):
    """The site that has volumes."""
    return full_site


@pytest.fixture
def booter(student):
    """A student whose volumes are gone at the end, whatever became of the test."""
    yield student
    student.remove_everything()  # what uses them first
    cloud = student.site.connection(student.who)
    deadline = time.monotonic() + _SECONDS
    while held := volumes(student):
        assert time.monotonic() < deadline, held
        for volume in held:
            with suppress(BadRequestException):  # Cinder is still at work on it
                cloud.block_storage.delete_volume(volume, ignore_missing=True)
        time.sleep(0.5)


@pytest.fixture
def lab(lab_file):
    """`lab(GiB)` writes the lab's file, with that boot volume of its node `gpu`."""

    def write(boot_volume=GIB):
        nodes = {**NODES, "gpu": node(floating_ip=False, boot_volume=boot_volume)}
        if boot_volume is None:
            del nodes["gpu"]["boot_volume"]
        return lab_file(launch="terraform", nodes=nodes)

    return write


def said(done):
    return f"{done.stdout}\n{done.stderr}"


def image(cloud, server):
    """What Nova itself says: openstacksdk makes a mapping of it."""
    return cloud.compute.get(f"/servers/{server.id}").json()["server"]["image"]


def test_a_node_boots_from_a_volume_that_is_adopted_and_goes_with_the_lab(planned, booter, lab):
    student, cloud = booter, booter.site.connection(booter.who)
    up = student.chi_lab("up", lab=lab())
    assert up.returncode == 0, said(up)
    assert counts(student) == WHOLE
    [volume] = volumes(student)
    servers = {server.metadata["chi_lab_node"]: server for server in student.holdings().instances}
    assert {server.status for server in servers.values()} == {"ACTIVE"}
    assert (volume.size, volume.is_bootable, volume.status) == (GIB, True, "in-use")
    assert volume.metadata == servers["gpu"].metadata
    [attached] = cloud.compute.volume_attachments(servers["gpu"])
    assert (attached.volume_id, attached.delete_on_termination) == (volume.id, False)
    assert image(cloud, servers["gpu"]) == "", "Nova names none where the root is a volume"
    assert image(cloud, servers["other"])
    assert not list(cloud.compute.volume_attachments(servers["other"]))

    plan = planned()
    assert plan.returncode == 0, said(plan)
    everything = owned(student)
    for size, words in ((GIB + 2, "boot_volume: 5"), (GIB - 1, "boot_volume: 2"), (None, "no boot_volume")):
        changed = student.chi_lab("up", lab=lab(size))
        assert changed.returncode != 0
        assert f"The file says {words} for gpu, which boots from a volume of {GIB} GiB." in said(changed)
        assert owned(student) == everything

    [state] = student.lab_files("terraform/terraform.tfstate")
    shutil.rmtree(state.parent)
    up = student.chi_lab("up", lab=lab())
    assert up.returncode == 0, said(up)
    assert owned(student) == everything
    plan = planned()
    assert plan.returncode == 0, said(plan)

    down = student.chi_lab("down", "--json", lab=lab())
    assert down.returncode == 0, said(down)
    assert json.loads(down.stdout)["left"] == []
    assert counts(student) == {}


def test_down_finds_the_volume_without_a_state(booter, lab):
    student = booter
    up = student.chi_lab("up", lab=lab())
    assert up.returncode == 0, said(up)
    [state] = student.lab_files("terraform/terraform.tfstate")
    shutil.rmtree(state.parent)
    down = student.chi_lab("down", "--json", lab=lab())
    assert down.returncode == 0, said(down)
    assert json.loads(down.stdout)["left"] == []
    assert counts(student) == {}


def test_up_killed_when_the_volume_is_there_is_ended_by_the_next(planned, booter, lab):
    student = booter
    killed_at(student, lab(), "volume", os.killpg)
    assert during(student).startswith("terraform apply"), "it was killed too late to show anything"
    before = {volume.id for volume in volumes(student)}
    up = student.chi_lab("up", lab=lab())
    assert up.returncode == 0, said(up)
    assert counts(student) == WHOLE
    assert {volume.id for volume in volumes(student)} == before
    plan = planned()
    assert plan.returncode == 0, said(plan)
    down = student.chi_lab("down", "--json", lab=lab())
    assert down.returncode == 0, said(down)
    assert counts(student) == {}
