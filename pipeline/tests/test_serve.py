"""The service, asked over a socket, with a real MLflow: what it answers, and what it does while MLflow is away."""

from __future__ import annotations

import json
import shutil
import threading
from types import SimpleNamespace

import pytest

from groceries import asked, package, store
from groceries.follower import Follower
from groceries.record import Record
from groceries.registry import Registry
from groceries.stops import Stop
from tests.servers import Door, ask, free_port, mlflow, service, until
from tests.support import PARAMS, orders

pytestmark = pytest.mark.slow

STOP = {
    "city": "northport",
    "stopped_at": "2025-11-03T17:05:00Z",
    "floor": 3,
    "lift": False,
    "stairs": 3,
    "crates": 8,
    "parking_m": 40.0,
    "driver_weeks": 5,
}


@pytest.fixture(scope="module")
def world(run, tmp_path_factory):
    """MLflow with two versions, v1 boosted trees and v2 a line, a door before it, and a service behind that."""
    root = tmp_path_factory.mktemp("serve")
    url, server = mlflow(root)
    with server:
        registry, door, port = Registry(url), Door(url), free_port()
        with service(root, door.url, port):
            base = f"http://127.0.0.1:{port}"
            empty = [ask(f"{base}/{path}") for path in ("healthz", "version")]
            empty.append(ask(f"{base}/predict", {"stops": [STOP]}))
            versions = [registered(registry, run, root, name) for name in ("boosting", "linear")]
            registry.promote(versions[0])
            until(lambda: ask(f"{base}/version")[0] == 200)
            yield SimpleNamespace(
                root=root, registry=registry, door=door, port=port, base=base, versions=versions, empty=empty
            )


def packaged(run, folder, name):
    gate = folder.with_suffix(".gate.json")
    gate.write_text(json.dumps({"accepted": True, "version": store.card(run.models / name).version}))
    package.package(run.models / name, gate, run.orders, run.features, folder, PARAMS)
    return folder


def registered(registry, run, root, name):
    folder = packaged(run, root / f"package-{name}", name)
    record = Record.start(registry, "test", name, None)
    record.files([], folder)
    return registry.add(
        record.run_id, git_commit="c" * 40, data_version="md5:1", mae=1.0, files=package.manifest(folder)
    )


def asked_for(rows, **changes):
    """Generated orders, as they would be asked for before the van leaves."""
    known = orders(rows, **changes)[list(Stop.model_fields)].to_dict("records")
    return [{**row, "stopped_at": row["stopped_at"].isoformat()} for row in known]


def serving(world, number):
    world.registry.promote(world.versions[number])
    name = world.versions[number].name
    until(lambda: ask(f"{world.base}/version")[1].get("name") == name)


def test_without_a_model_it_says_so(world):
    for status, body in world.empty:
        assert status == 503
        assert "no model is served" in body["detail"]


def test_it_predicts_what_the_model_says_and_names_the_version(world, run):
    serving(world, 0)
    stops = asked_for(50)
    status, answer = ask(f"{world.base}/predict", {"stops": stops})
    assert (status, answer["version"]) == (200, "v1")
    whole = package.load(world.root / "package-boosting")
    said = whole.minutes(whole.seen([Stop.model_validate(stop) for stop in stops]))
    assert answer["minutes"] == pytest.approx(said.tolist(), abs=1e-3)
    version = ask(f"{world.base}/version")[1]
    assert version["git_commit"] == "c" * 40
    assert version["data_version"] == "md5:1"


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        pytest.param({"city": "atlantis"}, ["stops", 1, "city"], "northport", id="unknown city"),
        pytest.param({"city": None}, ["stops", 1, "city"], "string", id="null"),
        pytest.param({"stopped_at": 1762189500}, ["stops", 1, "stopped_at"], "text", id="a number is no time"),
        pytest.param({"stopped_at": "2025-11-03T17:05:00"}, ["stops", 1, "stopped_at"], "timezone", id="no zone"),
        pytest.param({"floor": 41, "stairs": 41}, ["stops", 1, "floor"], "0 to 40", id="out of range"),
        pytest.param({"floor": 2.5}, ["stops", 1, "floor"], "integer", id="half a floor"),
        pytest.param({"crates": -1}, ["stops", 1, "crates"], "greater", id="negative"),
        pytest.param({"crates": 10**30}, ["stops", 1, "crates"], "less", id="huge"),
        pytest.param({"lift": 1}, ["stops", 1, "lift"], "boolean", id="a number is not true"),
        pytest.param({"parking_m": "40"}, ["stops", 1, "parking_m"], "number", id="text is no number"),
        pytest.param({"parking_m": float("nan")}, ["stops", 1, "parking_m"], "finite", id="not a number"),
        pytest.param({"stairs": 2}, ["stops", 1], "stairs contradict", id="stairs"),
        pytest.param({"service_minutes": 5}, ["stops", 1, "service_minutes"], "Extra", id="unknown field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(world, change, where, says):
    status, body = ask(f"{world.base}/predict", {"stops": [STOP, {**STOP, **change}]})
    assert status == 422
    [wrong] = body["detail"]
    assert wrong["loc"] == ["body", *where]
    assert says in wrong["msg"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"stops": []}, 422, id="no stop"),
        pytest.param({"stops": [STOP] * 1001}, 422, id="too many"),
        pytest.param({"stops": [STOP] * 1000}, 200, id="as many as may be"),
        pytest.param(b"x" * (1 << 20), 422, id="no JSON"),
        pytest.param(b"x" * ((1 << 20) + 1), 413, id="too large"),
        pytest.param([STOP], 422, id="a bare list"),
    ],
)
def test_a_request_is_bounded(world, body, status):
    assert ask(f"{world.base}/predict", body)[0] == status


def test_the_model_is_replaced_while_it_answers(world):
    """Every answer is of one version, whole; none is lost."""
    serving(world, 0)
    seen, wrong, done = set(), [], threading.Event()

    def keep_asking():
        while not done.is_set():
            status, body = ask(f"{world.base}/predict", {"stops": [STOP] * 20})
            if status != 200 or len(set(body["minutes"])) != 1:
                wrong.append((status, body))
            else:
                seen.add((body["version"], body["minutes"][0]))

    askers = [threading.Thread(target=keep_asking) for _ in range(3)]
    for each in askers:
        each.start()
    for number in (1, 0, 1, 0):
        serving(world, number)
    done.set()
    for each in askers:
        each.join()
    assert wrong == []
    assert sorted(version for version, _ in seen) == ["v1", "v2"]


@pytest.mark.parametrize(("mode", "says"), [("refuse", "RemoteDisconnected"), ("hang", "timed out")])
def test_while_the_registry_is_away_the_last_model_answers(world, mode, says):
    serving(world, 0)
    world.door.mode = mode
    try:
        health = until(lambda: says in str((found := ask(f"{world.base}/healthz"))[1]["registry"]) and found)
        assert health[0] == 200
        assert (health[1]["status"], health[1]["version"]) == ("stale", "v1")
        assert ask(f"{world.base}/predict", {"stops": [STOP]})[1]["version"] == "v1"
        assert "groceries_registry_error 1.0" in ask(f"{world.base}/metrics")[1]
    finally:
        world.door.mode = "open"
    serving(world, 1)  # it finds back by itself
    until(lambda: ask(f"{world.base}/healthz")[1]["status"] == "ok")


def test_it_starts_without_the_registry_from_what_it_kept(world):
    serving(world, 0)
    port, folder = free_port(), world.root / "again"
    shutil.copytree(world.root / "state", folder / "state")
    with (folder / "state" / "asked" / "asked.jsonl").open("a") as file:
        file.write('{"city": "north')
    with service(folder, "http://127.0.0.1:1", port):
        status, version = ask(f"http://127.0.0.1:{port}/version")
        assert (status, version["name"]) == (200, "v1")
        assert ask(f"http://127.0.0.1:{port}/drift")[1]["rows"] > 0  # and what was asked, up to a sudden end
    kept = folder / "state" / "models" / "v1" / store.MODEL
    kept.write_bytes(kept.read_bytes()[:-1])
    follower = Follower("http://127.0.0.1:1", folder / "state" / "models", 60)
    follower.start()
    follower.stop()
    follower.thread.join()
    assert follower.served is None
    assert "MLflow at http://127.0.0.1:1" in str(follower.trouble)


def test_a_version_that_was_tampered_with_is_not_served(world, run):
    serving(world, 0)
    version = registered(world.registry, run, world.root, "fixed")
    [stored] = (world.root / "artifacts").rglob(f"{version.run_id}/artifacts/package/{store.MODEL}")
    stored.write_bytes((run.models / "linear" / store.MODEL).read_bytes())
    world.registry.promote(version)
    health = until(lambda: (found := ask(f"{world.base}/healthz"))[1]["status"] == "stale" and found)
    assert health[1]["version"] == "v1"
    assert f"{version.name}: its artifacts are not those that were registered" in health[1]["registry"]
    assert ask(f"{world.base}/predict", {"stops": [STOP]})[1]["version"] == "v1"
    serving(world, 1)


def test_drift_is_told_of_stops_unlike_those_of_training(world):
    """A winter of crates: twice as many for each stop, and nothing else."""
    serving(world, 0)
    stops = asked_for(1000, seed=11)
    for _ in range(10):  # what was asked before is forgotten
        ask(f"{world.base}/predict", {"stops": stops})
    calm = ask(f"{world.base}/drift")[1]
    assert calm["rows"] == 10_000
    assert calm["drifted"] == []
    for stop in stops:
        stop["crates"] *= 2
    for _ in range(10):
        ask(f"{world.base}/predict", {"stops": stops})
    drifted = ask(f"{world.base}/drift")[1]["drifted"]
    assert {"crates", "crates_stairs", "crates_parking"} >= set(drifted) >= {"crates"}
    [gauge] = [
        line
        for line in ask(f"{world.base}/metrics")[1].splitlines()
        if line.startswith('groceries_drift_psi{feature="crates"}')
    ]
    assert float(gauge.split()[-1]) > 0.25


def test_what_was_asked_is_kept_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(asked, "BYTES", 10_000)
    kept = asked.Asked(tmp_path)
    for _ in range(20):
        kept.take([Stop.model_validate(STOP)] * 20, [1.0] * 20, "v1")
    kept.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 21_000
    assert 50 < len(asked.Asked(tmp_path)._stops) < 400


def test_requests_are_counted_by_path_and_status(world):
    ask(f"{world.base}/nowhere/{free_port()}")
    text = ask(f"{world.base}/metrics")[1]
    assert 'groceries_requests_total{path="other",status="404"}' in text
    assert 'groceries_requests_total{path="/predict",status="200"}' in text
    assert 'groceries_model{data_version="md5:1"' in text
    assert "groceries_predicted_minutes_bucket" in text
