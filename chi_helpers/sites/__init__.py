"""The only code that talks to OpenStack and to python-chi.

`connect` opens a site for one lab; what comes back has the verbs of `chi_helpers.sites.protocol.Site`.
`connect_project` opens one project of it for the reaper, with those of `chi_helpers.sites.reaping.ReapSite`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chi_helpers.sites.reap import ProjectSite
    from chi_helpers.sites.site import ChameleonSite

__all__ = ["connect", "connect_project"]


def connect(
    site: str | None = None, *, cloud: str | None = None, project: str | None = None
) -> ChameleonSite:
    """Log in at `site` (such as `KVM@TACC`; None: the site that the credentials belong to).

    `cloud` is a name in clouds.yaml, else OS_CLOUD, else the OS_* variables. `project` (name or id)
    overrides the credentials' own where they may choose one.

    Raises `UsageError` (no credentials, or for another site or project) and `SiteError`
    (unreachable, refused).
    """
    from chi_helpers.sites.credentials import resolve
    from chi_helpers.sites.session import open_session
    from chi_helpers.sites.site import ChameleonSite

    return ChameleonSite(open_session(resolve(site, cloud, project), project))


def connect_project(
    site: str | None = None, *, cloud: str | None = None, project: str | None = None
) -> ProjectSite:
    """Log in as `connect` does, to look at everything of the project and to delete of it."""
    from chi_helpers.sites.credentials import resolve
    from chi_helpers.sites.reap import ProjectSite
    from chi_helpers.sites.session import open_session

    return ProjectSite(open_session(resolve(site, cloud, project), project))
