"""Limits of the computer's kernel that many machines on it would reach."""

from __future__ import annotations

import logging
from pathlib import Path

LOG = logging.getLogger(__name__)
WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 1024
"""A machine takes five (counted), and all machines are one user's to the kernel. With the usual 128 the 25th
machine's systemd ended at once."""


def make_room(limit: Path = WATCHERS) -> None:
    """Let many machines boot. Never lowers the limit; where it may not be raised, fewer have room."""
    try:
        if int(limit.read_text()) < ENOUGH:
            limit.write_text(str(ENOUGH))
            LOG.info("%s is %d now: many machines need it", limit, ENOUGH)
    except OSError as error:
        LOG.warning("%s could not be raised: %s. About 20 machines will boot.", limit, error)
