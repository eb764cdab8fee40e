"""Whose turn it is to look and to send, where several projects are worked on at one site.

Two projects that send side by side to a site that is busy with one of them take longer than one after the
other: then both wait for what vanishes at the same time, and nobody sends. By turns, one sends while the
other waits. A site that takes more calls at once has more turns at once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

AGAIN = 0.5
"""Seconds until whoever waits looks again how many places there are: the pace may have widened."""


@dataclass(slots=True)
class Turns:
    """One site's. First come, first served, `places()` at a time, and never none. Threads share it."""

    places: Callable[[], int]
    _waiting: deque[object] = field(default_factory=deque, init=False)
    _taken: int = field(default=0, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False, repr=False)

    def take(self) -> None:
        """Wait for a turn, and have it."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or self._taken >= max(1, self.places()):
                    self._changed.wait(AGAIN)
                self._taken += 1
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def give(self) -> None:
        """Let the next one have it."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()


@dataclass(slots=True)
class Turn:
    """What one run has of the turns: it may be taken and given back again and again."""

    turns: Turns
    held: bool = False

    def take(self) -> None:
        """Wait for it, unless it is held."""
        if not self.held:
            self.turns.take()
            self.held = True

    def give(self) -> None:
        """Give it back, if it is held."""
        if self.held:
            self.held = False
            self.turns.give()
