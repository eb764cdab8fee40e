"""Boosted trees are trained on a GPU where there is one, and nobody is told that they were where they were not.

No GPU is needed: what XGBoost would do with one, a stand-in says. The card of a model says what XGBoost did.
"""

from __future__ import annotations

import json
import re

import pytest
import xgboost
from xgboost.core import XGBoostError

from groceries import device, models, store, train
from groceries.errors import PipelineError
from tests.support import PARAMS, PROJECT, stage

REASON = "there is none"


@pytest.fixture
def without(monkeypatch):
    monkeypatch.setattr(device, "find", lambda: device.Found("cpu", REASON))


@pytest.fixture
def with_one(monkeypatch):
    monkeypatch.setattr(device, "find", lambda: device.Found("cuda", ""))


def plan(wanted):
    return PARAMS.train.model_copy(update={"device": wanted})


@pytest.mark.usefixtures("without")
def test_without_a_gpu_the_processor_is_taken_unless_a_gpu_is_asked_for():
    assert device.choose("auto") == device.choose("cpu") == "cpu"
    with pytest.raises(PipelineError, match=f"cuda is asked for, and {REASON}"):
        device.choose("cuda")


@pytest.mark.usefixtures("with_one")
def test_with_a_gpu_it_is_taken_unless_the_processor_is_asked_for():
    assert device.choose("auto") == device.choose("cuda") == "cuda"
    assert device.choose("cpu") == "cpu"


def test_the_xgboost_that_the_tests_have_says_why_it_uses_none():
    found = device.find()
    assert found.device == "cpu"
    assert "requirements-cuda.txt" in found.reason


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (None, "finds no GPU"),
        ("[12:00:00] cudaErrorInsufficientDriver: driver too old\nStack trace:", "driver too old$"),
    ],
)
def test_with_cuda_and_no_gpu_that_works_it_says_why(monkeypatch, says, reason):
    def fit(self, *_arguments):
        if says:
            raise XGBoostError(says)
        return fitted(self, *_arguments)

    fitted = xgboost.XGBRegressor.fit
    monkeypatch.setattr(xgboost, "build_info", lambda: {"USE_CUDA": True})
    monkeypatch.setattr(xgboost.XGBRegressor, "fit", fit)
    found = device.find()
    assert found.device == "cpu"
    assert re.search(reason, found.reason)


def test_what_was_used_is_xgboost_s_word(monkeypatch, run):
    model = store.load(run.models / "boosting")
    booster = model.get_booster()
    settings = json.loads(booster.save_config())
    settings["learner"]["generic_param"]["device"] = "cuda:0"
    monkeypatch.setattr(booster, "save_config", lambda: json.dumps(settings))
    monkeypatch.setattr(model, "get_booster", lambda: booster)
    assert device.used(model) == "cuda"


@pytest.mark.usefixtures("with_one")
@pytest.mark.filterwarnings("ignore:.*Device is changed from GPU to CPU")
def test_a_model_that_was_to_be_trained_on_a_gpu_and_was_not_does_not_say_so(run, tmp_path):
    card = train.train(run.features, tmp_path, "boosting", PARAMS.models, plan("auto"))
    assert card.device == store.card(tmp_path).device == "cpu"


@pytest.mark.usefixtures("with_one")
def test_a_gpu_that_fails_is_told_with_what_to_do(run, tmp_path, monkeypatch):
    def build(*_arguments):
        class Failing:
            def fit(self, *_arguments):
                raise XGBoostError("[12:00:00] cudaErrorMemoryAllocation: out of memory\nStack trace:")

        return Failing()

    monkeypatch.setattr(models, "build", build)
    with pytest.raises(PipelineError, match=r"out of memory\nTake fewer rows") as raised:
        train.train(run.features, tmp_path, "boosting", PARAMS.models, plan("auto"))
    assert "train.device=cpu" in raised.value.do
    assert not (tmp_path / store.MODEL).exists()


def test_only_boosted_trees_ask_for_a_gpu(run, tmp_path, monkeypatch):
    monkeypatch.setattr(device, "choose", lambda wanted: pytest.fail(f"asked for {wanted}"))
    assert train.train(run.features, tmp_path, "linear", PARAMS.models, plan("cuda")).device == "cpu"


def test_the_command_says_what_there_is():
    found = stage("device")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("cpu: the XGBoost that is installed knows no CUDA")
    assert json.loads(stage("device", "--json").stdout)["device"] == "cpu"


def test_a_gpu_that_is_asked_for_and_missing_stops_the_stage_before_anything_is_written(run, tmp_path):
    text = (PROJECT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("device: auto", "device: cuda"))
    done = stage(
        *("--params", tmp_path / "params.yaml", "train", "boosting"),
        *("--features", run.features, "--out", tmp_path / "model"),
    )
    assert done.returncode == 2
    assert "train.device: cuda is asked for" in done.stderr
    assert "train.device=auto" in done.stderr
    assert not (tmp_path / "model").exists()
