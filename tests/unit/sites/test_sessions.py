"""Several sessions in one process: python-chi keeps its context in globals, and each must be its own all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chi_helpers.sites.session import open_session
from tests.support.http_site import http_site
from tests.unit.sites.conftest import credentials


@pytest.mark.usefixtures("clock")
def test_those_that_log_in_at_once_do_not_get_each_others_credentials(http):
    """The reaper works on several projects and sites in one run."""
    with http_site() as other, ThreadPoolExecutor(6) as pool:
        wanted = [credentials((http, other)[n % 2], source=f"cloud {n}") for n in range(24)]
        found = list(pool.map(open_session, wanted))
    assert [s.conn.session.auth.auth_url for s in found] == [w.auth_url for w in wanted]
    assert [s.credentials.source for s in found] == [w.source for w in wanted]
