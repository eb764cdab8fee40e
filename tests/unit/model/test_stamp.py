"""The stamp comes back from wherever it was written."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chi_helpers.config.owner import OWNER
from chi_helpers.model.stamp import DELETE_AT, Stamp, from_description, from_metadata

HOUR = timedelta(hours=1)
NOON = datetime(2026, 1, 29, 12, 0, tzinfo=UTC)
LOWER, DIGITS = string.ascii_lowercase, string.digits


def words(first, more, most):
    """Texts of at most so many letters; much quicker to draw than from a regular expression."""
    return st.builds(str.__add__, st.sampled_from(first), st.text(more, max_size=most - 1))


stamps = st.builds(
    Stamp,
    owner=words(string.ascii_letters + DIGITS, string.ascii_letters + DIGITS + "._@+-", 63),
    lab=words(LOWER + DIGITS, LOWER + DIGITS + "_-", 63),
    deadline=st.datetimes(
        min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    ).map(lambda instant: instant.replace(microsecond=0)),
    node=st.just("") | words(LOWER, LOWER + DIGITS + "_-", 31),
)


@given(stamps)
def test_metadata_gives_the_stamp_back(stamp):
    """Nova's metadata holds the whole stamp, whatever zone the deadline was in."""
    assert from_metadata(stamp.metadata()) == stamp


@given(stamps)
def test_description_gives_the_stamp_back(stamp):
    """Neutron's description holds the whole stamp, and fits its 255 characters."""
    text = stamp.description()
    assert re.fullmatch(OWNER, stamp.owner)
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


def test_a_stamp_is_written_like_this():
    """Word for word: what an earlier version wrote must be read by a later one."""
    stamp = Stamp("alice", "hello", datetime(2026, 1, 29, 7, 0, 30, 5, tzinfo=timezone(-5 * HOUR)), "node1")
    assert stamp.metadata() == {
        "chi_lab_owner": "alice",
        "chi_lab": "hello",
        "delete_at": "2026-01-29T12:00:30+00:00",
        "chi_lab_node": "node1",
    }
    assert stamp.description() == (
        "chi-lab chi_lab_owner=alice chi_lab=hello delete_at=2026-01-29T12:00:30+00:00 chi_lab_node=node1"
    )
    assert "chi_lab_node" not in Stamp("alice", "hello", NOON).metadata()


def test_words_behind_a_stamp_spoil_it_and_many_more_are_not_read():
    """A description may be 255 characters of anything; seven words behind the mark are more than a stamp has."""
    text = Stamp("alice", "hello", NOON, "node1").description()
    assert from_description(f"{text} a=b c=d e=f") == Stamp("alice", "hello", NOON, "node1")
    assert from_description(f"{text} word") is None
    assert from_description(f"{text} a=b c=d e=f word") == Stamp("alice", "hello", NOON, "node1")


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", 5],
    ids=["too late", "too early", "no text"],
)
def test_a_deadline_that_no_clock_has_is_no_stamp(text):
    """Anybody may write it."""
    assert from_metadata({"chi_lab_owner": "a", "chi_lab": "h", "delete_at": text}) is None


def test_a_stamp_is_of_exactly_its_lab_and_owner():
    stamp = Stamp("alice", "hello", NOON)
    assert stamp.of("hello", "alice")
    assert not stamp.of("hello", "bob")
    assert not stamp.of("other", "alice")
    assert not stamp.of("alice", "hello")


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
