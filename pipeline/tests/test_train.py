"""Models are trained on what is not held out, and stored with what they were made from."""

from __future__ import annotations

import functools
import json
import os
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import skops.io

from groceries import features, store, tables, train
from groceries.errors import WrongFileError
from groceries.truth import expected_minutes
from tests.support import PARAMS, orders


def test_the_card_says_what_the_model_was_made_from(run):
    card = store.card(run.models / "boosting")
    assert card.data_version == tables.version(run.features)
    assert card.params == PARAMS.models.boosting.model_dump()
    assert card.rows == (~pq.read_table(run.features)["held_out"].to_numpy()).sum()
    assert card.libraries.keys() == {"numpy", "scikit-learn", "skops", "xgboost"}


@pytest.mark.parametrize("name", ["fixed", "linear", "boosting"])
def test_training_again_gives_the_same_model(run, tmp_path, name):
    train.train(run.features, tmp_path, name, PARAMS.models, PARAMS.train, chunk=5000)
    seen = features.matrix(pq.read_table(run.features).slice(0, 500).combine_chunks().to_batches()[0])
    before, after = store.load(run.models / name), store.load(tmp_path)
    assert before.predict(seen).tolist() == after.predict(seen).tolist()
    assert store.card(tmp_path).version == store.card(run.models / name).version


def test_another_parameter_is_another_version(run, tmp_path):
    other = PARAMS.models.model_copy(
        update={"linear": PARAMS.models.linear.model_copy(update={"alpha": 2.0})}
    )
    train.train(run.features, tmp_path, "linear", other, PARAMS.train)
    assert store.card(tmp_path).version != store.card(run.models / "linear").version


def test_nothing_held_out_is_learnt(run, tmp_path):
    """The answers of the held-out routes are replaced with nonsense: the model stays the same."""
    table = pq.read_table(run.features)
    held, minutes = table["held_out"].to_numpy(), table["service_minutes"].to_numpy()
    spoilt = table.set_column(
        table.schema.get_field_index("service_minutes"), "service_minutes", [np.where(held, 1e6, minutes)]
    )
    pq.write_table(spoilt, tmp_path / "f.parquet")
    train.train(tmp_path / "f.parquet", tmp_path, "linear", PARAMS.models, PARAMS.train)
    seen = features.matrix(table.slice(0, 500).combine_chunks().to_batches()[0])
    before, after = store.load(run.models / "linear"), store.load(tmp_path)
    assert before.predict(seen).tolist() == after.predict(seen).tolist()


def test_of_more_rows_than_allowed_a_fair_part_is_taken(run, tmp_path):
    plan = PARAMS.train.model_copy(update={"max_rows": 10_000})
    rows = train.train(run.features, tmp_path, "fixed", PARAMS.models, plan).rows
    assert rows == pytest.approx(8_000, abs=4 * np.sqrt(8_000))


def test_boosted_trees_come_near_the_truth(run):
    """Their error is at most 8 % above that of the truth itself, which nothing can beat."""
    made = orders(40_000)
    held = pq.read_table(run.features)["held_out"].to_numpy()
    off = np.abs(made["service_minutes"] - expected_minutes(made, PARAMS.drift))[held].mean()
    errors = {name: report.overall.mae for name, report in run.reports.items()}
    assert off < errors["boosting"] < 1.08 * off < errors["linear"] < errors["fixed"]


def copied(run, tmp_path, name="boosting"):
    return shutil.copytree(run.models / name, tmp_path / name)


def test_a_model_that_would_run_code_is_not_read(run, tmp_path):
    folder = copied(run, tmp_path, "linear")
    model = store.load(folder)
    model.steps[-1][1].trap = functools.partial(os.system, "true")
    skops.io.dump(model, folder / store.MODEL)
    with pytest.raises(WrongFileError, match=r"posix\.system"):
        store.load(folder)


def test_a_damaged_or_missing_model_is_told(run, tmp_path):
    folder = copied(run, tmp_path)
    (folder / store.MODEL).write_bytes(b"PK")
    with pytest.raises(WrongFileError, match="not a sound skops file"):
        store.load(folder)
    skops.io.dump({"lightgbm": ""}, folder / store.MODEL)
    with pytest.raises(WrongFileError, match="not a sound skops file"):
        store.load(folder)
    (folder / store.MODEL).unlink()
    with pytest.raises(WrongFileError, match="cannot be read"):
        store.load(folder)


def test_a_card_changed_by_hand_is_told(run, tmp_path):
    folder = copied(run, tmp_path)
    card = json.loads((folder / store.CARD).read_text())
    (folder / store.CARD).write_text(json.dumps({**card, "rows": 1}))
    with pytest.raises(WrongFileError, match="says version"):
        store.card(folder)
    (folder / store.CARD).write_text("{}")
    with pytest.raises(WrongFileError, match="not a model's card"):
        store.card(folder)
