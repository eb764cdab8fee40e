"""Kleene's logic: what is not known is never taken for true or false."""

from __future__ import annotations

import pytest

from chi_helpers.model.truth import Truth, every, known, some

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("truths", "both", "either"),
    [
        ((), YES, NO),
        ((YES,), YES, YES),
        ((NO,), NO, NO),
        ((UNKNOWN,), UNKNOWN, UNKNOWN),
        ((YES, NO), NO, YES),
        ((YES, UNKNOWN), UNKNOWN, YES),
        ((UNKNOWN, YES), UNKNOWN, YES),
        ((NO, UNKNOWN), NO, UNKNOWN),
        ((UNKNOWN, NO), NO, UNKNOWN),
        ((UNKNOWN, YES, NO), NO, YES),
    ],
)
def test_every_is_kleenes_and_some_is_kleenes_or(truths, both, either):
    assert (every(truths), some(truths)) == (both, either)


@pytest.mark.parametrize(("value", "truth"), [(True, YES), (False, NO), (None, UNKNOWN)])
def test_none_is_unknown(value, truth):
    assert known(value) is truth


@pytest.mark.parametrize("truth", Truth)
def test_a_truth_in_a_condition_is_an_error(truth):
    with pytest.raises(TypeError, match=r"a Truth is no bool: compare it with Truth\.YES"):
        bool(truth)
