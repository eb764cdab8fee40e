from __future__ import annotations

import pytest

from tests.unit.reap.worlds import World


@pytest.fixture
def world(tmp_path, monkeypatch):
    """`world(count)`: that many projects, and an empty state."""
    monkeypatch.setenv("CHI_LAB_STATE", str(tmp_path / "state"))
    return lambda count=1: World(tmp_path, count)
