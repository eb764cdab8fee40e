"""One run at a time on a lab: two `up` side by side would each see nothing and create everything."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from chi_helpers.model.errors import LabKitError

if TYPE_CHECKING:
    from collections.abc import Iterator


class BusyLabError(LabKitError):
    """Another process works on the same lab; nothing was done."""


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold the lab's lock while `what` (a command's name) runs. It ends with the process, killed or not.

    Raises `BusyLabError`, which says who holds it, where another process does.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyLabError(
                f"Another chi-lab works on this lab: {_holder(descriptor)}.",
                do="Wait until it is done, or end it.",
            ) from None
        holder = {"pid": os.getpid(), "what": what, "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({**holder, "program": Path(sys.argv[0]).name}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {found['pid']} (`{found['what']}`, since {found['since']})"
    except (ValueError, KeyError, TypeError):
        return "a process that has just begun"
