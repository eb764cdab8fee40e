"""Another program logs in as the session did: by the same secret, or by the session's token."""

from __future__ import annotations

from types import SimpleNamespace

from chi_helpers.sites.credentials import Credentials
from chi_helpers.sites.environment import environment

URL = "https://uc:5000/v3"
COMMON = {"OS_REGION_NAME": "CHI@UC", "OS_ENDPOINT_TYPE": "publicURL", "OS_IDENTITY_API_VERSION": "3"}


def variables(kind, auth, **changes):
    told = Credentials(kind, {"auth_url": URL, **auth}, "CHI@UC", "a test", **changes)
    conn = SimpleNamespace(session=SimpleNamespace(get_token=lambda: "token-1"))
    return environment(SimpleNamespace(credentials=told, conn=conn, project_id="p1"))  # type: ignore[arg-type]


def test_a_password_is_passed_on_with_user_project_and_domains():
    auth = {
        "username": "sam",
        "user_id": "u1",
        "password": "x",
        "project_name": "CHI-1",
        "project_id": "p1",
        "user_domain_name": "chameleon",
        "user_domain_id": "d1",
        "project_domain_name": "chameleon",
        "project_domain_id": "d2",
        "tenant": "unknown to the provider",
    }
    assert variables("v3password", auth) == COMMON | {
        "OS_AUTH_URL": URL,
        "OS_USERNAME": "sam",
        "OS_USER_ID": "u1",
        "OS_PASSWORD": "x",
        "OS_PROJECT_NAME": "CHI-1",
        "OS_PROJECT_ID": "p1",
        "OS_USER_DOMAIN_NAME": "chameleon",
        "OS_USER_DOMAIN_ID": "d1",
        "OS_PROJECT_DOMAIN_NAME": "chameleon",
        "OS_PROJECT_DOMAIN_ID": "d2",
    }


def test_an_application_credential_is_passed_on_and_empty_options_are_not():
    auth = {
        "application_credential_id": "i",
        "application_credential_name": "n",
        "application_credential_secret": "s",
        "password": "",
        "username": None,
    }
    assert variables("v3applicationcredential", auth) == COMMON | {
        "OS_AUTH_URL": URL,
        "OS_APPLICATION_CREDENTIAL_ID": "i",
        "OS_APPLICATION_CREDENTIAL_NAME": "n",
        "OS_APPLICATION_CREDENTIAL_SECRET": "s",
    }


def test_a_hubs_login_is_passed_on_as_its_token():
    """The provider does not know OpenID Connect."""
    found = variables("v3oidcaccesstoken", {"access_token": "secret", "project_name": "CHI-1"})
    assert found == COMMON | {"OS_AUTH_URL": URL, "OS_TOKEN": "token-1", "OS_PROJECT_ID": "p1"}


def test_interface_certificate_and_its_neglect_are_passed_on():
    found = variables("v3password", {}, interface="internalURL", cacert="/ca.pem", insecure=True)
    assert (found["OS_ENDPOINT_TYPE"], found["OS_CACERT"]) == ("internalURL", "/ca.pem")
    assert found["OS_INSECURE"] == "true"
