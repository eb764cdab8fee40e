"""Tell staff that the alarm rings: when it says something new, and every hour that it still does."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from chi_helpers.apply.reaper.files import replace_file
from chi_helpers.apply.reaper.state import reaper_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chi_helpers.apply.notify.notifier import Notifier
    from chi_helpers.model.lab import LabSpec

AGAIN = timedelta(hours=1)
"""Whoever looks every few minutes would else send it a hundred times in a night."""
DEAF = "No channel leads to staff: write a line without {email}, {netid} and {owner} into the file."
_PASSING = re.compile(r"\(request [^)]*\)|\d+[dhms]?")
"""What differs from one look to the next while nothing has changed: requests, lengths of time, counts."""


class Rung(NamedTuple):
    """What became of the message: what did not arrive, or that staff have the same one already."""

    undelivered: tuple[str, ...] = ()
    told: bool = False


def ring(notifier: Notifier, spec: LabSpec, found: Sequence[str], now: datetime) -> Rung:
    """Send what is wrong to staff, in one message. Never raises.

    The same is not sent again within the hour, if any channel took it. Where that cannot be noted down, it is
    sent each time: better too often than never.
    """
    if not notifier.to_staff:
        return Rung((DEAF,))
    file = reaper_folder(spec) / f"{spec.lab}.alarm.json"
    key, told = _key(found), _told(file, now)
    if key in told:
        return Rung(told=True)
    lines = (
        *found,
        "",
        "It rings until that is put right. Ask it with `chi-lab reap --alarm` where the reaper runs.",
    )
    delivery = notifier.staff(f"Reaper of {spec.lab}: the alarm rings", "\n".join(lines))
    if len(delivery.undelivered) < len(notifier.to_staff):
        with suppress(OSError):
            replace_file(file, json.dumps({**told, key: now.isoformat()}))
    return Rung(delivery.undelivered)


def _key(found: Sequence[str]) -> str:
    return hashlib.sha256(_PASSING.sub("", "\n".join(found)).encode()).hexdigest()


def _told(file: Path, now: datetime) -> dict[str, str]:
    """What was told within the hour, and when. A time ahead (a clock was set back) would keep it quiet."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {
            key: at for key, at in known.items() if timedelta(0) <= now - datetime.fromisoformat(at) < AGAIN
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
