"""The only code that talks to OpenStack and to python-chi.

`connect` opens a site; what comes back has the verbs of `chi_helpers.sites.protocol.Site`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chi_helpers.sites.site import ChameleonSite

__all__ = ["connect"]


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
