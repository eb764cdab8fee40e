"""How many calls at once, and what becomes of each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from chi_helpers.apply.reaper.pace import LONGEST_PAUSE, MOST, SHORTEST_PAUSE, Pace
from chi_helpers.apply.reaper.send import Answer, Call, Inline, Sender
from chi_helpers.apply.reaper.timing import Timer
from chi_helpers.model.errors import RefusedError, SiteError
from chi_helpers.model.inventory import Kind, Ref
from chi_helpers.model.reaping import Action, ReapStep
from chi_helpers.sites.errors import BusyError, ConflictError, CredentialsError


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


class Site:
    """It works on so many calls at once, each for so long; what is beyond them waits its turn.

    `away` is what a call is under way besides, where it takes nobody's turn.
    """

    def __init__(self, workers, seconds=0.1, away=0.0):
        self.workers, self.seconds, self.away = workers, seconds, away

    def answers(self, pace, number, kind="port"):
        for _ in range(number):
            pace.answered(kind, max(self.away + self.seconds, self.seconds * pace.slots / self.workers))


@pytest.mark.parametrize("away", [0.0, 0.15, 1.0])
def test_it_settles_a_little_above_what_the_site_works_on(away):
    """Whatever the distance: what fills the line is asked for too, and only two to four calls wait."""
    pace, site = Pace(most=64), Site(4, away=away)
    site.answers(pace, 2000)
    fills = 4 * (1 + away / 0.1)
    assert fills + 1 <= pace.slots <= fills + 4


def test_it_doubles_until_calls_wait_and_then_goes_by_ones():
    pace, site = Pace(most=64), Site(10)
    widths = [pace.slots]
    for _ in range(3):
        site.answers(pace, pace.slots)
        widths.append(pace.slots)
    assert widths == [2, 4, 8, 15], "the last one met the site's bound"
    site.answers(pace, 60)
    before = pace.width
    site.answers(pace, 1)
    assert abs(pace.width - before) <= 1 / before + 1e-9


def test_a_window_of_answers_adds_one_call_after_the_start():
    pace = Pace(width=8.0)
    pace.busy(1.0, 0.0)
    for _ in range(4):
        pace.answered("port", 0.1)
    assert 4.9 < pace.width <= 5.0


def test_a_site_that_becomes_slower_is_asked_less_at_once():
    pace = Pace()
    Site(16).answers(pace, 500)
    assert pace.slots == MOST
    Site(2).answers(pace, 500)
    assert pace.slots <= 6


def test_each_kind_of_call_has_a_quickest_of_its_own():
    """A slow kind is no sign that its calls wait."""
    pace = Pace()
    for _ in range(500):
        Site(100, seconds=0.01).answers(pace, 1, "group")
        Site(100, seconds=2.0).answers(pace, 1, "instance")
    assert pace.slots == MOST


@pytest.mark.parametrize("width", [2, 14])
def test_a_site_that_does_one_thing_at_a_time_gets_few_calls_whatever_was_good_for_other_kinds(width):
    """Of fourteen port calls at once each takes fourteen times as long: none of them tells what one takes."""
    pace = Pace(width=float(width))
    pace.asking("port")
    Site(1).answers(pace, 500)
    assert 2 <= pace.slots <= 5


def test_the_first_call_of_a_kind_goes_by_itself_and_more_together_after_it():
    beside: list[int] = []

    class Counting(Inline):
        def submit(self, fn):
            beside.append(len(sender.flying))
            return super().submit(fn)

    sender = Sender(Counting(), Pace(width=8.0), Time().timer)
    calls = [Call(step(str(n)), lambda: "", 10.0) for n in range(9)]
    sender.send(calls)
    assert beside[:2] == [0, 0], "the second waits for the first, though eight may go together"
    assert max(beside) > 1
    beside.clear()
    sender.send(calls)
    assert beside[:2] == [0, 1], "the kind is known"


def test_calls_that_take_no_time_are_no_sign_of_anything():
    pace = Pace()
    for _ in range(100):
        pace.answered("port", 0.0)
    assert pace.slots == MOST


def test_it_never_goes_above_the_bound():
    pace = Pace(most=5)
    for _ in range(1000):
        pace.answered("port", 0.1)
    assert pace.slots == 5


def test_a_busy_site_halves_it_once_however_many_calls_were_refused_together():
    pace = Pace(width=8.0)
    for _ in range(8):
        pace.busy(2.0, 100.0)
    assert pace.width == 4.0
    pace.busy(2.0, 103.0)
    assert pace.width == 2.0


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


def test_senders_share_the_calls_of_a_site_and_each_has_one_at_least():
    pace = Pace(width=5.0)
    assert pace.share == 5
    with pace.sending(), pace.sending():
        assert (pace.slots, pace.share) == (5, 3)
        with ExitStack() as more:
            for _ in range(7):
                more.enter_context(pace.sending())
            assert pace.share == 1
        assert pace.share == 3
    assert pace.share == 5


def test_what_may_be_sent_for_a_short_time_only_is_sent_first():
    """A group's look is good for seconds, the addresses' for minutes: they would take all of its time."""
    time, sent = Time(), []

    def call(name):
        def ask():
            sent.append(name)
            time.now += 4.0
            return ""

        return ask

    calls = [Call(step(name), call(name), until) for name, until in (("a", 600.0), ("b", 600.0), ("c", 3.0))]
    assert len(Sender(Inline(), Pace(), time.timer).send(calls)) == 3
    assert sent == ["c", "a", "b"]


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


def test_a_refusal_is_no_measure_of_how_long_the_work_takes():
    time = Time()
    pace = Pace()
    sender = Sender(Inline(), pace, time.timer)

    def done(seconds, error=None):
        def call():
            time.now += seconds
            if error:
                raise error
            return ""

        return call

    sender.send(
        [Call(step("a"), done(0.01, ConflictError("in use")), 10.0), Call(step("b"), done(2.0), 10.0)]
    )
    assert pace.quickest == {(Action.DELETE, Kind.GROUP): pytest.approx(2.0)}


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


@pytest.mark.parametrize("others", [0, 1])
def test_calls_go_side_by_side_up_to_the_window_and_not_beyond(others):
    """Four calls wait for each other, which only calls that are under way together can; a fifth never joins.

    Where another project sends at the same site, four are half of the window.
    """
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

    window = 4 * (1 + others)
    pace = Pace(most=window)
    pace.asking((Action.DELETE, Kind.GROUP))
    pace.width = float(window)
    with ThreadPoolExecutor(16) as pool, ExitStack() as elsewhere:
        for _ in range(others):
            elsewhere.enter_context(pace.sending())
        sender = Sender(pool, pace, Timer())
        answers = sender.send([Call(step(str(n)), call, Timer().now() + 300) for n in range(8)])
    assert len(answers) == 8
    assert not [a for a in answers if a.error]
    assert most == 4


def test_what_ends_the_program_comes_through_the_threads():
    with ThreadPoolExecutor(2) as pool:
        sender = Sender(pool, Pace(), Timer())
        with pytest.raises(KeyboardInterrupt):
            sender.send([Call(step("a"), raising(KeyboardInterrupt()), Timer().now() + 300)])
