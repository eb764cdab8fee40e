"""A session is of the credentials that were chosen, and patient with a busy site where it only looks."""

from __future__ import annotations

import logging

import chi
import pytest
from chi import context

from chi_helpers.model.errors import SiteError
from chi_helpers.sites.session import configure_chi, open_session
from tests.support.http_site import HttpSite
from tests.unit.sites.conftest import REQUEST, credentials, sent

SERVERS = "/compute/v2.1/servers"


def test_project_and_user_are_those_that_keystone_says(logged_in):
    assert (logged_in.project_id, logged_in.user_id) == ("p1", "u1")
    assert logged_in.credentials.source == "a test"


def test_a_session_is_logged_in_and_not_only_prepared(services):
    before = len(sent(services.site, "POST", "/v3/auth/tokens"))
    open_session(credentials(services.site))
    assert len(sent(services.site, "POST", "/v3/auth/tokens")) > before


def test_the_request_id_of_the_last_answer_of_blazar_is_kept(services, logged_in):
    """Those of blazarclient's errors are lost."""
    services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, REQUEST), (404, {}, {})]
    logged_in.blazar.get("/leases")
    assert logged_in.blazar.last_request_id == "req-9"
    logged_in.blazar.get("/leases", raise_exc=False)
    assert logged_in.blazar.last_request_id is None


def test_a_request_without_an_answer_has_no_request_id(services, logged_in):
    services.site.routes["GET", "/blazar/leases"] = [(200, {"leases": []}, REQUEST), (500, {}, {})]
    logged_in.blazar.get("/leases")
    with pytest.raises(Exception, match="500"):
        logged_in.blazar.get("/leases")
    assert logged_in.blazar.last_request_id is None


class TestPatience:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_look_is_repeated_three_times_also_one_of_python_chis_own(self, services, logged_in, status):
        services.refuse("GET", f"{SERVERS}/detail", *[(status, {}, {})] * 3)
        assert logged_in.project_id == "p1"
        assert chi.nova().servers.list() == []
        assert len(sent(services.site, "GET", f"{SERVERS}/detail")) == 4

    def test_the_fourth_refusal_of_a_look_stands(self, services, logged_in):
        services.refuse("GET", f"{SERVERS}/detail", *[(503, {}, {})] * 4)
        assert logged_in.project_id == "p1"
        with pytest.raises(Exception, match="503"):
            chi.nova().servers.list()

    @pytest.mark.parametrize("status", [503, 504])
    def test_a_request_that_changes_something_is_never_repeated(self, services, logged_in, status):
        services.refuse("POST", SERVERS, (status, {}, {}))
        answer = logged_in.conn.compute.post("/servers", json={"server": {}})
        assert answer.status_code == status
        assert len(sent(services.site, "POST", SERVERS)) == 1

    def test_blazar_is_asked_once_since_retry_after_is_waited_for_elsewhere(self, services, logged_in):
        services.site.routes["GET", "/blazar/leases"] = [(503, {}, {})]
        with pytest.raises(Exception, match="503"):
            logged_in.blazar.get("/leases")
        assert len(sent(services.site, "GET", "/blazar/leases")) == 1


class TestRegions:
    """A catalog of two regions, and of two interfaces in each."""

    @pytest.fixture
    def elsewhere(self, services, monkeypatch):
        plain = HttpSite._token

        def token(site):
            made = plain(site)
            for service in made["token"]["catalog"]:
                [here] = service["endpoints"]
                away = here | {
                    "region": "CHI@Away",
                    "region_id": "CHI@Away",
                    "url": "http://127.0.0.1:1/away",
                }
                inside = here | {"interface": "internal", "url": f"{here['url']}/inside"}
                service["endpoints"] = [away, inside, here]
            return made

        monkeypatch.setattr(HttpSite, "_token", token)
        return services.site

    def test_the_services_of_the_credentials_region_are_asked(self, elsewhere):
        session = open_session(credentials(elsewhere))
        assert session.conn.compute.get_endpoint().startswith(f"{elsewhere.url}/compute/v2.1")
        assert session.blazar.get_endpoint() == f"{elsewhere.url}/blazar"
        assert not session.conn.compute.get_endpoint().endswith("inside")

    def test_the_services_of_the_credentials_interface_are_asked(self, elsewhere):
        session = open_session(credentials(elsewhere, interface="internal"))
        assert session.blazar.get_endpoint().endswith("/blazar/inside")
        assert session.conn.config.get_interface("compute") == "internal"


class TestPythonChi:
    def test_all_options_of_the_plugin_are_those_of_the_credentials_and_none_of_the_environment(
        self, http, monkeypatch
    ):
        """python-chi takes what is absent from any OS_* variable."""
        monkeypatch.setenv("OS_USER_ID", "somebody")
        configure_chi(credentials(http, cacert="/ca.pem", insecure=True, interface="internal"))
        wanted = {
            "auth_type": "v3password",
            "auth_url": f"{http.url}/v3",
            "username": "sam",
            "project_name": "CHI-1",
            "user_id": None,
            "project_id": None,
            "region_name": "CHI@Http",
            "interface": "internal",
            "cafile": "/ca.pem",
            "insecure": True,
            "timeout": 120,
        }
        assert {key: context.get(key) for key in wanted} == wanted

    def test_what_another_login_left_is_taken_away(self, http):
        configure_chi(credentials(http))
        configure_chi(credentials(http, auth=dict(credentials(http).auth) | {"project_name": None}))
        assert context.get("project_name") is None
        assert (context.get("cafile"), context.get("insecure")) == (None, False)


def test_neutronclients_complaint_of_its_age_is_silent():
    assert not logging.getLogger("neutronclient.v2_0.client").isEnabledFor(logging.WARNING)


def test_a_login_that_fails_says_with_what(http, clock):
    assert clock.monotonic() == 0
    incomplete = {k: v for k, v in credentials(http).auth.items() if k != "auth_url"}
    with pytest.raises(SiteError, match=r"^Cannot log in with a test: .*auth_url"):
        open_session(credentials(http, auth=incomplete))
