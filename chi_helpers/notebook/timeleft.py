"""The time that is left, as a panel that counts down in the reader's browser.

The kernel is not asked again after the panel is shown: it keeps counting while a cell runs, and when the
kernel is gone. Where scripts do not run (a saved notebook that is not trusted, a printed page) the text
and the bar say what was true at the instant they name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from string import Template
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from chi_helpers.model.span import span
from chi_helpers.policy.clock import describe

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from chi_helpers.plan.status import LabStatus


class HasStatus(Protocol):
    """A `Lab`, or a test's own."""

    def status(self) -> LabStatus: ...


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How much time a lab has left, seen at `at`. All instants are aware; `deadline` None means no lease."""

    lab: str
    owner: str
    site: str
    at: datetime
    deadline: datetime | None = None
    start: datetime | None = None
    words: str = ""
    """The deadline in the user's time zone and in UTC."""
    warn: timedelta = timedelta(0)
    """From when on the panel shows that time is short."""

    @classmethod
    def of(cls, lab: HasStatus, *, warn: timedelta = timedelta(minutes=15)) -> TimeLeft:
        """Ask the site once, through the lab."""
        status = lab.status()
        return cls(
            status.lab,
            status.owner,
            status.site,
            status.at,
            deadline=status.deadline,
            start=status.start,
            words=status.time,
            warn=warn,
        )

    def __str__(self) -> str:
        who = f"{self.lab} of {self.owner} at {self.site}"
        if self.deadline is None:
            return f"{who}: no lease is active"
        left = self.deadline - self.at
        state = f"{span(left)} left" if left > timedelta(0) else "the time is over"
        return f"{who}: {state}, until {self.until}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return render(self, f"time-left-{uuid4().hex}")

    @property
    def until(self) -> str:
        """The deadline in words."""
        return self.words or (describe(self.deadline, _utc()) if self.deadline else "")


def _utc() -> ZoneInfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo("UTC")


def render(panel: TimeLeft, element: str) -> str:
    """The panel as HTML; `element` is the id of its outermost element, new for every panel. Pure."""
    who = f"<b>{escape(panel.lab)}</b> of {escape(panel.owner)} at {escape(panel.site)}"
    if panel.deadline is None:
        return f'<div id="{escape(element)}" style="{_BOX}">{who}: no lease is active</div>'
    left = max(timedelta(0), panel.deadline - panel.at)
    whole = panel.deadline - (panel.start or panel.at)
    share = min(1.0, left / whole) if whole > timedelta(0) else 0.0
    seen = f"{panel.at.astimezone(UTC):%H:%M} UTC"
    return _PANEL.substitute(
        box=_BOX,
        element=escape(element),
        who=who,
        words=escape(panel.until),
        left=escape(f"{span(left)} left at {seen}" if left else "The time is over."),
        percent=f"{share * 100:.1f}",
        colour=_SHORT if left <= panel.warn else _LONG,
        deadline=int(panel.deadline.timestamp() * 1000),
        whole=max(1, int(whole.total_seconds() * 1000)),
        warn=int(panel.warn.total_seconds() * 1000),
        long=_LONG,
        short=_SHORT,
    )


_LONG, _SHORT = "#2e7d32", "#c62828"
_BOX = "border:1px solid #8888;border-radius:6px;padding:8px 12px;max-width:40em;font-family:sans-serif"
# Only numbers and constants reach the script; all text is escaped HTML.
_PANEL = Template("""\
<div id="$element" style="$box">
  <div>$who</div>
  <div>ends <span>$words</span></div>
  <div style="background:#8884;border-radius:4px;height:8px;margin:6px 0">
    <div class="bar" style="background:$colour;border-radius:4px;height:8px;width:$percent%"></div>
  </div>
  <div class="left" role="timer" style="font-variant-numeric:tabular-nums">$left</div>
</div>
<script>
(() => {
  const panel = document.getElementById("$element");
  if (!panel) return;
  const bar = panel.querySelector(".bar"), text = panel.querySelector(".left");
  const two = (n) => String(n).padStart(2, "0");
  const tick = () => {
    const left = Math.max(0, $deadline - Date.now()), s = Math.floor(left / 1000);
    bar.style.width = Math.min(100, 100 * left / $whole) + "%";
    bar.style.background = left <= $warn ? "$short" : "$long";
    text.textContent = left
      ? Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) + " left"
      : "The time is over.";
  };
  tick();
  const timer = setInterval(() => panel.isConnected ? tick() : clearInterval(timer), 1000);
})();
</script>
""")
