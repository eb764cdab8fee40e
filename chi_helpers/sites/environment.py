"""The session's credentials as the variables that Terraform's provider (gophercloud) reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chi_helpers.sites.session import Session

_NAMES = {
    "auth_url": "OS_AUTH_URL",
    "username": "OS_USERNAME",
    "user_id": "OS_USER_ID",
    "password": "OS_PASSWORD",
    "project_id": "OS_PROJECT_ID",
    "project_name": "OS_PROJECT_NAME",
    "user_domain_name": "OS_USER_DOMAIN_NAME",
    "user_domain_id": "OS_USER_DOMAIN_ID",
    "project_domain_name": "OS_PROJECT_DOMAIN_NAME",
    "project_domain_id": "OS_PROJECT_DOMAIN_ID",
    "application_credential_id": "OS_APPLICATION_CREDENTIAL_ID",
    "application_credential_name": "OS_APPLICATION_CREDENTIAL_NAME",
    "application_credential_secret": "OS_APPLICATION_CREDENTIAL_SECRET",
}
_DIRECT = {"v3password", "v3applicationcredential"}


def environment(session: Session) -> dict[str, str]:
    """Log in as this session did: by the same password or application credential, else by its token.

    The provider does not know a hub's OpenID Connect. A token is good for some hours, longer than any apply.
    """
    told = session.credentials
    found = {
        "OS_REGION_NAME": told.region,
        "OS_ENDPOINT_TYPE": f"{told.interface.removesuffix('URL')}URL",
        "OS_IDENTITY_API_VERSION": "3",
    }
    if told.cacert:
        found["OS_CACERT"] = told.cacert
    if told.insecure:
        found["OS_INSECURE"] = "true"
    if told.auth_type in _DIRECT:
        known = {name: str(told.auth[key]) for key, name in _NAMES.items() if told.auth.get(key)}
        return found | known
    token = str(session.conn.session.get_token())
    return found | {"OS_AUTH_URL": told.auth_url, "OS_TOKEN": token, "OS_PROJECT_ID": session.project_id}
