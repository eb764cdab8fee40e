"""Send messages with apprise, several at once, and say of each whether it was accepted."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

AT_ONCE = 8
LONGEST = 60.0
"""Seconds for all messages of one call: a mail server that hangs must not hold up the reaper."""


@dataclass(frozen=True, slots=True)
class Message:
    url: str = field(repr=False)
    title: str
    body: str


def understood(url: str) -> bool:
    """Whether apprise knows what to do with the URL. Nothing is sent."""
    _quiet()
    import apprise

    try:
        return apprise.Apprise.instantiate(url) is not None
    except Exception:  # noqa: BLE001 - a plug-in's own fault; its words may hold the URL
        return False


def send(message: Message) -> bool:
    """Send one message; whether the channel accepted it. Never raises."""
    _quiet()
    import apprise

    try:
        channel = apprise.Apprise.instantiate(message.url)
        if channel is None:
            return False
        return bool(
            channel.notify(body=message.body, title=message.title, body_format=apprise.NotifyFormat.TEXT)
        )
    except Exception:  # noqa: BLE001 - apprise's plug-ins raise what their libraries raise
        return False


def send_all(
    messages: Sequence[Message], *, by: Callable[[Message], bool] = send, longest: float = LONGEST
) -> tuple[bool, ...]:
    """Send them all; of each whether it was accepted within `longest` seconds. Never raises."""
    accepted = [False] * len(messages)
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(messages)):
        todo.put(index)

    def work() -> None:
        while True:
            try:
                index = todo.get_nowait()
            except queue.Empty:
                return
            accepted[index] = by(messages[index])

    # Daemons: one that hangs in a connection does not keep the process alive.
    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(AT_ONCE, len(messages)))]
    for worker in workers:
        worker.start()
    until = time.monotonic() + longest
    for worker in workers:
        worker.join(max(0.0, until - time.monotonic()))
    return tuple(accepted)


def _quiet() -> None:
    """Keep apprise from logging: it writes URLs, with their secrets."""
    log = logging.getLogger("apprise")
    log.propagate = False
    log.disabled = True
    # Before apprise is imported it has no handler, and Python would write its errors to stderr.
    if not log.handlers:
        log.addHandler(logging.NullHandler())
