from __future__ import annotations

import os

import pytest

from tests.support.fake_terraform import FakeTerraform
from tests.support.terraform_site import TerraformSite


@pytest.fixture
def fake_terraform(tmp_path, monkeypatch):
    """A site in memory, `site`, and first on PATH a Terraform that makes things there."""
    fake = FakeTerraform(TerraformSite())
    with fake.served(tmp_path / "programs"):
        monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
        yield fake
