"""How many calls at once: as many as the site works on, and hardly any more that only wait there.

A site answers slower when more is asked at once than it works on; what is asked beyond that makes nothing
quicker, and takes its time from everybody else. The longer answers take than the quickest of their kind did,
the more of ours wait: `width * (1 - quickest / seconds)` of them (L. S. Brakmo, L. L. Peterson, "TCP Vegas",
IEEE JSAC 13, 1995). That number is kept small. Distance costs nothing: it is in the quickest as well. For the
quickest to be one that did not wait itself, the first call of each kind goes by itself.

What the site says outright (429, 503, Retry-After) counts for more, and halves the width, as TCP does it: two
reapers at one site settle on fair shares. Within one run nothing has to settle: all projects at a site have
one pace between them.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

MOST = 16
"""Calls at once. More does not help: Nova's and Neutron's workers are fewer at every site."""
FIRST = 2
FEW, MANY = 2.0, 4.0
"""So many of our calls may wait at the site: below it is asked for more at once, above for less."""
_WEIGHT = 0.2
"""Of the latest answer in the mean: single answers are slow for reasons of their own."""
SHORTEST_PAUSE = 1.0
"""Seconds to wait after a refusal that does not say how long."""
LONGEST_PAUSE = 30.0
"""Seconds; what asks for more is met half-way, for a run must end before the next begins."""


@dataclass(slots=True)
class Pace:
    """One site's. Instants are seconds of a monotonic clock. Threads may share it."""

    most: int = MOST
    width: float = float(FIRST)
    resume: float = 0.0
    """No call before this instant."""
    waiting: float = 0.0
    """How many of our calls wait at the site, about."""
    quickest: dict[Hashable, float] = field(default_factory=dict)
    """Seconds, of each kind of call."""
    _asked: set[Hashable] = field(default_factory=set, init=False)
    """The kinds of calls that were sent."""
    _starting: bool = field(default=True, init=False)
    _senders: int = field(default=0, init=False)
    """How many have calls to send."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @property
    def slots(self) -> int:
        """Calls at once, of all senders together."""
        return max(1, min(int(self.width), self.most))

    @property
    def share(self) -> int:
        """Calls at once of one sender: never none, however many they are."""
        return ceil(self.slots / max(1, self._senders))

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Have a share as long as there are calls to send."""
        with self._lock:
            self._senders += 1
        try:
            yield
        finally:
            with self._lock:
                self._senders -= 1

    def asking(self, kind: Hashable) -> None:
        """A call of the kind is about to be sent. Before the first of a kind the width starts anew at one.

        A service that does one thing at a time is as slow for each of fourteen calls at once: were these the
        first of their kind, the quickest of them would look like what the work takes.
        """
        with self._lock:
            if kind not in self._asked:
                self._asked.add(kind)
                self.width, self.waiting, self._starting = 1.0, 0.0, True

    def answered(self, kind: Hashable, seconds: float) -> None:
        """The site answered a call of the kind: it was under way so long.

        A window of answers adds one call while few wait; until some do for the first time, it doubles.
        """
        with self._lock:
            self._learn(kind, seconds)

    def _learn(self, kind: Hashable, seconds: float) -> None:
        quickest = self.quickest[kind] = min(self.quickest.get(kind, seconds), seconds)
        if seconds > 0:
            self.waiting += _WEIGHT * (self.slots * (1 - quickest / seconds) - self.waiting)
        if self.waiting > MANY:
            self._narrow(self.width - 1.0 / self.width)
        elif self.waiting < FEW:
            self.width = min(float(self.most), self.width + (1.0 if self._starting else 1.0 / self.width))
        else:
            self._starting = False

    def busy(self, wait: float, now: float) -> None:
        """The site was too busy, and asked for `wait` seconds (0: it did not say)."""
        with self._lock:
            if now >= self.resume:
                # All calls in flight are refused by the same overload: it counts once.
                self._narrow(self.width / 2)
            self.resume = max(self.resume, now + min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE))

    def _narrow(self, width: float) -> None:
        self._starting = False
        self.width = max(1.0, width)
