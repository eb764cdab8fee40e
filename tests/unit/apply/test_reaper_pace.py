"""How many calls at once, and what becomes of each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chi_helpers.apply.reaper.pace import FIRST, LONGEST_PAUSE, MOST, SHORTEST_PAUSE, Pace
from chi_helpers.apply.reaper.send import Answer, Call, Inline, Sender
from chi_helpers.apply.reaper.timing import Timer
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import Action, ReapStep
from chi_helpers.sites.errors import BusyError, CredentialsError


class Time:
    def __init__(self):
        self.now = 0.0

    @property
    def timer(self):
        return Timer(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += seconds


def step(name):
    return ReapStep(Action.DELETE, Ref(Kind.GROUP, name), name, "sam", "")


def raising(error):
    def call():
        raise error

    return call


def test_a_window_of_answers_adds_one_call():
    pace = Pace(width=4.0)
    for _ in range(4):
        pace.answered()
    assert 4.9 < pace.width <= 5.0


def test_it_never_goes_above_the_bound():
    pace = Pace()
    for _ in range(10_000):
        pace.answered()
    assert pace.slots == MOST


def test_a_busy_site_halves_it_once_however_many_calls_were_refused_together():
    pace = Pace()
    for _ in range(FIRST):
        pace.busy(2.0, 100.0)
    assert pace.width == FIRST / 2
    pace.busy(2.0, 103.0)
    assert pace.width == FIRST / 4


def test_it_never_goes_below_one_call():
    pace = Pace()
    for n in range(20):
        pace.busy(0, 100.0 * n)
    assert pace.slots == 1


@pytest.mark.parametrize(("asked", "pause"), [(0, SHORTEST_PAUSE), (7, 7), (3600, LONGEST_PAUSE)])
def test_it_pauses_as_long_as_asked_within_reason(asked, pause):
    pace = Pace()
    pace.busy(asked, 100.0)
    assert pace.resume == 100.0 + pause


def test_a_later_refusal_with_a_shorter_pause_does_not_shorten_the_pause():
    pace = Pace()
    pace.busy(9, 100.0)
    pace.busy(1, 101.0)
    assert pace.resume == 109.0


def test_nothing_is_sent_before_the_pause_is_over_and_then_it_is():
    time = Time()
    sender = Sender(Inline(), Pace(), time.timer)
    sent = []

    def call():
        sent.append(time.now)
        if len(sent) == 1:
            raise BusyError("busy", wait=3.0)
        return "req-1"

    (answer,) = sender.send([Call(step("a"), call, 10.0)])
    assert answer.request_id == "req-1"
    assert sent == [0.0, 3.0]


def test_nothing_is_sent_after_its_time():
    time = Time()
    sender = Sender(Inline(), Pace(), time.timer)

    def call():
        time.now += 4.0
        return ""

    answers = sender.send([Call(step(str(n)), call, 10.0) for n in range(5)])
    assert len(answers) == 3, "at 0, 4 and 8 s"


def test_what_is_too_late_does_not_keep_the_others_from_being_sent():
    time = Time()
    time.sleep(5.0)
    sender = Sender(Inline(), Pace(), time.timer)
    calls = [Call(step(name), lambda: "", until) for name, until in (("a", 4.0), ("b", 10.0), ("c", 4.9))]
    assert [answer.step.name for answer in sender.send(calls)] == ["b"]


def test_what_is_too_late_after_the_pause_has_no_answer():
    time = Time()
    sender = Sender(Inline(), Pace(), time.timer)
    assert sender.send([Call(step("a"), raising(BusyError("busy", wait=20.0)), 10.0)]) == ()


def test_each_error_is_the_answer_of_its_own_call_alone():
    sender = Sender(Inline(), Pace(), Time().timer)
    calls = [
        Call(step("a"), raising(RefusedError("no", request_id="req-9")), 10.0),
        Call(step("b"), raising(KeyError("a bug")), 10.0),
        Call(step("c"), lambda: "req-1", 10.0),
    ]
    answers = {a.step.name: a for a in sender.send(calls)}
    assert isinstance(answers["a"].error, RefusedError)
    assert answers["a"].request_id == "req-9"
    assert isinstance(answers["b"].error, SiteError)
    assert "KeyError" in str(answers["b"].error)
    assert answers["c"] == Answer(answers["c"].step, "req-1")


def test_bad_credentials_end_the_batch():
    sender = Sender(Inline(), Pace(width=1.0), Time().timer)
    sent: list[str] = []

    def second():
        sent.append("b")
        return ""

    calls = [Call(step("a"), raising(CredentialsError("401")), 10.0), Call(step("b"), second, 10.0)]
    answers = sender.send(calls)
    assert [a.step.name for a in answers] == ["a"]
    assert not sent


def test_calls_go_side_by_side_up_to_the_window_and_not_beyond():
    """Four calls wait for each other, which only calls that are under way together can; a fifth never joins."""
    together, lock = threading.Barrier(4, timeout=60), threading.Lock()
    under_way, most = 0, 0

    def call():
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait()
        with lock:
            under_way -= 1
        return ""

    with ThreadPoolExecutor(16) as pool:
        sender = Sender(pool, Pace(most=4, width=4.0), Timer())
        answers = sender.send([Call(step(str(n)), call, Timer().now() + 300) for n in range(8)])
    assert len(answers) == 8
    assert not [a for a in answers if a.error]
    assert most == 4


def test_what_ends_the_program_comes_through_the_threads():
    with ThreadPoolExecutor(2) as pool:
        sender = Sender(pool, Pace(), Timer())
        with pytest.raises(KeyboardInterrupt):
            sender.send([Call(step("a"), raising(KeyboardInterrupt()), Timer().now() + 300)])
