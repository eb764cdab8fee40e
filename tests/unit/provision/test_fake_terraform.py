"""The fake Terraform keeps the contract that the real one is held to in tests/terraform/test_runner_contract.py."""

from __future__ import annotations

import pytest

from tests.support.terraform_contract import TerraformContract


class TestFakeTerraform(TerraformContract):
    @pytest.fixture
    def site_(self, fake_terraform):
        return fake_terraform.site

    @pytest.fixture
    def person(self):
        return "sam"
