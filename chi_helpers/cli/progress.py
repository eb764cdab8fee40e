"""Progress on stderr: a live line for each step under way, one line for each that has ended.

Where stderr is no terminal only the latter are written, so that logs stay readable. NO_COLOR is honoured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chi_helpers.cli import render
from chi_helpers.model.outcome import Outcome, Progress, Result

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SIGNS = {
    Result.DONE: ("✓", "green"),
    Result.ALREADY: ("=", "green"),
    Result.SKIPPED: ("-", "yellow"),
    Result.REFUSED: ("✗", "red"),
    Result.FAILED: ("✗", "red"),
}


@contextmanager
def progress() -> Iterator[Progress]:
    """An observer for a command: live on a terminal, plain lines elsewhere."""
    if not render.at_a_terminal():
        yield Plain()
        return
    from rich.console import Console
    from rich.live import Live

    shown = OnTerminal(Console(stderr=True, highlight=False))
    with Live(get_renderable=shown.render, console=shown.console, refresh_per_second=8, transient=True):
        yield shown


class _Watch:
    """When each step that is under way began, and what it last noted; steps may come from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, float] = {}
        self._notes: dict[str, str] = {}

    def started(self, step: str) -> None:
        with self._lock:
            self._begun[step] = time.monotonic()
            self._notes.pop(step, None)

    def note(self, step: str, detail: str) -> None:
        with self._lock:
            self._notes[step] = detail

    def took(self, step: str) -> str:
        """The time since `step` began, which it ends; empty where its beginning was not told."""
        with self._lock:
            begun = self._begun.pop(step, None)
            self._notes.pop(step, None)
        return "" if begun is None else elapsed(time.monotonic() - begun)

    def under_way(self) -> list[tuple[str, str, str]]:
        """(step, its last note, the time since it began), oldest first."""
        now = time.monotonic()
        with self._lock:
            return [
                (step, self._notes.get(step, ""), elapsed(now - begun)) for step, begun in self._begun.items()
            ]


class Plain(_Watch):
    """One line for each step that has ended."""

    def finished(self, outcome: Outcome) -> None:
        took = self.took(outcome.step)
        detail = f": {outcome.detail}" if outcome.detail else ""
        render.tell(f"{outcome.result}: {outcome.step}{detail}{f' ({took})' if took else ''}")


class OnTerminal(_Watch):
    """A live line for each step under way; finished steps scroll up above them."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def finished(self, outcome: Outcome) -> None:
        from rich.text import Text

        took = self.took(outcome.step)
        sign, colour = _SIGNS[outcome.result]
        if self.console.options.ascii_only:
            sign = {"✓": "+", "✗": "x"}.get(sign, sign)
        line = Text.assemble((f"{sign} ", colour), outcome.step)
        if outcome.detail:
            line.append(f"  {outcome.detail}", "dim" if outcome.ok else colour)
        if took:
            line.append(f"  {took}", "dim")
        self.console.print(line, soft_wrap=True)

    def render(self) -> RenderableType:
        """What is under way, for rich."""
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 1))
        for step, note, time_taken in self.under_way():
            line = Text.assemble(step, (f"  {note}" if note else "", "dim"), (f"  {time_taken}", "dim"))
            grid.add_row(self._spinner(Spinner), line)
        return grid

    def _spinner(self, kind: type) -> RenderableType:
        # One spinner for all lines: each new one would begin at its first frame.
        if not hasattr(self, "_one"):
            self._one: RenderableType = kind("line" if self.console.options.ascii_only else "dots")
        return self._one


def elapsed(seconds: float) -> str:
    """`3.2 s`, `1 min 05 s`."""
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s"
