"""Fit a model to prepared rows and their true classes or numbers.

All fitting is in here, scaling included. The largest array is `x` itself: it is scaled in place, block by block, in
the type that the estimator computes with, so that scikit-learn takes it as it is.

Letters: N rows, F features.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wingspan.errors import SettingError, TableError
from wingspan.tabular.blocks import Table
from wingspan.tabular.estimators import make_estimator
from wingspan.tabular.features import Floats, Ints, Precision
from wingspan.tabular.fitting import Report, fit, held_out_last
from wingspan.tabular.labels import Task
from wingspan.tabular.matrix import matrix
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.transform import iter_targets

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.preprocessing import StandardScaler

_SCALED_ROWS = 131_072
"""Rows scaled at a time: the temporary arrays of scikit-learn's scaler stay small."""

_DIVIDED_ROWS = 20_000
"""With fewer training rows, the copies of a fit that divides them are small."""

_SINGLE_PRECISION = ("sklearn.tree.", "sklearn.ensemble._forest")
_SCALE_FREE = (
    *_SINGLE_PRECISION,
    "sklearn.ensemble._gb",
    "sklearn.ensemble._hist_gradient_boosting",
    "sklearn.naive_bayes",
    "sklearn.dummy",
    "lightgbm.",
    "xgboost.",
)


def train(  # noqa: PLR0913 - rows, estimator, and how
    x: Floats,
    y: Ints | Floats,
    estimator: str,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    *,
    scale: bool | None = None,
    overwrite_x: bool = False,
    weights: Floats | None = None,
    calibration: str | None = None,
    report: Report | None = None,
    held_out: int = 0,
) -> "BaseEstimator":
    """Fit a classifier or a regression.

    Parameters
    ----------
    x
        (N, F) float64 or float32.
    y
        (N,) class numbers 0 ... C-1; or floats, for a regression.
    estimator, parameters, seed
        As `make_estimator` takes them.
    scale
        Whether to bring each feature to mean 0 and variance 1 first; default: unless the estimator is made of trees
        or of counts, to which scale means nothing.
    overwrite_x
        Allow `x` to be scaled in place; else a copy is made where one is needed.
    weights
        (N,) weights of the rows; not all estimators take them.
    calibration
        ``sigmoid`` or ``isotonic``: fit it in five folds of the rows, each of which calibrates the probabilities of the
        estimator that was fitted on the others; the five are averaged.
    report
        Called now and then during a long fit with its rounds and the time left, where the estimator has them.
    held_out
        How many of the last rows the estimator holds out, see `held_out_last`.

    Returns
    -------
    The estimator, or a scikit-learn Pipeline of scaler and estimator. It predicts with one thread, so that sums are
    added in one order and two predictions of a row are equal to the last bit.

    Raises
    ------
    SettingError
        A wrong estimator or parameter.
    TableError
        Fewer than two classes.
    """
    task: Task = "regression" if np.issubdtype(y.dtype, np.floating) else "classification"
    made = make_estimator(estimator, parameters, seed=seed, task=task)
    module = type(made).__module__
    if task == "classification" and len(present := np.unique(y)) < 2:
        problem = f"the training rows are all of class {present.tolist()}"
        raise TableError("target", problem, "give rows of at least two classes")
    if scale is None:
        scale = not module.startswith(_SCALE_FREE)
    scaler = None
    if scale:
        keep = not overwrite_x or not x.flags.writeable
        x = np.array(x, np.float64, order="C", copy=True if keep else None)
        scaler = _scale_in_place(x)
    _check_weights(made, estimator, weights)
    made = _calibrated(made, calibration)
    fit(made, x, y, estimator, weights, report, held_out)
    for each in [made, *(one.estimator for one in getattr(made, "calibrated_classifiers_", ()))]:
        if "n_jobs" in each.get_params(deep=False) and not module.startswith(
            "sklearn.linear_model"
        ):
            each.set_params(n_jobs=1)
    if scaler is None:
        return made
    from sklearn.pipeline import Pipeline

    return Pipeline([("scale", scaler), ("estimate", made)])


def train_table(  # noqa: PLR0913 - a table, an estimator, and how
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    estimator: str,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    *,
    scale: bool | None = None,
    report: Report | None = None,
) -> "BaseEstimator":
    """Fit an estimator to the training part of a table, which is read once into one array.

    Where the estimator holds rows out, they are put last, so that the array is not copied to divide it.

    Raises
    ------
    SettingError, TableError
        As `train`.
    """
    made = make_estimator(estimator, parameters, seed=seed, task=preparation.task)
    dtype = np.float64 if scale else precision_of(made)
    order, held_out = None, 0
    if not scale and preparation.training_rows > _DIVIDED_ROWS and _plain(preparation, split):
        parts = [y for _, y in iter_targets(table, split, preparation, "train")]
        order, held_out = held_out_last(made, np.concatenate(parts))
    rows = matrix(table, split, preparation, "train", dtype=dtype, order=order)
    given = (rows.x, rows.y, estimator, parameters, seed)
    calibration = preparation.treatment.calibration
    how = {"scale": scale, "weights": rows.weights, "calibration": calibration, "report": report}
    return train(*given, overwrite_x=True, held_out=held_out, **how)  # type: ignore[arg-type]


def _plain(preparation: Preparation, split: SplitRule) -> bool:
    """Return whether training rows are in input order, without weights or calibration."""
    treatment = preparation.treatment
    weighted = treatment.weight or treatment.balanced or treatment.calibration
    return split.kind == "hash" and not weighted


def precision_of(estimator: "BaseEstimator") -> Precision:
    """Return the type that an estimator computes with: rows of this type are not copied by it."""
    return np.float32 if type(estimator).__module__.startswith(_SINGLE_PRECISION) else np.float64


def _scale_in_place(x: Floats) -> "StandardScaler":
    """Scale `x` (N, F) float64 in place, and return the fitted scaler.

    The scaler copies what it is given later.
    """
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(copy=False)
    blocks = [x[start : start + _SCALED_ROWS] for start in range(0, len(x), _SCALED_ROWS)]
    for block in blocks:
        scaler.partial_fit(block)
    for block in blocks:
        scaler.transform(block)
    scaler.set_params(copy=True)
    return scaler


def _calibrated(made: "BaseEstimator", how: str | None) -> "BaseEstimator":
    if how is None:
        return made
    from sklearn.calibration import CalibratedClassifierCV

    return CalibratedClassifierCV(made, method=how, cv=5)


def _check_weights(made: "BaseEstimator", name: str, weights: Floats | None) -> None:
    from sklearn.utils.validation import has_fit_parameter

    if weights is not None and not has_fit_parameter(made, "sample_weight"):
        fix = "leave it out of --estimators, or do without --weight and --class-weight"
        raise SettingError(f"estimator {name}", "takes no weights of rows", fix)
