"""Volumes of a lab, where there is block storage; and one is deleted when Cinder says that it is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from chi_helpers.model.errors import RefusedError
from chi_helpers.model.parts import Part
from chi_helpers.model.stamp import Stamp
from chi_helpers.model.volumes import VolumeView
from chi_helpers.sites import catalog, parts, volumes
from chi_helpers.sites.session import open_session
from tests.support.http_project import listing
from tests.unit.sites.conftest import credentials

STAMP = Stamp("sam", "hello", datetime(2026, 3, 2, 21, 0, tzinfo=UTC), "node1")
PART = Part("volume", "V", "hello-sam", node="node1")
ONE = "/volume/v3/p1/volumes/V"
BUSY = {"badRequest": {"message": "Volume status must be available or error.", "code": 400}}


def entry(**changes):
    return {
        "id": "V",
        "name": "hello-sam",
        "size": 40,
        "status": "in-use",
        "metadata": STAMP.metadata(),
    } | changes


def looks(*statuses):
    return [(200, {"volume": entry(status=status)}, {}) for status in statuses]


@pytest.fixture
def session(project):
    return open_session(credentials(project))


def test_only_what_carries_the_stamp_is_the_lab_s(project, session):
    others = Stamp("alex", "hello", STAMP.deadline).metadata()
    listing(project, "volumes", entry(), entry(id="W", metadata={}), entry(id="X", metadata=others))
    assert volumes.listed(session, "hello", "sam") == (VolumeView("V", "hello-sam", "node1", 40, "in-use"),)
    assert [part for part in parts.listed(session, "hello", "sam") if part.kind == "volume"] == [PART]


def test_a_site_without_block_storage_has_none_and_is_not_asked(project):
    del project.services["volumev3"]
    session = open_session(credentials(project))
    assert volumes.listed(session, "hello", "sam") is None
    assert parts.listed(session, "hello", "sam") == ()


def test_a_volume_that_cinder_is_at_work_on_is_deleted_when_it_is_done(project, session):
    """Cinder refuses with 400, and not with 409 as the others do, also while it deletes."""
    gone: tuple[int, object, object] = (404, {"itemNotFound": {"message": "gone", "code": 404}}, {})
    two = ("creating", "creating", "detaching", "detaching", "deleting", "deleting")  # a refusal: two looks
    project.routes["GET", ONE] = [*looks(*two), gone]
    project.routes["DELETE", ONE] = [(400, BUSY, {})] * 2 + [(202, None, {}), (400, BUSY, {}), gone]
    parts.delete(session, PART)
    assert [method for method, path, _ in project.requests if path.startswith(ONE)].count("DELETE") == 4


def test_a_volume_that_is_in_use_or_has_snapshots_is_refused_with_cinder_s_reason(project, session):
    project.routes["GET", ONE] = looks("available")
    project.routes["DELETE", ONE] = [(400, {"badRequest": {"message": "it has snapshots"}}, {})]
    with pytest.raises(RefusedError, match="it has snapshots"):
        parts.delete(session, PART)


@pytest.mark.parametrize(
    ("status", "settling", "broken"),
    [
        ("creating", True, False),
        ("downloading", True, False),
        ("deleting", True, False),
        ("available", False, False),
        ("in-use", False, False),
        ("error", False, True),
        ("error_deleting", False, True),
    ],
)
def test_a_status_is_of_work_in_progress_or_of_a_failure(status, settling, broken):
    seen = VolumeView("V", "n", "", 1, status)
    assert (seen.settling, seen.broken) == (settling, broken)


@pytest.mark.parametrize(
    ("image", "needed"),
    [
        ({"size": 1024}, 1),
        ({"size": 2**30 + 1}, 2),
        ({"size": 2**30, "virtual_size": 20 * 2**30}, 20),
        ({"size": 2**30, "min_disk": 10}, 10),
        ({"size": None}, 1),
    ],
)
def test_an_image_needs_what_it_says_and_what_it_unpacks_to(image, needed):
    assert catalog._gib(SimpleNamespace(**{"min_disk": 0, "virtual_size": None} | image)) == needed
