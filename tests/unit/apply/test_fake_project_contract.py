"""The project in memory keeps the contract that the real one is held to in tests/site/test_inventory.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chi_helpers.model.inventory import Kind, Ref
from tests.support.fake_project import FakeProject
from tests.support.reap_contract import ReapContract


class TestFakeProject(ReapContract):
    @pytest.fixture
    def site_(self):
        return FakeProject()

    @pytest.fixture
    def make(self, site_):
        def made(kind, name, stamp):
            fields = {"stamp": stamp}
            if kind is Kind.LEASE:
                fields |= {"start": site_.now, "end": site_.now + timedelta(hours=1)}
            if kind is Kind.SNAPSHOT:
                fields |= {"volume": site_.make(Kind.VOLUME, f"of-{name}").id}
            if kind in (Kind.SUBNET, Kind.PORT):
                fields |= {"network": site_.make(Kind.NETWORK, f"net-{name}").id}
            return site_.make(kind, name, **fields).id

        return made

    @pytest.fixture
    def lock(self, site_):
        def locked(identity):
            site_.things[Ref(Kind.INSTANCE, identity)].locked = True

        return locked

    @pytest.fixture
    def pause(self, site_):
        return site_.sleep
