"""Terraform with its provider keeps the contract; the fake, which the unit tests use, is held to the same.

On the site with volumes; nobody logs in, so that it need not have machines.
"""

from __future__ import annotations

import pytest

from chi_helpers.sites import connect
from tests.support.terraform_contract import TerraformContract

pytestmark = [pytest.mark.site, pytest.mark.nightly(part="terraform")]


@pytest.mark.usefixtures("provided")
class TestTerraform(TerraformContract):
    @pytest.fixture
    def site(self, full_site):
        return full_site

    @pytest.fixture
    def site_(self, networker, monkeypatch):
        for name, value in networker.env.items():
            monkeypatch.setenv(name, value)
        return connect(networker.site.region)

    @pytest.fixture
    def person(self, networker):
        return networker.owner
