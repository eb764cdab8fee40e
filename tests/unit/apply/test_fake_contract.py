"""The site in memory keeps the contract that the real one is held to in tests/site/test_contract.py."""

from __future__ import annotations

import pytest

from tests.support.fake_site import FakeSite
from tests.support.site_contract import SiteContract


class TestFakeSite(SiteContract):
    @pytest.fixture
    def site_(self):
        return FakeSite()

    @pytest.fixture
    def person(self):
        return "sam"
