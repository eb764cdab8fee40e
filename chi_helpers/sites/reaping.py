"""The verbs by which the reaper acts on one project of a site. Tests have a project in memory.

Each deleting or changing verb makes exactly one attempt and does not wait for its effect: order, repetition,
pace and proof are `chi_helpers.apply`'s business. What is lost or refused comes out as an exception of
`chi_helpers.sites.errors` (`GoneError`, `ConflictError`, `ChangedError`, `BusyError` with `wait`,
`NoAnswerError`, `RefusedError`, `CredentialsError`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from chi_helpers.model.inventory import Inventory, Kind, Mark, Resource
    from chi_helpers.model.stamp import Stamp


class ReapSite(Protocol):
    """One project of one site."""

    @property
    def name(self) -> str:
        """Such as `KVM@TACC`."""

    @property
    def project_id(self) -> str: ...

    def inventory(self, kinds: Collection[Kind] | None = None, beside: Collection[Kind] = ()) -> Inventory:
        """List everything of the project, or these kinds only; a kind that fails is in `listings`.

        With `kinds`, the listings hold only these, so that nothing can be concluded about others; and those
        of `beside` that were listed before, which are not asked for again: they come with the ties that they
        have to what is listed now.
        Raises `SiteError` where not even the site's clock can be read.
        """

    def delete(self, resource: Resource) -> str:
        """Ask once for the resource's deletion; return the request id.

        Neutron is sent `If-Match: revision_number=<resource.revision>` and raises `ChangedError` where it
        changed. A router's interfaces are taken off first; a container's objects are deleted first.
        """

    def trim(self, lease: Resource, end: datetime) -> str:
        """Ask once to end a lease at `end`; return the request id."""

    def mark(self, resource: Resource, mark: Mark) -> str:
        """Write the reaper's note on a resource (a tag, or metadata), beside what is there."""

    def restamp(self, resource: Resource, stamp: Stamp) -> str:
        """Write a stamp that was lost."""
