from __future__ import annotations

import pytest

from chi_helpers.sites import waiting
from chi_helpers.sites.credentials import Credentials
from chi_helpers.sites.session import open_session
from tests.support.http_project import furnish
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
    return found


@pytest.fixture
def project(http, clock):
    furnish(http)
    return http


@pytest.fixture
def session(http, clock):
    return open_session(credentials(http))


def credentials(http, **changes):
    auth = {"auth_url": f"{http.url}/v3", "username": "sam", "password": "x", "user_domain_name": "chameleon"}
    auth |= {"project_name": "CHI-1", "project_domain_name": "chameleon"}
    return Credentials(
        **({"auth_type": "v3password", "auth": auth, "region": "CHI@Http", "source": "a test"} | changes)
    )
