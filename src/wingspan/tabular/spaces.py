"""Define the search space of each estimator, and its own values to start from."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from wingspan.sweep.distributions import Choice, Distribution, IntUniform, LogUniform, Uniform
from wingspan.tabular.estimators import short_name


class Searched(NamedTuple):
    """A parameter: what it is drawn from, and the value that the first trial has."""

    drawn: Distribution
    first: Any


def _steps(low: int, high: int, first: int) -> Searched:
    return Searched(LogUniform(low, high, q=1), first)


def _scale(low: float, high: float, first: float) -> Searched:
    return Searched(LogUniform(low, high), first)


def _one_of(first: object, *others: object) -> Searched:
    return Searched(Choice((first, *others)), first)


_PENALTY = {"C": _scale(1e-4, 1e4, 1.0)}
_SHRINKAGE = {"alpha": _scale(1e-4, 1e4, 1.0)}
_KERNEL = {"C": _scale(1e-3, 1e3, 1.0), "gamma": _one_of("scale", 0.001, 0.01, 0.1, 1.0)}
_FOREST = {
    "max_depth": _one_of(None, 8, 16, 24),
    "min_samples_leaf": _steps(1, 64, 1),
    "max_features": _one_of("sqrt", 0.3, 0.6, 1.0),
}
_RATE = _scale(0.01, 0.5, 0.1)
_TREES = _steps(30, 500, 100)

SPACES: Mapping[str, Mapping[str, Searched]] = {
    "logistic_regression": _PENALTY,
    "linear_svc": _PENALTY,
    "linear_svr": _PENALTY,
    "svc": _KERNEL,
    "svr": _KERNEL,
    "ridge": _SHRINKAGE,
    "lasso": {"alpha": _scale(1e-5, 10.0, 1.0)},
    "elastic_net": {"alpha": _scale(1e-5, 10.0, 1.0), "l1_ratio": Searched(Uniform(0.05, 1.0), 0.5)},
    "sgd": {"alpha": _scale(1e-7, 1e-1, 1e-4)},
    "decision_tree": {
        "max_depth": _one_of(None, 2, 3, 4, 6, 8, 12, 16),
        "min_samples_leaf": _steps(1, 200, 1),
    },
    "random_forest": _FOREST,
    "extra_trees": _FOREST,
    "hist_gradient_boosting": {
        "learning_rate": _RATE,
        "max_iter": _TREES,
        "max_leaf_nodes": _steps(4, 256, 31),
        "min_samples_leaf": _steps(2, 200, 20),
        "l2_regularization": _one_of(0.0, 0.01, 0.1, 1.0, 10.0),
    },
    "gradient_boosting": {
        "learning_rate": _RATE,
        "n_estimators": _TREES,
        "max_depth": Searched(IntUniform(1, 8), 3),
        "subsample": _one_of(1.0, 0.8, 0.6),
    },
    "k_neighbors": {"n_neighbors": _steps(1, 100, 5), "weights": _one_of("uniform", "distance")},
    "gaussian_nb": {"var_smoothing": _scale(1e-12, 1e-3, 1e-9)},
    "mlp": {
        "alpha": _scale(1e-6, 1e-1, 1e-4),
        "learning_rate_init": _scale(1e-4, 1e-1, 1e-3),
        "hidden_layer_sizes": _one_of([100], [30], [100, 50]),
    },
    "lgbm": {
        "learning_rate": _RATE,
        "n_estimators": _TREES,
        "num_leaves": _steps(4, 256, 31),
        "min_child_samples": _steps(2, 200, 20),
    },
    "xgb": {
        "learning_rate": _scale(0.01, 0.5, 0.3),
        "n_estimators": _TREES,
        "max_depth": Searched(IntUniform(1, 12), 6),
        "min_child_weight": _steps(1, 100, 1),
    },
}  # fmt: skip
"""By the estimator's short name, or the one that its class would have."""


def space_of(estimator: str, fixed: Collection[str] = ()) -> dict[str, Searched]:
    """Return the search space of an estimator without the parameters that a user fixed.

    It is empty for an unknown estimator.
    """
    known = SPACES.get(short_name(estimator), {})
    return {name: searched for name, searched in known.items() if name not in fixed}
