"""The stamp comes back from wherever it was written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chi_helpers.config.owner import OWNER
from chi_helpers.model.stamp import DELETE_AT, Stamp, from_description, from_metadata

NOON = datetime(2026, 1, 29, 12, 0, tzinfo=UTC)
stamps = st.builds(
    Stamp,
    owner=st.from_regex(OWNER, fullmatch=True),
    lab=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True),
    deadline=st.datetimes(
        min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    ).map(lambda instant: instant.replace(microsecond=0)),
    node=st.one_of(st.just(""), st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True)),
)


@given(stamps)
def test_metadata_gives_the_stamp_back(stamp):
    """Nova's metadata holds the whole stamp, whatever zone the deadline was in."""
    assert from_metadata(stamp.metadata()) == stamp


@given(stamps)
def test_description_gives_the_stamp_back(stamp):
    """Neutron's description holds the whole stamp, and fits its 255 characters."""
    text = stamp.description()
    assert from_description(text) == stamp
    assert len(text) <= 255
    assert all(len(value) <= 255 for value in stamp.metadata().values())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("allow ssh from anywhere", id="somebody's words"),
        pytest.param("chi-lab", id="mark only"),
        pytest.param("chi-lab chi_lab=hello chi_lab_owner=alice", id="no deadline"),
        pytest.param("chi-lab chi_lab=hello chi_lab_owner=alice delete_at=soon", id="deadline is a word"),
        pytest.param(
            "chi-lab chi_lab=hello chi_lab_owner=alice delete_at=2026-01-29T12:00:00", id="naive deadline"
        ),
        pytest.param("chi-lab chi_lab=hello chi_lab_owner= delete_at=2026-01-29T12:00:00Z", id="no owner"),
        pytest.param("chi-lab chi_lab= chi_lab_owner=alice delete_at=2026-01-29T12:00:00Z", id="no lab"),
        pytest.param(
            "old chi-lab chi_lab=h chi_lab_owner=a delete_at=2026-01-29T12:00:00Z", id="mark not first"
        ),
        pytest.param(
            "chi-lab really chi_lab=h chi_lab_owner=a delete_at=2026-01-29T12:00:00Z", id="a stray word"
        ),
    ],
)
def test_what_is_not_a_stamp_is_none(text):
    """A description that does not hold a whole stamp is nobody's: no guess is made."""
    assert from_description(text) is None


def test_metadata_of_others_is_left_aside():
    """Keys that are not ours neither hinder nor change the stamp."""
    stamp = Stamp("alice", "hello", NOON)
    assert from_metadata({"colour": "blue", **stamp.metadata()}) == stamp


def test_the_deadline_is_written_under_the_key_that_python_chi_documents():
    """`delete_at` holds ISO 8601 in UTC."""
    assert Stamp("alice", "hello", NOON).metadata()[DELETE_AT] == "2026-01-29T12:00:00+00:00"


def test_a_naive_deadline_is_refused():
    """A deadline without a zone could be off by hours."""
    with pytest.raises(ValueError, match="without a time zone"):
        Stamp("alice", "hello", NOON.replace(tzinfo=None)).metadata()
