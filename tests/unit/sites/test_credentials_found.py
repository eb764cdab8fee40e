"""Credentials as they are found: kind, project, region and certificate; and what is refused, with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from chi_helpers.model.errors import SiteError, UsageError
from chi_helpers.sites import connect_project
from chi_helpers.sites.credentials import resolve, site_url
from tests.unit.sites.conftest import credentials

LOGIN = {
    "auth_url": "https://uc/v3",
    "username": "sam",
    "user_domain_name": "chameleon",
    "password": "x",
    "project_name": "CHI-1",
    "project_domain_name": "chameleon",
}
NO_DOMAIN: dict[str, str | None] = {"user_domain_name": None, "project_domain_name": None}
HEX = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith(("OS_", "CHI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))


@pytest.fixture
def cloud():
    """`cloud(...)`: write the one entry, `mine`, of clouds.yaml."""

    def write(auth=None, **entry):
        mine = {"auth": LOGIN | (auth or {}), "region_name": "CHI@UC"} | entry
        # None: without it.
        mine = {k: v for k, v in mine.items() if v is not None}
        mine["auth"] = {k: v for k, v in mine["auth"].items() if v is not None}
        text = yaml.safe_dump({"clouds": {"mine": mine}})
        Path(os.environ["OS_CLIENT_CONFIG_FILE"]).write_text(text)

    return write


def variables(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setenv(f"OS_{name}", value)


class TestKind:
    @pytest.mark.parametrize("written", ["password", "v3password", None])
    def test_a_password_is_of_the_v3_kind(self, cloud, written):
        """python-chi knows no other."""
        cloud(auth_type=written)
        assert resolve(None, "mine").auth_type == "v3password"

    def test_a_token_is_of_the_v3_kind_too(self, cloud):
        cloud({"token": "t", "username": None, "password": None} | NO_DOMAIN, auth_type="token")
        assert resolve(None, "mine").auth_type == "v3token"

    def test_another_kind_is_refused_with_its_name(self, cloud):
        cloud(NO_DOMAIN | {"project_name": None}, auth_type="v2password")
        with pytest.raises(
            UsageError, match=r"^cloud 'mine' of clouds.yaml: auth_type 'v2password' is not"
        ) as caught:
            resolve(None, "mine")
        assert "v3password" in caught.value.do

    def test_an_application_credential_is_known_as_one(self, http):
        assert credentials(http, auth_type="v3applicationcredential").is_application_credential
        assert not credentials(http).is_application_credential


class TestProject:
    @pytest.mark.parametrize(
        ("auth", "project", "found"),
        [
            ({}, "CHI-2", {"project_name": "CHI-2"}),
            ({}, HEX, {"project_id": HEX}),
            ({}, f"{HEX}0", {"project_name": f"{HEX}0"}),
            ({}, "CHI-1", {"project_name": "CHI-1"}),
            ({"project_name": None, "project_id": "p1"}, "p1", {"project_id": "p1"}),
            ({"project_name": None, "project_id": "p1"}, "CHI-2", {"project_name": "CHI-2"}),
            ({"project_name": None}, "CHI-2", {}),
        ],
    )
    def test_the_lab_s_takes_the_place_of_the_credentials_own_where_they_name_one(
        self, cloud, auth, project, found
    ):
        """A credential that names none is bound to one."""
        cloud(auth)
        seen = resolve(None, "mine", project).auth
        assert {k: v for k, v in seen.items() if k.startswith("project_") and "domain" not in k} == found
        assert (seen["username"], seen["auth_url"]) == ("sam", "https://uc/v3")


class TestPlace:
    def test_region_interface_and_certificate_are_those_of_the_file(self, cloud):
        cloud(interface="internal", cacert="/ca.pem", verify=False)
        found = resolve(None, "mine")
        assert (found.region, found.interface, found.cacert, found.insecure) == (
            "CHI@UC",
            "internal",
            "/ca.pem",
            True,
        )

    def test_the_usual_is_the_public_interface_and_a_verified_certificate(self, cloud):
        cloud()
        found = resolve("CHI@UC", "mine")
        assert (found.interface, found.cacert, found.insecure) == ("public", None, False)

    def test_credentials_without_a_region_are_for_the_site_that_is_named(self, cloud):
        cloud(region_name=None)
        assert (resolve("CHI@TACC", "mine").region, resolve(None, "mine").region) == ("CHI@TACC", "")
        assert resolve("CHI@TACC", "mine").auth_url == "https://uc/v3"

    def test_options_that_are_empty_are_left_out(self, cloud):
        cloud({"project_id": ""})
        assert resolve(None, "mine").auth.keys() == LOGIN.keys()

    def test_a_name_given_counts_before_the_variable(self, cloud, monkeypatch):
        cloud()
        monkeypatch.setenv("OS_CLOUD", "yours")
        assert resolve(None, "mine").source == "cloud 'mine' of clouds.yaml"

    def test_without_a_variable_for_the_file_the_usual_places_are_read(self, cloud, monkeypatch):
        cloud()
        monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
        from openstack.config import loader

        monkeypatch.setattr(loader, "CONFIG_FILES", [str(Path.cwd() / "clouds.yaml")])
        assert resolve(None, "mine").region == "CHI@UC"

    def test_the_variables_alone_are_named_as_the_source(self, monkeypatch):
        variables(monkeypatch, AUTH_URL="https://uc/v3", USERNAME="sam", PASSWORD="x", REGION_NAME="CHI@UC")
        found = resolve(None)
        assert (found.source, found.auth["username"], found.region) == ("the OS_* variables", "sam", "CHI@UC")


class TestRefused:
    def test_a_cloud_of_a_kind_that_needs_no_address_is_no_credentials(self, cloud):
        cloud(dict.fromkeys(LOGIN), auth_type="none")
        with pytest.raises(UsageError, match=r"^No credentials: neither OS_CLOUD") as caught:
            resolve(None, "mine")
        assert "JupyterHub" in caught.value.do

    @pytest.mark.parametrize(("change", "said"), [({"auth_url": ""}, "auth_url"), (NO_DOMAIN, "domain")])
    def test_a_cloud_that_is_not_complete_is_told_with_its_file(self, cloud, change, said):
        cloud(change, auth_type="v3password")
        with pytest.raises(UsageError, match=rf"^Cloud 'mine' \(OS_CLOUD\): .*{said}") as caught:
            resolve(None, "mine")
        assert "clouds.yaml" in caught.value.do

    @pytest.mark.parametrize(
        ("kind", "said"), [("v3oidcaccesstoken", "access_token"), ("v3password", "domain")]
    )
    def test_variables_that_are_not_complete_are_told(self, monkeypatch, kind, said):
        variables(monkeypatch, AUTH_TYPE=kind, AUTH_URL="https://uc/v3", USERNAME="sam", PASSWORD="x")
        with pytest.raises(UsageError, match=rf"The OS_\* variables are not complete: .*{said}"):
            resolve(None)

    def test_without_variables_it_is_told_where_to_get_credentials(self, monkeypatch):
        variables(monkeypatch, AUTH_TYPE="v3oidcaccesstoken")
        with pytest.raises(UsageError, match=r"^No credentials") as caught:
            resolve(None)
        assert "clouds.yaml" in caught.value.do

    def test_a_cloud_of_another_site_says_how_to_choose(self, cloud):
        cloud()
        with pytest.raises(
            UsageError, match=r"^The lab is at CHI@TACC, but cloud 'mine' of clouds.yaml belongs to CHI@UC\."
        ) as caught:
            resolve("CHI@TACC", "mine")
        assert "OS_CLOUD" in caught.value.do

    def test_an_application_credential_of_another_site_says_where_to_make_one(self, monkeypatch):
        variables(
            monkeypatch,
            AUTH_TYPE="v3applicationcredential",
            AUTH_URL="https://uc/v3",
            APPLICATION_CREDENTIAL_ID="i",
            APPLICATION_CREDENTIAL_SECRET="s",
            REGION_NAME="CHI@UC",
        )
        with pytest.raises(
            UsageError, match=r"\(v3applicationcredential\) of CHI@UC, valid only there"
        ) as caught:
            resolve("CHI@TACC")
        assert caught.value.do.startswith("Create one at CHI@TACC")

    def test_the_variables_are_no_cloud_that_could_be_named(self, cloud, monkeypatch):
        """openstacksdk would call them `envvars`."""
        cloud()
        variables(monkeypatch, AUTH_URL="https://hub/v3", USERNAME="alex", PASSWORD="x", PROJECT_NAME="CHI-2")
        with pytest.raises(UsageError, match=r"^Cloud 'envvars' \(OS_CLOUD\): "):
            resolve(None, "envvars")

    def test_one_of_several_clouds_must_be_chosen(self, monkeypatch):
        variables(monkeypatch, AUTH_URL="https://uc/v3", USERNAME="sam")
        text = yaml.safe_dump({"clouds": {"envvars": {"auth": LOGIN}}})
        Path(os.environ["OS_CLIENT_CONFIG_FILE"]).write_text(text)
        with pytest.raises(UsageError, match=r"^Credentials: ") as caught:
            resolve(None)
        assert "OS_CLOUD" in caught.value.do


class TestSites:
    @pytest.mark.parametrize(
        ("kind", "login"),
        [
            ("v3oidcaccesstoken", {"ACCESS_TOKEN": "t"}),
            ("v3oidcpassword", {"USERNAME": "sam", "PASSWORD": "x", "CLIENT_ID": "c", "CLIENT_SECRET": "s"}),
            ("v3password", {"USERNAME": "sam", "PASSWORD": "x", "USER_DOMAIN_NAME": "chameleon"}),
        ],
    )
    def test_a_login_that_is_good_everywhere_is_pointed_at_the_site(self, monkeypatch, http, kind, login):
        http.routes["GET", "/sites.json"] = [(200, {"items": [{"name": "CHI@T", "web": "https://t/"}]}, {})]
        monkeypatch.setenv("CHI_RESOURCE_API_URL", http.url)
        variables(monkeypatch, AUTH_TYPE=kind, AUTH_URL="https://uc/v3", REGION_NAME="CHI@UC", **login)
        if "oidc" in kind:
            variables(
                monkeypatch, IDENTITY_PROVIDER="chameleon", PROTOCOL="openid", DISCOVERY_ENDPOINT="https://d"
            )
        found = resolve("CHI@T")
        assert (found.auth_url, found.region) == ("https://t:5000/v3", "CHI@T")

    @pytest.mark.parametrize(
        "answer", [(500, {"items": []}, {}), (200, {}, {}), (200, {"items": [{"web": "x"}]}, {}), (200, None, {}), (200, [], {})]
    )  # fmt: skip
    def test_a_list_that_cannot_be_read_says_what_else_to_set(self, monkeypatch, http, answer):
        http.routes["GET", "/sites.json"] = [answer]
        monkeypatch.setenv("CHI_RESOURCE_API_URL", http.url)
        with pytest.raises(SiteError, match=rf"cannot be read from {http.url}/sites.json: \S+") as caught:
            site_url("CHI@T")
        assert "OS_REGION_NAME" in caught.value.do

    def test_without_a_variable_chameleons_own_list_is_asked(self, monkeypatch, http):
        http.routes["GET", "/sites.json"] = [(200, {"items": [{"name": "CHI@T", "web": "https://t"}]}, {})]
        monkeypatch.setattr("chi_helpers.sites.credentials.REFERENCE_API", http.url)
        assert site_url("CHI@T") == "https://t"

    def test_kvm_is_not_looked_up(self, monkeypatch):
        """The reference API does not list it."""
        monkeypatch.setenv("CHI_RESOURCE_API_URL", "http://127.0.0.1:1")
        assert site_url("KVM@TACC") == "https://kvm.tacc.chameleoncloud.org"


def test_a_project_for_the_reaper_is_opened_as_a_site_is(cloud, http, clock):
    assert clock.monotonic() == 0
    auth = credentials(http).auth
    cloud(dict(auth), auth_type="v3password", region_name="CHI@Http")
    found = connect_project("CHI@Http", cloud="mine", project="CHI-1")
    assert (found.name, found.project_id) == ("CHI@Http", "p1")
    with pytest.raises(UsageError, match="is of project CHI-2"):
        connect_project("CHI@Http", cloud="mine", project="CHI-2")
