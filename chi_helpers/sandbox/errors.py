"""Errors of the sandbox, with what a person needs to act on them."""

from __future__ import annotations

from chi_helpers.model.errors import LabKitError, UsageError


class SandboxError(LabKitError):
    """The sandbox could not do what was asked."""


class ServiceDiedError(SandboxError):
    """A service ended while it was waited for; the message holds the end of its log."""


class PortTakenError(SandboxError):
    """Another program has an address that this sandbox needs."""


class NoSandboxError(UsageError):
    """There is no sandbox of that name."""
