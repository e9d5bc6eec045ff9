"""Judge parameters by cross-validation inside the training rows, and what tuning gains.

The folds are cut from the rows that are neither of the test nor of the validation part, by the same hash or time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular.apply import predicted_by, scores_of
from wingspan.tabular.blocks import Table
from wingspan.tabular.evaluate import Evaluation, count_table, evaluation, merge_some
from wingspan.tabular.metrics import LOWER_IS_BETTER, count_scores, values_of
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.residuals import count_errors, regression_metrics
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import precision_of, train_table
from wingspan.tabular.transform import iter_matrices

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_ROWS = 20_000
"""Rows on which a gain is measured: more make its interval narrower than anyone needs."""
_REPLICATES = 200
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better a tuned estimator is than the untuned one, on rows new to both.

    Attributes
    ----------
    value, low, high
        Gain by the metric, where more is better, with the interval of the difference over the same rows.
    """

    label: str
    metric: str
    value: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        """Return it in words."""
        if math.isnan(self.value):
            measure = f"{self.metric} is not defined"
        elif self.low <= 0 <= self.high:
            ends = f"{self.value:+.3g}, {self.low:+.3g} to {self.high:+.3g}"
            measure = f"no clear gain of {self.metric} ({ends})"
        else:
            low, high = sorted((abs(self.low), abs(self.high)))
            how = "better" if self.value > 0 else "worse"
            measure = f"{self.metric} {how} by {abs(self.value):.3g} ({low:.3g} to {high:.3g})"
        return f"tuning {self.label}: {measure}, on {self.rows:,} validation rows"


def tuning_rule(split: SplitRule, folds: int) -> SplitRule:
    """Return the rule that cuts only the training rows in folds.

    Test and validation rows are in none of them.
    """
    return replace(split, test_size=split.cuts[-1], validation=0.0, folds=folds)


def cross_validate(
    table: Table,
    split: SplitRule,
    preparations: Sequence[Preparation],
    estimator: str,
    parameters: Mapping[str, Any],
    seed: int,
) -> Evaluation:
    """Fit an estimator for each fold of a split, and judge all folds together."""
    folds = zip(split.rules_of_folds, preparations, strict=True)
    counts = merge_some(
        count_table(
            train_table(table, rule, prepared, estimator, parameters, seed), table, rule, prepared
        )
        for rule, prepared in folds
    )
    return evaluation(counts, preparations[0].classes, replicates=1)


def gain(
    label: str,
    before: "BaseEstimator",
    after: "BaseEstimator",
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    metric: str,
) -> Gain:
    """Return how much better one model is than another on test rows of a split.

    At most the first 20,000 rows are used.

    Notes
    -----
    The interval is of 200 bootstrap samples of the rows, in which both models see the same rows.
    """
    y, of_before = _scored(before, table, split, preparation)
    _, of_after = _scored(after, table, split, preparation)
    random = np.random.default_rng(0)

    def better(rows: NDArray[np.int64]) -> float:
        old, new = (
            _value(scores[rows], y[rows], preparation, metric) for scores in (of_before, of_after)
        )
        return old - new if metric in LOWER_IS_BETTER else new - old

    value = better(np.arange(len(y)))
    drawn = np.array([better(random.integers(0, len(y), len(y))) for _ in range(_REPLICATES)])
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not drawn.size:
        return Gain(label, metric, math.nan, math.nan, math.nan, len(y))
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Gain(label, metric, value, float(low), float(high), len(y))


def _scored(
    model: "BaseEstimator", table: Table, split: SplitRule, preparation: Preparation
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the target of the first test rows, and the model's predictions or scores."""
    truth, scores, rows = [], [], 0
    dtype = precision_of(model)
    for block in iter_matrices(table, split, preparation, "test", dtype=dtype):
        x, y = block.x[: _ROWS - rows], block.y[: _ROWS - rows]
        classes = len(preparation.classes)
        scores.append(scores_of(model, x, classes) if classes else predicted_by(model, x))
        truth.append(y)
        rows += len(y)
        if rows >= _ROWS:
            break
    return np.concatenate(truth), np.concatenate(scores)


def _value(
    scores: NDArray[np.float64], y: NDArray[Any], preparation: Preparation, metric: str
) -> float:
    if preparation.task == "classification":
        return values_of(count_scores(scores, y, 0))[metric]
    errors = count_errors(scores, y, 0, center=preparation.center, scale=preparation.scale)
    return regression_metrics(errors, _LEVEL)[metric][0]
