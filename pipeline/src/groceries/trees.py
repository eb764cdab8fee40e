"""Boosted trees of XGBoost: grown on a processor or a GPU, and written so that any of them can read them.

XGBoost's own format is JSON and, unlike a pickle, good for later versions. XGBoost follows what a file says
without looking: of one that was tampered with it would read any memory, or go in circles. So a file is looked
through first, and what this pipeline does not write is refused.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from xgboost import XGBRegressor
from xgboost.core import XGBoostError

from groceries.device import first_line

ROOT = 2**31 - 1
"""XGBoost's parent of a node without one."""

MOST_CATEGORIES = 2**16


def write(model: XGBRegressor) -> str:
    """The trees of a trained model, as XGBoost writes them: JSON."""
    return bytes(model.get_booster().save_raw("json")).decode()


def read(text: str, features: int) -> XGBRegressor:
    """The model that `write` wrote, which takes so many features. It predicts on the processor.

    Raises ValueError, which says why, where it is anything else.
    """
    try:
        found = _File.model_validate_json(text)
        for tree in found.learner.gradient_booster.model.trees:
            _check(tree, features)
        learner = found.learner
        if not int(learner.learner_model_param.num_feature) == len(learner.feature_types) == features:
            raise ValueError(f"its trees are not for {features} features")
        model = XGBRegressor()
        model.load_model(bytearray(text, "utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except XGBoostError as error:
        raise ValueError(first_line(error)) from error
    return model


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


Node = Annotated[int, Field(ge=-1)]
Count = Annotated[int, Field(ge=0)]
Flag = Annotated[int, Field(ge=0, le=1)]
Number = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]


class _Size(_Part):
    num_deleted: Literal["0"]
    num_feature: Number
    num_nodes: Number
    size_leaf_vector: Literal["1"]


class _Tree(_Part):
    """A tree: each list has a place for each node; `categories` those names that go right."""

    id: Count
    tree_param: _Size
    left_children: Annotated[list[Node], Field(min_length=1)]
    right_children: list[Node]
    parents: list[Count]
    split_indices: list[Count]
    split_conditions: list[float]
    split_type: list[Flag]
    default_left: list[Flag]
    base_weights: list[float]
    loss_changes: list[float]
    sum_hessian: list[float]
    categories: list[Annotated[int, Field(ge=0, lt=MOST_CATEGORIES)]]
    categories_nodes: list[Count]
    categories_segments: list[Count]
    categories_sizes: list[Annotated[int, Field(gt=0)]]


class _Names(_Part):
    """What XGBoost knows of the names in a data frame: nothing, since it is given numbers."""

    enc: Annotated[list[Any], Field(max_length=0)]
    feature_segments: Annotated[list[Any], Field(max_length=0)]
    sorted_idx: Annotated[list[Any], Field(max_length=0)]


class _Number(_Part):
    num_parallel_tree: Literal["1"]
    num_trees: Number


class _Trees(_Part):
    cats: _Names
    gbtree_model_param: _Number
    iteration_indptr: list[Count]
    tree_info: list[Literal[0]]
    trees: list[_Tree]

    @model_validator(mode="after")
    def _counted(self) -> Self:
        number = len(self.trees)
        if not (
            int(self.gbtree_model_param.num_trees) == len(self.tree_info) == number
            and self.iteration_indptr == list(range(number + 1))
        ):
            raise ValueError("the number of trees is not what it says")
        return self


class _Booster(_Part):
    name: Literal["gbtree"]
    model: _Trees


class _Shape(_Part):
    base_score: Annotated[str, Field(pattern=r"^\[[-+.0-9Ee]{1,30}\]$")]
    boost_from_average: Literal["0", "1"]
    num_class: Literal["0"]
    num_feature: Number
    num_target: Literal["1"]


class _Weight(_Part):
    scale_pos_weight: str


class _Objective(_Part):
    name: Literal["reg:squarederror"]
    reg_loss_param: _Weight


class _Learner(_Part):
    attributes: dict[str, str]
    feature_names: Annotated[list[str], Field(max_length=0)]
    feature_types: list[Literal["c", "float"]]
    gradient_booster: _Booster
    learner_model_param: _Shape
    objective: _Objective


class _File(_Part):
    learner: _Learner
    version: tuple[int, int, int]


def _check(tree: _Tree, features: int) -> None:
    """Raises ValueError unless all nodes point to later ones of their tree and to features that there are."""
    left, right, parents, feature, named = (
        np.array(each)
        for each in (
            tree.left_children,
            tree.right_children,
            tree.parents,
            tree.split_indices,
            tree.split_type,
        )
    )
    size = len(left)
    lists: list[Sized] = [right, parents, feature, named, tree.default_left, tree.split_conditions]
    lists += [tree.base_weights, tree.loss_changes, tree.sum_hessian]
    if any(len(each) != size for each in lists) or int(tree.tree_param.num_nodes) != size:
        raise ValueError(f"tree {tree.id}: its lists are not of one length")
    number = np.arange(size)
    inner = left >= 0
    children = np.concatenate([left[inner], right[inner]])
    sound = (
        np.all((right >= 0) == inner)
        and np.all(np.minimum(left, right)[inner] > number[inner])
        # Every node but the root is the child of one, and knows of which.
        and np.array_equal(np.sort(children), number[1:])
        and np.array_equal(parents[children], np.tile(number[inner], 2))
        and parents[0] == ROOT
        and np.all(feature < features)
        and int(tree.tree_param.num_feature) == features
    )
    if not sound:
        raise ValueError(f"tree {tree.id}: points outside of itself")
    sizes, starts = np.array(tree.categories_sizes, int), np.array(tree.categories_segments, int)
    if not (
        tree.categories_nodes == np.flatnonzero(named).tolist()
        and np.all(inner[named != 0])
        and len(starts) == len(sizes) == len(tree.categories_nodes)
        and np.array_equal(starts, np.cumsum(sizes) - sizes)
        and len(tree.categories) == sizes.sum()
    ):
        raise ValueError(f"tree {tree.id}: its names do not belong to its nodes")
