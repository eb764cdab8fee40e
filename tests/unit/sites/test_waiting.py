"""Asking again: only a look, only for what will pass, and not for ever."""

from __future__ import annotations

import pytest

from chi_helpers.model.errors import SiteError
from chi_helpers.sites import waiting
from chi_helpers.sites.errors import BusyError, NoAnswerError
from tests.unit.apply.conftest import Clock


class Pauses(Clock):
    """Every pause, as asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def sleep(self, seconds):
        self.asked.append(seconds)
        super().sleep(seconds)


@pytest.fixture
def pauses(monkeypatch):
    found = Pauses()
    monkeypatch.setattr(waiting, "time", found)
    return found


class Call:
    """Raises each of `errors` once, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def __call__(self):
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


class TestRead:
    @pytest.mark.parametrize("error", [BusyError("x"), NoAnswerError("x")])
    def test_four_errors_that_pass_are_waited_for_twice_as_long_each(self, pauses, error):
        assert waiting.read("look", Call(*[error] * 4)) == "answer"
        assert pauses.asked == [0.5, 1, 2, 4]

    def test_the_fifth_error_stands(self, pauses):
        call = Call(*[BusyError("x")] * 5)
        with pytest.raises(BusyError):
            waiting.read("look", call)
        assert call.errors == []
        assert len(pauses.asked) == 4

    @pytest.mark.parametrize(("asked", "paused"), [(0.2, 0.5), (7, 7), (20, 20)])
    def test_the_site_may_ask_for_a_longer_pause(self, pauses, asked, paused):
        assert waiting.read("look", Call(BusyError("x", wait=asked))) == "answer"
        assert pauses.asked == [paused]

    def test_a_pause_above_twenty_seconds_is_not_waited_for(self, pauses):
        with pytest.raises(BusyError):
            waiting.read("look", Call(BusyError("x", wait=20.5)))
        assert pauses.asked == []

    @pytest.mark.parametrize("error", [SiteError("x"), NoAnswerError("to log in: Connection refused.")])
    def test_what_will_not_pass_is_not_asked_for_again(self, pauses, error):
        with pytest.raises(type(error)):
            waiting.read("look", Call(error))
        assert pauses.asked == []

    def test_an_error_says_what_was_asked_for(self, pauses):
        with pytest.raises(NoAnswerError, match="cannot be reached to look at it"):
            waiting.read("look at it", Call(*[ConnectionError("x")] * 5))
        assert len(pauses.asked) == 4


class TestTicks:
    def test_they_come_at_once_and_then_at_growing_intervals_up_to_the_longest(self, pauses):
        ticks = list(waiting.ticks(30))
        assert ticks[:3] == pytest.approx([0, 0.5, 1.15])
        assert max(pauses.asked) == 5
        assert pauses.monotonic() == pytest.approx(30), "the last pause is cut"

    def test_the_first_and_the_longest_pause_may_be_chosen(self, pauses):
        list(waiting.ticks(3, first=0.3, longest=0.6))
        assert pauses.asked[0] == 0.3
        assert max(pauses.asked) == 0.6

    def test_no_time_is_no_tick(self, pauses):
        assert list(waiting.ticks(0)) == []
        assert pauses.asked == []


def test_those_who_step_aside_do_not_come_back_together(pauses):
    for _ in range(200):
        waiting.step_aside()
    assert 0.2 <= min(pauses.asked) < 0.5
    assert 1.5 < max(pauses.asked) <= 2.0
