from __future__ import annotations

import subprocess

import pytest

from chi_helpers.sites import waiting
from chi_helpers.sites.credentials import Credentials
from chi_helpers.sites.session import open_session
from tests.support.http_project import furnish
from tests.support.http_services import Services
from tests.support.http_site import http_site
from tests.unit.apply.conftest import Clock


@pytest.fixture
def http():
    with http_site() as site:
        yield site


@pytest.fixture
def clock(monkeypatch):
    """Pauses take no time."""
    found = Clock()
    monkeypatch.setattr(waiting, "time", found)
    monkeypatch.setattr("keystoneauth1.session.time", found)
    return found


@pytest.fixture
def project(http, clock):
    furnish(http)
    return http


@pytest.fixture
def session(http, clock):
    return open_session(credentials(http))


@pytest.fixture
def services(http, clock):
    """All services of a site, each with a state, behind `http`."""
    return Services(http)


@pytest.fixture
def logged_in(services):
    return open_session(credentials(services.site))


@pytest.fixture(scope="session")
def ssh_key(tmp_path_factory):
    """A private key without a passphrase, and its public half beside it."""
    file = tmp_path_factory.mktemp("ssh") / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file


def credentials(http, **changes):
    auth = {"auth_url": f"{http.url}/v3", "username": "sam", "password": "x", "user_domain_name": "chameleon"}
    auth |= {"project_name": "CHI-1", "project_domain_name": "chameleon"}
    return Credentials(
        **({"auth_type": "v3password", "auth": auth, "region": "CHI@Http", "source": "a test"} | changes)
    )


def sent(http, method, path):
    """Bodies of the requests of this method at this path, whatever their query."""
    return [body for m, asked, body in http.requests if (m, asked.partition("?")[0]) == (method, path)]


def neutron_says(status, kind, message):
    """An answer with which Neutron refuses."""
    return status, {"NeutronError": {"type": kind, "message": message, "detail": ""}}, REQUEST


def nova_says(status, message):
    """An answer with which Nova refuses."""
    return status, {"computeFault": {"code": status, "message": message}}, REQUEST


LOST: tuple[int, dict[str, str], dict[str, str]] = (504, {}, {})
"""What a gateway says that gave up waiting: whether the request had an effect is unknown."""
REQUEST = {"x-openstack-request-id": "req-9"}
