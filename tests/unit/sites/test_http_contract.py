"""The real adapter keeps the contract over HTTP, against services in memory that are held to it with it."""

from __future__ import annotations

import pytest

from chi_helpers.sites.site import ChameleonSite
from tests.support.site_contract import SiteContract


class TestHttpSite(SiteContract):
    @pytest.fixture
    def site_(self, logged_in) -> ChameleonSite:
        return ChameleonSite(logged_in)

    @pytest.fixture
    def person(self) -> str:
        return "sam"

    @pytest.fixture(autouse=True)
    def _pair(self, ssh_key, monkeypatch):
        monkeypatch.setenv("OS_KEYPAIR_NAME", "sam-key")
        monkeypatch.setenv("OS_KEYPAIR_PRIVATE_KEY", str(ssh_key))
