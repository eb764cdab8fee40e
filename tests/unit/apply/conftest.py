from __future__ import annotations

import pytest

from chi_helpers.apply import trust
from chi_helpers.lab import Lab
from chi_helpers.sites import waiting
from tests.support.fake_site import FakeSite
from tests.unit.plan.labs import lab


class Clock:
    """Time passes only in pauses."""

    def __init__(self):
        self._now = 0.0

    def monotonic(self):
        return self._now

    def sleep(self, seconds):
        self._now += seconds


@pytest.fixture
def site_():
    return FakeSite()


@pytest.fixture(autouse=True)
def _no_network_no_waiting(monkeypatch, tmp_path):
    """SSH answers at once, pauses take no time, the state is the test's own."""
    monkeypatch.setattr(trust, "_answers", lambda *_: None)
    monkeypatch.setattr(waiting, "time", Clock())
    monkeypatch.setenv("CHI_LAB_STATE", str(tmp_path))


@pytest.fixture
def a_lab(site_):
    """`a_lab(spec)`: a Lab on the site in memory, with that site's clock."""

    def make(spec=None, owner="sam"):
        return Lab(spec or lab(), owner, lambda: site_)

    return make
