"""What can go wrong, told so that a person can act on it.

Every error the kit raises on purpose is a `LabKitError`: it says what failed, on what, and what
to do. The class decides only the exit code; callers that act differently catch the subclass.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `chi-lab`, the same for every command; 4 and 5 are the reaper's."""

    OK = 0
    PARTIAL = 1
    """Some of the work was done, or something is left; run again."""
    USAGE = 2
    """Wrong use, or a file that is wrong."""
    SITE = 3
    """The site cannot be reached, or refused."""
    BREAKER = 4
    """More would be deleted than the file allows: nothing was."""
    DOUBT = 5
    """Something was kept for want of knowledge."""


class LabKitError(Exception):
    """Root of the kit's errors; may be caught to catch all of them.

    `what` failed (one sentence), `do` says what the reader can do about it, `request_id` is the
    OpenStack request, where there is one, for a ticket to the help desk.
    """

    exit_code = Exit.PARTIAL

    def __init__(self, what: str, *, do: str = "", request_id: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.do = do
        self.request_id = request_id

    def __str__(self) -> str:
        parts = [self.what]
        if self.do:
            parts.append(self.do)
        if self.request_id:
            parts.append(f"(request {self.request_id})")
        return " ".join(parts)


class UsageError(LabKitError):
    """The call or a file is wrong; nothing was done."""

    exit_code = Exit.USAGE


class SiteError(LabKitError):
    """The site cannot be reached, or refused the request."""

    exit_code = Exit.SITE


class RefusedError(SiteError):
    """The site answered, and said no (policy, quota, capacity)."""


class LeftoverError(LabKitError):
    """Something is still there that should be gone, or the other way round."""
