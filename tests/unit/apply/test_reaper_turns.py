"""Whose turn it is, where several projects are worked on at one site."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chi_helpers.apply.reaper import turns
from chi_helpers.apply.reaper.pace import MOST, PER_TURN, Pace
from chi_helpers.apply.reaper.turns import Turn, Turns


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


class Runs:
    """Runs that wait for their turn, in the order in which they asked."""

    def __init__(self):
        self.places = [1]
        self.shared = Turns(lambda: self.places[0])
        self.has = []
        self.pool = ThreadPoolExecutor(8)

    def ask(self, name):
        asked = len(self.has) + len(self.shared._waiting)

        def wait():
            self.shared.take()
            self.has.append(name)

        self.pool.submit(wait)
        until(lambda: len(self.has) + len(self.shared._waiting) == asked + 1)


@pytest.fixture
def runs():
    found = Runs()
    yield found
    found.places[0] = 100
    found.pool.shutdown()


def test_first_come_first_served_one_at_a_time(runs):
    for name in "abc":
        runs.ask(name)
    until(lambda: runs.has == ["a"])
    time.sleep(3 * turns.AGAIN / 10)
    assert runs.has == ["a"]
    for number in (2, 3):
        runs.shared.give()
        until(lambda number=number: runs.has == list("abc")[:number])


def test_more_places_are_more_turns_at_once_though_nobody_gave_one_back(runs):
    for name in "abc":
        runs.ask(name)
    until(lambda: runs.has == ["a"])
    runs.places[0] = 2
    until(lambda: runs.has == ["a", "b"])


def test_fewer_places_take_nobody_s_turn_away(runs):
    runs.places[0] = 2
    for name in "abc":
        runs.ask(name)
    until(lambda: runs.has == ["a", "b"])
    runs.places[0] = 0
    runs.shared.give()
    time.sleep(3 * turns.AGAIN / 10)
    assert runs.has == ["a", "b"]
    runs.shared.give()
    until(lambda: runs.has == ["a", "b", "c"])  # even without a place one has its turn


def test_one_that_is_interrupted_while_it_waits_keeps_nobody_back(runs, monkeypatch):
    runs.ask("a")
    until(lambda: runs.has == ["a"])

    def interrupted(_seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(runs.shared._changed, "wait", interrupted, raising=False)
        with pytest.raises(KeyboardInterrupt):
            runs.shared.take()
    runs.ask("c")
    runs.shared.give()
    until(lambda: runs.has == ["a", "c"])


def test_a_turn_is_taken_once_and_given_back_once():
    shared = Turns(lambda: 1)
    first, second = Turn(shared), Turn(shared)
    first.take()
    first.take()
    first.give()
    first.give()
    second.take()
    assert (first.held, second.held) == (False, True)
    waiting = threading.Thread(target=first.take, daemon=True)
    waiting.start()
    until(lambda: len(shared._waiting) == 1)
    second.give()
    waiting.join(10)
    assert first.held


def test_a_site_has_as_many_turns_as_its_pace_has_room_for():
    pace = Pace()
    assert pace.turns.places() < 2, "as long as nothing is known of the site"
    pace.width = float(MOST)
    assert pace.turns.places() == MOST // PER_TURN == 4
    pace.width = 1.0
    assert pace.turns.places() == 0
