"""The real site keeps the contract; the one in memory, which the unit tests use, is held to the same."""

from __future__ import annotations

import pytest

from chi_helpers.sites import connect
from tests.support.site_contract import SiteContract

pytestmark = pytest.mark.site


class TestChameleonSite(SiteContract):
    @pytest.fixture
    def site_(self, student, monkeypatch):
        for name, value in student.env.items():
            monkeypatch.setenv(name, value)
        return connect(student.site.region)

    @pytest.fixture
    def person(self, student):
        return student.owner
