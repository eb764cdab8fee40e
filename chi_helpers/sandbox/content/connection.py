"""Connections to the sandbox for the sandbox's own use."""

from __future__ import annotations

from typing import Any

from chi_helpers.sandbox.description import ADMIN, DOMAIN, PROJECT, Description


def admin(site: Description) -> Any:
    """An openstacksdk connection as the site's administrator."""
    return _connect(site, ADMIN, site.secrets.admin, "Default", "admin", "Default")


def student(site: Description, user: str) -> Any:
    """An openstacksdk connection as a member of the class project."""
    return _connect(site, user, site.secrets.users[user], DOMAIN, PROJECT, DOMAIN)


def _connect(
    site: Description, user: str, password: str, domain: str, project: str, project_domain: str
) -> Any:
    import openstack

    return openstack.connect(
        auth={
            "auth_url": site.auth_url,
            "username": user,
            "password": password,
            "user_domain_name": domain,
            "project_name": project,
            "project_domain_name": project_domain,
        },
        auth_type="password",
        region_name=site.region,
        load_yaml_config=False,
        load_envvars=False,
    )
