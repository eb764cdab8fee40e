"""The models that are compared: today's plan, a line, and boosted trees."""

from __future__ import annotations

from typing import Any, get_args

from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from groceries.features import CATEGORIES, FEATURES
from groceries.params import ModelName, Models

NAMES: tuple[ModelName, ...] = get_args(ModelName)


def build(name: ModelName, params: Models, seed: int) -> Any:
    """An estimator of scikit-learn, not trained. Its input is a matrix with the columns of FEATURES."""
    named = [FEATURES.index(category) for category in CATEGORIES]
    if name == "fixed":
        return DummyRegressor(strategy="constant", constant=params.fixed.minutes)
    if name == "linear":
        measured = [n for n in range(len(FEATURES)) if n not in named]
        prepare = ColumnTransformer(
            [
                ("named", OneHotEncoder(handle_unknown="ignore"), named),
                ("measured", StandardScaler(), measured),
            ]
        )
        return make_pipeline(prepare, Ridge(alpha=params.linear.alpha))
    boosting = params.boosting
    return HistGradientBoostingRegressor(
        max_iter=boosting.max_iter,
        learning_rate=boosting.learning_rate,
        max_leaf_nodes=boosting.max_leaf_nodes,
        l2_regularization=boosting.l2,
        categorical_features=named,
        early_stopping=False,  # it would set rows aside a second time
        random_state=seed,
    )
