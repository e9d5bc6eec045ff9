"""Apply a fitted model to rows: scores of classes, or predicted numbers.

A linear model is applied to features by column. Boosted trees get some thousand rows at a time: each tree reads all of
them, which is three times as fast where they stay in the cache of a core.

Letters: N rows, F features, C classes.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular.estimators import job_cpus
from wingspan.tabular.features import Features
from wingspan.tabular.features import Floats as Rows
from wingspan.tabular.linear import sums_of
from wingspan.tabular.train import precision_of

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Floats = NDArray[np.float64]

_BOOSTED = "sklearn.ensemble._hist_gradient_boosting"
_CACHED_ROWS = 4096


def scores_of(model: "BaseEstimator", x: Rows | Features, classes: int | None = None) -> Floats:
    """Return (N, C) scores in [0, 1] of each class, of x (N, F) or of features by column.

    A class that the model's training rows did not have, as may be in a fold, has the score 0.

    Probabilities where the estimator gives them; else its decision function through a logistic (two classes: greater
    than 0.5 where the function is positive) or a softmax curve; else 1 for the predicted class.
    """
    scores = _known_scores(model, x)
    if classes is None or scores.shape[1] == classes:
        return scores
    all_scores = np.zeros((len(x), classes))
    all_scores[:, np.asarray(model.classes_, np.int64)] = scores
    return all_scores


def _known_scores(model: "BaseEstimator", x: Rows | Features) -> Floats:
    if not len(x):  # a block without test rows, which scikit-learn refuses
        return np.empty((0, len(model.classes_)))
    sums = sums_of(model, x) if isinstance(x, Features) else None
    if sums is not None:
        return _curve(sums)
    with _one_thread():
        return np.concatenate([_scores(model, part) for part in _matrices(model, x)])


def _scores(model: "BaseEstimator", x: Rows) -> Floats:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(x), np.float64)
    if hasattr(model, "decision_function"):
        return _curve(np.asarray(model.decision_function(x), np.float64))
    chosen = np.searchsorted(model.classes_, model.predict(x))
    return np.asarray(np.eye(len(model.classes_))[chosen], np.float64)


def _curve(decision: Floats) -> Floats:
    """Return scores by a logistic curve of one decision value, or a softmax of several."""
    if decision.ndim == 1 or decision.shape[1] == 1:
        decision = np.column_stack([np.zeros(len(decision)), decision])
    weights = np.exp(decision - decision.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def predicted_by(model: "BaseEstimator", x: Rows | Features) -> Floats:
    """Return a regression's predictions (N,) of x (N, F), or of features by column."""
    if not len(x):
        return np.empty(0)
    sums = sums_of(model, x) if isinstance(x, Features) else None
    if sums is not None:
        return np.asarray(sums[:, 0], np.float64)
    with _one_thread():
        parts = [np.ravel(model.predict(part)) for part in _matrices(model, x)]
    return np.asarray(np.concatenate(parts), np.float64)


def _matrices(model: "BaseEstimator", x: Rows | Features) -> Iterator[Rows]:
    """Yield rows as a model takes them."""
    rows = _CACHED_ROWS if type(model).__module__.startswith(_BOOSTED) else len(x)
    if isinstance(x, Features):
        yield from x.matrices(precision_of(model), rows)
        return
    for start in range(0, len(x), rows):
        yield x[start : start + rows]


def _one_thread() -> AbstractContextManager[object]:
    """Return a context with one thread for products of matrices.

    They are then added up in one order, whatever cores a step has.
    """
    if job_cpus() == 1:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
