"""Keystone, with Chameleon's rule for application credentials."""

from __future__ import annotations

import os
from typing import Any

from chi_helpers.sandbox.description import ADMIN, Description
from chi_helpers.sandbox.serve import waiting

NEEDS = (waiting.DATABASE,)
MODULES = (
    "keystone.server.wsgi",
    "keystone.cmd.bootstrap",
)


def prepare(site: Description) -> None:
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(site.folder / "etc/keystone/keystone.conf")


def application(site: Description) -> Any:
    from keystone.server import wsgi

    app = wsgi.initialize_public_application()
    _restricted_credentials_make_no_trusts()
    if not waiting.identity_marker(site).exists():
        _bootstrap(site)
    return app


def _restricted_credentials_make_no_trusts() -> None:
    """As Keystone did before 30, and Chameleon does: unrestricted ones may, restricted may not.

    Blazar makes a trust for every lease, so a restricted credential gets a bare HTTP 500 there.
    """
    import flask
    from keystone import exception
    from keystone.api import trusts
    from keystone.common import authorization

    upstream = trusts._check_delegated_token  # noqa: SLF001 - there is no hook

    def check() -> None:
        token = flask.request.environ.get(authorization.AUTH_CONTEXT_ENV, {}).get("token")
        if (
            token
            and "application_credential" in token.methods
            and not token.application_credential["unrestricted"]
        ):
            raise exception.ForbiddenAction(
                action="Using method 'application_credential' is not allowed for managing trusts."
            )
        upstream()

    trusts._check_delegated_token = check  # noqa: SLF001


def _bootstrap(site: Description) -> None:
    """What `keystone-manage bootstrap` does, in this process: it saves three seconds of loading."""
    from keystone.cmd import bootstrap

    # The application has loaded them.
    bootstrap.backends.load_backends = dict
    it = bootstrap.Bootstrapper()
    it.admin_username, it.admin_password = ADMIN, site.secrets.admin
    it.project_name, it.admin_role_name = "admin", "admin"
    it.service_name, it.region_id = "keystone", site.region
    it.public_url = it.internal_url = it.admin_url = site.auth_url
    it.bootstrap()
