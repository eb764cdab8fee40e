"""How many calls at once: one more a round trip while the site answers, half when it asks for time.

Additive increase and multiplicative decrease, as TCP does it: two reapers at one site settle on fair shares.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST = 16
"""Calls at once. More does not help: Nova's and Neutron's workers are fewer at every site."""
FIRST = 8
SHORTEST_PAUSE = 1.0
"""Seconds to wait after a refusal that does not say how long."""
LONGEST_PAUSE = 30.0
"""Seconds; what asks for more is met half-way, for a run must end before the next begins."""


@dataclass(slots=True)
class Pace:
    """Instants are seconds of a monotonic clock."""

    most: int = MOST
    width: float = float(FIRST)
    resume: float = 0.0
    """No call before this instant."""

    @property
    def slots(self) -> int:
        return max(1, min(int(self.width), self.most))

    def answered(self) -> None:
        """The site answered: a whole window of answers adds one call."""
        self.width = min(float(self.most), self.width + 1.0 / self.width)

    def busy(self, wait: float, now: float) -> None:
        """The site was too busy, and asked for `wait` seconds (0: it did not say)."""
        if now >= self.resume:
            # All calls in flight are refused by the same overload: it counts once.
            self.width = max(1.0, self.width / 2)
        self.resume = max(self.resume, now + min(max(wait, SHORTEST_PAUSE), LONGEST_PAUSE))
