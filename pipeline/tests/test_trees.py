"""Boosted trees are read as they were written, and nothing else is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import skops.io

from groceries import store, trees
from groceries.errors import WrongFileError
from groceries.features import CATEGORIES, FEATURES

SEEN = np.random.default_rng(7).uniform(0, 4, (500, len(FEATURES))).astype(np.float32).round(1)
SEEN[:, [FEATURES.index(name) for name in CATEGORIES]] //= 1


@pytest.fixture(scope="module")
def written(run):
    return trees.write(store.load(run.models / "boosting"))


def named(document):
    """The first tree with a node that splits by name, and that node."""
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        if tree["categories_nodes"]:
            return tree, tree["categories_nodes"][0]
    raise AssertionError("no tree splits by name")


def changed(written, change):
    document = json.loads(written)
    change(document)
    return json.dumps(document)


def tree(field, value, place=0):
    """Change a value of the first tree."""

    def change(document):
        found = document["learner"]["gradient_booster"]["model"]["trees"][0]
        assert found[field][place] != value
        found[field][place] = value

    return change


def part(path, value):
    """Change, or add, what stands at a path of the document."""

    def change(document):
        *sections, name = path.split(".")
        for section in sections:
            document = document[int(section) if section.isdigit() else section]
        document[name] = value

    return change


def dropped(document):
    document["learner"]["gradient_booster"]["model"]["trees"].pop()


def unnamed(document):
    """A node that splits by name has no names."""
    found, _ = named(document)
    for field in ("categories_nodes", "categories_segments", "categories_sizes"):
        found[field].pop()


def endless(document):
    """Names that reach beyond the list of names."""
    found, _ = named(document)
    found["categories_sizes"][-1] += 1000


def large(document):
    found, _ = named(document)
    found["categories"][0] = 2**31 - 1


def shared(document):
    """Two nodes with the same children: a way round for whoever goes through all."""
    found = document["learner"]["gradient_booster"]["model"]["trees"][0]
    found["left_children"][2], found["right_children"][2] = (
        found["left_children"][1],
        found["right_children"][1],
    )


def test_what_was_written_predicts_the_same(written):
    before = trees.read(written, len(FEATURES))
    after = trees.read(trees.write(before), len(FEATURES))
    assert trees.write(after) == written
    assert before.predict(SEEN).tolist() == after.predict(SEEN).tolist()


def test_some_trees_split_by_name(written):
    """Or else nothing here would be about them."""
    found, node = named(json.loads(written))
    assert FEATURES[found["split_indices"][node]] in CATEGORIES


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (tree("left_children", 10**6), "points outside"),
        (tree("left_children", 10**12), "points outside"),
        (tree("right_children", 0), "points outside"),
        (tree("right_children", -1), "points outside"),
        (tree("right_children", -5), "right_children"),
        (tree("parents", 0), "points outside"),
        (tree("parents", 3, place=1), "points outside"),
        (tree("split_indices", len(FEATURES)), "points outside"),
        (tree("split_indices", -1), "split_indices"),
        (tree("split_type", 2), "split_type"),
        (shared, "points outside"),
        (unnamed, "its names do not belong"),
        (endless, "its names do not belong"),
        (large, "categories"),
        (dropped, "number of trees"),
        (part("learner.gradient_booster.model.trees.0.sum_hessian", [1.0]), "not of one length"),
        (part("learner.gradient_booster.model.trees.0.left_children", []), "left_children"),
        (part("learner.gradient_booster.model.trees.0.tree_param.num_nodes", "3"), "not of one length"),
        (part("learner.gradient_booster.model.trees.0.tree_param.num_feature", "99"), "points outside"),
        (part("learner.gradient_booster.model.trees.0.more", 1), "more"),
        (part("learner.learner_model_param.num_feature", "99"), "not for 12 features"),
        (part("learner.learner_model_param.base_score", "[a]"), "base_score"),
        (part("learner.gradient_booster.name", "dart"), "name"),
        (part("learner.objective.name", "multi:softmax"), "objective"),
        (part("learner.gradient_booster.model.tree_info", [0, 7]), "tree_info"),
        (part("learner.feature_types", "c"), "feature_types"),
        (part("learner.feature_types", ["c"]), "not for 12 features"),
    ],
)
def test_what_was_tampered_with_is_not_read(written, change, says):
    with pytest.raises(ValueError, match=says):
        trees.read(changed(written, change), len(FEATURES))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "null", "\0"])
def test_what_is_something_else_is_not_read(text):
    with pytest.raises(ValueError, match=r"."):
        trees.read(text, len(FEATURES))


def test_whoever_loads_the_model_is_told(run, tmp_path, written):
    skops.io.dump({store.TREES: changed(written, shared)}, tmp_path / store.MODEL)
    (tmp_path / store.CARD).write_bytes((run.models / "boosting" / store.CARD).read_bytes())
    with pytest.raises(WrongFileError, match="points outside of itself"):
        store.load(tmp_path)
