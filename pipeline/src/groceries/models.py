"""The models that are compared: today's plan, a line, and boosted trees."""

from __future__ import annotations

from typing import Any, get_args

from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBRegressor

from groceries.device import Device
from groceries.features import CATEGORIES, FEATURES
from groceries.params import ModelName, Models

NAMES: tuple[ModelName, ...] = get_args(ModelName)


def build(name: ModelName, params: Models, seed: int, device: Device) -> Any:
    """An estimator as scikit-learn's are, not trained. Its input is a matrix with the columns of FEATURES.

    Only boosted trees take the GPU: the others are done before the rows would be there.
    """
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
    return XGBRegressor(
        n_estimators=boosting.n_estimators,
        learning_rate=boosting.learning_rate,
        max_depth=boosting.max_depth,
        reg_lambda=boosting.reg_lambda,
        tree_method="hist",
        device=device,
        enable_categorical=True,
        feature_types=["c" if name in CATEGORIES else "float" for name in FEATURES],
        random_state=seed,
    )
