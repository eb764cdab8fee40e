"""`chi-lab reap --alarm`: says on the terminal, and to staff, that the reaper does not get its work done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.cli import render
from chi_helpers.model.errors import Exit, LabKitError

if TYPE_CHECKING:
    from chi_helpers.model.lab import LabSpec

LONGEST = 30.0
"""Seconds for the message. The schedulers of deploy/ end an alarm after 60."""


def ask(
    file: Path, projects: tuple[str, ...], longest: timedelta, notify: Path | None, *, as_json: bool
) -> int:
    """Look at what the last runs left. Exit code 1 where the alarm rings, whatever becomes of the message.

    The words are said before anything is sent: a channel that hangs takes nothing away from them.
    """
    from chi_helpers.apply.reaper.alarm import alarms
    from chi_helpers.apply.reaper.state import last_runs
    from chi_helpers.config import load

    spec = load(file)
    now = datetime.now(UTC)
    found = alarms(last_runs(spec, projects), longest, now)
    for words in found:
        render.tell(words, colour="red")
    undelivered = _rung(spec, found, notify, now) if notify is not None else ()
    for line in undelivered:
        render.tell(f"Not delivered: {line}", colour="red")
    if as_json:
        render.emit(ok=not found, alarms=list(found), undelivered=list(undelivered))
    if not found:
        render.tell("The reaper does its work.", colour="green")
    return int(Exit.PARTIAL if found else Exit.OK)


def _rung(spec: LabSpec, found: tuple[str, ...], notify: Path, now: datetime) -> tuple[str, ...]:
    """Tell staff, and return what did not arrive.

    The channels are read while all is quiet, too: that they are wrong is not to be found out at night. Raises
    what is wrong with their file then; where the alarm rings, it is one more thing that did not arrive.
    """
    from chi_helpers.apply.notify.channels import read_channels
    from chi_helpers.apply.notify.notifier import Notifier
    from chi_helpers.apply.notify.send import send_all
    from chi_helpers.apply.reaper.ring import DEAF, ring

    try:
        notifier = Notifier(read_channels(notify), partial(send_all, longest=LONGEST))
    except LabKitError as error:
        if not found:
            raise
        return (str(error),)
    if found:
        rung = ring(notifier, spec, found, now)
        if rung.told:
            render.tell("Staff have this message since less than an hour: it is not sent again yet.")
        return rung.undelivered
    if not notifier.to_staff:
        render.tell(f"{DEAF} The alarm could tell nobody.", colour="yellow")
    return ()
