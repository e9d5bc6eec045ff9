"""Apply a linear model to features by column, without writing out their matrix."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular.features import Features

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_LINEAR = frozenset(
    {
        *("LogisticRegression", "LinearSVC", "RidgeClassifier"),
        *("LinearRegression", "Ridge", "Lasso", "ElasticNet", "LinearSVR"),
    }
)
"""Models of scikit-learn that are a sum of weighted features, and for LogisticRegression its logistic curve."""


def sums_of(model: "BaseEstimator", features: Features) -> NDArray[np.float64] | None:
    """Return the decision values or predictions of a linear model (N, C), else None.

    With two classes C is 1, as scikit-learn has it. The values equal scikit-learn's but for their rounding.
    """
    *before, last = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    kind = type(last)
    if kind.__name__ not in _LINEAR or not kind.__module__.startswith(
        ("sklearn.linear_model", "sklearn.svm")
    ):
        return None
    center, scale = np.zeros(features.width), np.ones(features.width)
    for step in before:
        if type(step).__name__ != "StandardScaler":
            return None
        center, scale = step.mean_, step.scale_
    weights = np.atleast_2d(np.asarray(last.coef_, np.float64)).T / scale[:, None]
    sums = features.times(weights, center) + np.asarray(last.intercept_, np.float64)
    return np.asarray(sums, np.float64)
