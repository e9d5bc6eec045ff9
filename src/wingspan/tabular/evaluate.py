"""Model, rows and their true classes -> `Counts` -> `Evaluation`.

`count_table` scores the test rows of a range of blocks; `merge_counts` adds up the ranges; `evaluation` turns the sum
into metrics with intervals, once.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from wingspan.errors import TableError
from wingspan.tabular.blocks import Table
from wingspan.tabular.intervals import intervals
from wingspan.tabular.metrics import (
    Counts,
    Floats,
    Ints,
    available,
    count_scores,
    merge_counts,
    values_of,
)
from wingspan.tabular.preparation import Label, Preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import precision_of
from wingspan.tabular.transform import Floats as Rows
from wingspan.tabular.transform import iter_matrices

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_MERGED_BLOCKS = 16
"""Blocks whose counts wait to be merged: merging costs as much for one as for many."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A value with its confidence interval; all are None where the metric is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model does on rows it has not seen.

    Attributes
    ----------
    classes
        Labels in the order of the confusion matrix; with two, the second is the positive one.
    confusion
        Rows of true class i that were predicted as class j.
    level
        Of the confidence intervals.
    threshold
        With two classes, a row is predicted as the positive one if its score is greater.
    """

    rows: int
    classes: list[Label]
    confusion: list[list[int]]
    metrics: dict[str, Metric]
    level: float = 0.95
    threshold: float = 0.5

    def metric(self, name: str) -> Metric:
        """Return one metric; the error for a wrong name lists those there are."""
        if name in self.metrics:
            return self.metrics[name]
        close = get_close_matches(name, self.metrics)
        fix = f"did you mean {close[0]}?" if close else "choose one of those"
        kind = f"{len(self.classes)} classes; it has {', '.join(self.metrics)}"
        raise TableError(f"metric {name!r}", f"not known for a model of {kind}", fix)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        metrics = {name: Metric(**metric) for name, metric in content["metrics"].items()}
        return cls(**{**content, "metrics": metrics})


def scores_of(model: "BaseEstimator", x: Rows) -> Floats:
    """Return (N, C) scores in [0, 1] of each class, of x (N, F).

    Probabilities where the estimator gives them; else its decision function through a logistic (two classes: greater
    than 0.5 where the function is positive) or a softmax curve; else 1 for the predicted class.
    """
    if not len(x):  # a block without test rows, which scikit-learn refuses
        return np.empty((0, len(model.classes_)))
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(x), np.float64)
    if not hasattr(model, "decision_function"):
        chosen = np.searchsorted(model.classes_, model.predict(x))
        return np.asarray(np.eye(len(model.classes_))[chosen], np.float64)
    decision = np.asarray(model.decision_function(x), np.float64)
    if decision.ndim == 1:
        decision = np.column_stack([np.zeros(len(decision)), decision])
    weights = np.exp(decision - decision.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def count_rows(
    model: "BaseEstimator", x: Rows, y: Ints, block: int, *, threshold: float = 0.5
) -> Counts:
    """Score the rows of one input block, x (N, F) with true class numbers y (N,), and count them."""
    known = hasattr(model, "predict_proba")
    return count_scores(scores_of(model, x), y, block, threshold=threshold, probabilities=known)


def count_table(
    model: "BaseEstimator",
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    blocks: range | None = None,
    *,
    threshold: float = 0.5,
) -> Counts:
    """Score the test rows of some blocks of a table, default all, and count them; one block is in memory at a time."""
    total, waiting = None, []
    dtype = precision_of(model)
    for rows in iter_matrices(table, split, preparation, "test", blocks=blocks, dtype=dtype):
        waiting.append(count_rows(model, rows.x, rows.y, rows.block or 0, threshold=threshold))
        if len(waiting) == _MERGED_BLOCKS:
            total, waiting = merge_counts([total, *waiting] if total else waiting), []
    return merge_counts([total, *waiting] if total else waiting)


def evaluation(
    counts: Counts,
    classes: Sequence[Label],
    *,
    threshold: float = 0.5,
    level: float = 0.95,
    replicates: int = 500,
    seed: int = 0,
) -> Evaluation:
    """Return every metric that is defined for the model, with its interval.

    Parameters
    ----------
    classes
        Labels of class numbers 0 ... C-1.
    threshold
        The one the rows were counted with.

    Raises
    ------
    TableError
        No rows, or labels of another number of classes.
    """
    if len(classes) != len(counts.confusion):
        problem = f"{len(classes)} labels for counts of {len(counts.confusion)} classes"
        raise TableError("evaluation", problem, "give the labels the model was trained with")
    if not counts.total:
        raise TableError("evaluation", "there is no test row", "give a larger table or test_size")
    values = values_of(counts)
    ranges = intervals(counts, level=level, replicates=replicates, seed=seed)
    names = available(len(classes), probabilities=counts.probabilities)
    return Evaluation(
        rows=counts.total,
        classes=list(classes),
        confusion=counts.confusion.tolist(),
        metrics={name: _metric(values[name], *ranges[name]) for name in names},
        level=level,
        threshold=threshold,
    )


def _metric(value: float, low: float, high: float) -> Metric:
    if math.isnan(value):
        return Metric(None, None, None)
    return Metric(value, low, high)
