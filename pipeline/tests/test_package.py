"""What is served is put together only of what passed the gate, and is looked at before it is served."""

from __future__ import annotations

import json

import numpy as np
import pytest

from groceries import drift, package, store
from groceries.errors import RefusedError, WrongFileError
from tests.support import PARAMS, orders


def decided(run, path, **changes):
    path.write_text(
        json.dumps({"accepted": True, "version": store.card(run.models / "linear").version, **changes})
    )
    return path


def made(run, tmp_path, **changes):
    gate = decided(run, tmp_path / "gate.json", **changes)
    package.package(run.models / "linear", gate, run.orders, run.features, tmp_path / "package", PARAMS)
    return tmp_path / "package"


def test_a_package_comes_back_with_all_that_serving_needs(run, tmp_path):
    whole = package.load(made(run, tmp_path))
    assert whole.serving.cities == PARAMS.cities
    assert len(whole.serving.examples) == len(whole.serving.minutes) == package.EXAMPLES
    assert whole.serving.reference.keys() == set(drift.WATCHED)
    assert "service_minutes" not in whole.serving.ranges


def test_the_same_is_put_together_again(run, tmp_path):
    (tmp_path / "again").mkdir()
    first, second = made(run, tmp_path), made(run, tmp_path / "again")
    assert package.manifest(first) == package.manifest(second)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"accepted": False}, RefusedError, "the gate refused it"),
        ({"version": "another"}, WrongFileError, "is about another"),
    ],
)
def test_what_did_not_pass_the_gate_is_not_packed(run, tmp_path, changes, error, says):
    with pytest.raises(error, match=says):
        made(run, tmp_path, **changes)
    assert not (tmp_path / "package").exists()


def test_examples_that_come_out_otherwise_are_told(run, tmp_path):
    folder = made(run, tmp_path)
    serving = json.loads((folder / package.SERVING).read_text())
    serving["minutes"][3] += 0.01
    (folder / package.SERVING).write_text(json.dumps(serving))
    with pytest.raises(WrongFileError, match="its examples come out otherwise"):
        package.load(folder)
    (folder / package.SERVING).write_text("{}")
    with pytest.raises(WrongFileError, match="is not what `package` writes"):
        package.load(folder)


def test_psi_is_small_for_the_same_world_and_large_for_another():
    crates = orders(8192)["crates"].to_numpy()
    before = drift.reference(crates)
    assert drift.psi(before, orders(8192, seed=8)["crates"].to_numpy()) < 0.01
    assert drift.psi(before, crates * 2) > drift.DRIFTED
    metres = orders(8192)["parking_m"].to_numpy()
    assert len(drift.reference(metres).shares) == drift.BINS
    assert drift.psi(drift.reference(metres), metres[:4000] * 3.28) > drift.DRIFTED


def test_psi_of_two_bins_is_the_sum_that_it_says():
    before = drift.reference(np.array([0.0] * 50 + [1.0] * 50))
    found = drift.psi(before, np.array([0.0] * 80 + [1.0] * 20))
    assert found == pytest.approx(0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5))
