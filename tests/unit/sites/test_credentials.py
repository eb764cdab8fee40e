"""Whose credentials are used, and for which site."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from chi_helpers.model.errors import SiteError, UsageError
from chi_helpers.sites import connect
from chi_helpers.sites.credentials import KVM_AT_TACC, resolve
from chi_helpers.sites.session import open_session
from tests.unit.sites.conftest import credentials

PASSWORD = {
    "username": "sam",
    "password": "hunter2",
    "project_name": "CHI-1",
    "user_domain_name": "chameleon",
}


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def clouds(tmp_path, monkeypatch):
    """clouds.yaml with `mine`, of CHI@UC."""
    file = tmp_path / "clouds.yaml"
    mine = {"auth": PASSWORD | {"auth_url": "https://uc/v3"}, "region_name": "CHI@UC"}
    file.write_text(yaml.safe_dump({"clouds": {"mine": mine}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    monkeypatch.setenv("OS_CLOUD", "mine")


@pytest.fixture
def hub(monkeypatch):
    """What a JupyterHub at CHI@UC sets."""
    for name, value in {
        "OS_AUTH_TYPE": "v3oidcaccesstoken",
        "OS_AUTH_URL": "https://uc:5000/v3",
        "OS_ACCESS_TOKEN": "token",
        "OS_IDENTITY_PROVIDER": "chameleon",
        "OS_PROTOCOL": "openid",
        "OS_PROJECT_NAME": "CHI-first",
        "OS_PROJECT_DOMAIN_NAME": "chameleon",
        "OS_REGION_NAME": "CHI@UC",
    }.items():
        monkeypatch.setenv(name, value)


def test_a_named_cloud_is_taken_from_its_file_and_nothing_of_the_hub_leaks_in(clouds, hub):
    found = resolve("CHI@UC")
    assert (found.auth_type, found.auth["username"], found.auth["project_name"]) == (
        "v3password",
        "sam",
        "CHI-1",
    )
    assert "access_token" not in found.auth
    assert found.source == "cloud 'mine' of clouds.yaml"


def test_without_a_cloud_the_hubs_variables_count(hub):
    found = resolve("CHI@UC")
    assert (found.auth_type, found.auth["access_token"]) == ("v3oidcaccesstoken", "token")
    assert (found.region, found.auth_url) == ("CHI@UC", "https://uc:5000/v3")


def test_a_hubs_token_is_pointed_at_the_site_of_the_lab(hub):
    """KVM@TACC is not in the reference API: python-chi writes its address, too (chi/context.py:298)."""
    found = resolve("KVM@TACC")
    assert (found.region, found.auth_url) == ("KVM@TACC", f"{KVM_AT_TACC}:5000/v3")


def test_the_project_of_the_lab_takes_the_place_of_the_hubs_first(hub):
    assert resolve("CHI@UC", project="CHI-lab").auth["project_name"] == "CHI-lab"


def test_a_project_may_be_named_by_its_id_too(hub):
    found = resolve("CHI@UC", project="0123456789abcdef0123456789abcdef")
    assert found.auth["project_id"] == "0123456789abcdef0123456789abcdef"
    assert "project_name" not in found.auth


@pytest.mark.parametrize("project", ["CHI-1", "p1", None])
def test_credentials_of_the_files_project_by_name_or_id_are_taken(http, clock, project):
    assert open_session(credentials(http), project).project_id == "p1"


def test_credentials_of_another_project_are_refused_with_what_to_do(http, clock):
    """An application credential is bound to one project, whatever the lab's file says."""
    auth = {
        "auth_url": f"{http.url}/v3",
        "application_credential_id": "i",
        "application_credential_secret": "s",
    }
    bound = credentials(http, auth_type="v3applicationcredential", auth=auth)
    with pytest.raises(
        UsageError, match=r"of project CHI-2, but a test are for project CHI-1 \(p1\)"
    ) as caught:
        open_session(bound, "CHI-2")
    assert "OS_CLOUD" in caught.value.do


def test_every_way_to_a_site_compares_the_project(http, clock, clouds, monkeypatch):
    monkeypatch.setenv("OS_CLOUD", "bound")
    entry = {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": f"{http.url}/v3",
            "application_credential_id": "i",
            "application_credential_secret": "s",
        },
        "region_name": "CHI@Http",
    }
    Path(os.environ["OS_CLIENT_CONFIG_FILE"]).write_text(yaml.safe_dump({"clouds": {"bound": entry}}))
    assert connect("CHI@Http", project="CHI-1").name == "CHI@Http"
    with pytest.raises(UsageError, match="project CHI-2"):
        connect("CHI@Http", project="CHI-2")


def test_a_cloud_of_another_site_is_refused(clouds):
    with pytest.raises(UsageError, match=r"lab is at KVM@TACC, but cloud 'mine' .* belongs to CHI@UC"):
        resolve("KVM@TACC")


def test_an_application_credential_of_another_site_is_refused(hub, monkeypatch):
    monkeypatch.setenv("OS_AUTH_TYPE", "v3applicationcredential")
    monkeypatch.setenv("OS_APPLICATION_CREDENTIAL_ID", "i")
    monkeypatch.setenv("OS_APPLICATION_CREDENTIAL_SECRET", "s")
    monkeypatch.delenv("OS_PROJECT_NAME")
    monkeypatch.delenv("OS_PROJECT_DOMAIN_NAME")
    with pytest.raises(UsageError, match="valid only there"):
        resolve("KVM@TACC")


def test_no_credentials_at_all_says_where_to_get_some():
    with pytest.raises(UsageError, match="No credentials") as caught:
        resolve("CHI@UC")
    assert "clouds.yaml" in caught.value.do


def test_a_cloud_that_is_not_in_the_file_is_named_with_the_file(clouds, tmp_path):
    with pytest.raises(UsageError, match="Cloud 'yours'") as caught:
        resolve("CHI@UC", cloud="yours")
    assert str(tmp_path / "clouds.yaml") in caught.value.do


def test_an_unknown_site_is_refused_with_those_that_are_known(hub, http, monkeypatch):
    http.routes["GET", "/sites.json"] = [(200, {"items": [{"name": "CHI@NCAR", "web": "https://ncar/"}]}, {})]
    monkeypatch.setenv("CHI_RESOURCE_API_URL", http.url)
    assert resolve("CHI@NCAR").auth_url == "https://ncar:5000/v3"
    with pytest.raises(UsageError, match="No site is called 'CHI@Nowhere'") as caught:
        resolve("CHI@Nowhere")
    assert "CHI@NCAR, KVM@TACC" in caught.value.do


def test_a_list_of_sites_that_cannot_be_read_is_an_error_of_the_site(hub, monkeypatch):
    monkeypatch.setenv("CHI_RESOURCE_API_URL", "http://127.0.0.1:1")
    with pytest.raises(SiteError, match="list of sites cannot be read"):
        resolve("CHI@NCAR")


def test_secrets_do_not_show(clouds):
    found = resolve("CHI@UC")
    assert found.auth["password"] == "hunter2"
    assert "hunter2" not in repr(found)
