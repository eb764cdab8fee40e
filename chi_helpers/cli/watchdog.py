"""End this process where it hangs: whatever waits for it must not wait for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chi_helpers.model.errors import Exit

STDERR = 2


@contextmanager
def ends_after(seconds: float, words: str, *, end: Callable[[int], object] = os._exit) -> Iterator[None]:
    """While this runs, and if it takes longer than `seconds`: write `words` to stderr and exit with 3.

    What hangs waits for a site. Code 1, of work that is left, is success for whatever schedules the runs.

    A thread of its own does it, not SIGALRM: a handler of that runs between two steps of the main thread,
    which a hanging call in C never reaches. Nothing is cleaned up then, as nothing is by SIGKILL; the next
    run takes up the work.
    """
    over = threading.Event()

    def watch() -> None:
        if not over.wait(seconds):
            os.write(STDERR, f"{words}\n".encode())
            end(int(Exit.SITE))

    threading.Thread(target=watch, daemon=True, name="watchdog").start()
    try:
        yield
    finally:
        over.set()
