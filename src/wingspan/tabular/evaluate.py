"""Judge a model on rows that training did not see.

`count_table` scores the test rows of a range of blocks; `merge` adds up the ranges; `evaluation` turns the sum into
metrics with intervals, once.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from wingspan.errors import TableError
from wingspan.shown import counted
from wingspan.tabular.apply import predicted_by, scores_of
from wingspan.tabular.blocks import Table
from wingspan.tabular.curves import Curves, curves_of, error_curves
from wingspan.tabular.features import Features
from wingspan.tabular.features import Floats as Rows
from wingspan.tabular.intervals import intervals
from wingspan.tabular.labels import Task
from wingspan.tabular.metrics import (
    Counts,
    Ints,
    available,
    count_scores,
    merge_counts,
    values_of,
)
from wingspan.tabular.preparation import Label, Preparation
from wingspan.tabular.residuals import (
    METRICS,
    Residuals,
    count_errors,
    error_bounds,
    merge_residuals,
    regression_metrics,
)
from wingspan.tabular.split import SplitRule
from wingspan.tabular.threshold import at_threshold, threshold_of
from wingspan.tabular.transform import iter_features, iter_targets

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


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """How well a model does on rows it has not seen.

    Attributes
    ----------
    classes
        Labels in the order of the confusion matrix; with two, the second is the positive one. Empty for a regression.
    confusion
        Rows of true class i that were predicted as class j.
    level
        Level of the confidence intervals.
    threshold
        With two classes, a row is predicted as the positive one if its score is greater.
    bounds
        For a regression, the error that a percentage of new rows stays within, by percentage.
    curves
        Points to draw, by the name of the curve.
    """

    rows: int
    classes: list[Label]
    confusion: list[list[int]]
    metrics: dict[str, Metric]
    level: float = 0.95
    threshold: float = 0.5
    bounds: dict[str, float] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = (f"{name} {_shown(metric)}" for name, metric in self.metrics.items())
        return "\n  ".join(
            [f"Evaluation on {counted(self.rows, 'row')}, {self.level:.0%} intervals", *lines]
        )

    def _repr_html_(self) -> str:
        from wingspan.draw.curves import curves_svg
        from wingspan.draw.table import table_html
        from wingspan.tabular.panels import panels

        head = ("metric", f"on {counted(self.rows, 'row')}, {self.level:.0%} interval")
        table = table_html(head, [(name, _shown(each)) for name, each in self.metrics.items()])
        found = panels(self.curves)
        return table + (curves_svg([found]) if found else "")

    @property
    def task(self) -> Task:
        """Whether a class or a number is predicted."""
        return "classification" if self.classes else "regression"

    def metric(self, name: str) -> Metric:
        """Return one metric; the error for a wrong name lists those there are."""
        if name in self.metrics:
            return self.metrics[name]
        close = get_close_matches(name, self.metrics)
        fix = f"did you mean {close[0]}?" if close else "choose one of those"
        kind = f"{len(self.classes)} classes" if self.classes else "numbers"
        kind += f"; it has {', '.join(self.metrics)}"
        raise TableError(f"metric {name!r}", f"not known for a model of {kind}", fix)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave; metrics have their usual order again."""
        usual = [*available(2), *available(3), *METRICS, *content["metrics"]]
        names = sorted(content["metrics"], key=usual.index)
        metrics = {name: Metric(**content["metrics"][name]) for name in names}
        return cls(**{**content, "metrics": metrics})


def count_rows(
    model: "BaseEstimator",
    x: "Rows | Features",
    y: Ints,
    block: int,
    *,
    threshold: float = 0.5,
    classes: int | None = None,
) -> Counts:
    """Score the rows of one block, x (N, F) of the classes y (N,), and count them."""
    known = hasattr(model, "predict_proba")
    scores = scores_of(model, x, classes)
    return count_scores(scores, y, block, threshold=threshold, probabilities=known)


def count_table(
    model: "BaseEstimator",
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    blocks: range | None = None,
    *,
    threshold: float = 0.5,
) -> "Counts | Residuals":
    """Score the test rows of some blocks of a table, by default all, and count them.

    One block is in memory at a time.
    """
    center, scale = preparation.center, preparation.scale
    classes = len(preparation.classes)

    def counted() -> "Iterator[Counts | Residuals]":
        for number, x, y in iter_features(table, split, preparation, "test", blocks=blocks):
            block = _number_of(number, split)
            if preparation.task == "regression":
                yield count_errors(predicted_by(model, x), y, block, center=center, scale=scale)
            else:
                yield count_rows(model, x, y, block, threshold=threshold, classes=classes)

    return merge_some(counted())


def count_baseline(
    table: Table, split: SplitRule, preparation: Preparation, blocks: range | None = None
) -> "Counts | Residuals":
    """Count the test rows for a constant guess: the shares of the classes, or the mean."""
    center, scale = preparation.center, preparation.scale
    shares = np.array(preparation.class_rows, np.float64) / max(preparation.training_rows, 1)

    def counted() -> "Iterator[Counts | Residuals]":
        for number, y in iter_targets(table, split, preparation, "test", blocks=blocks):
            block = _number_of(number, split)
            if preparation.task == "regression":
                yield count_errors(np.full(len(y), center), y, block, center=center, scale=scale)
            else:
                yield count_scores(np.tile(shares, (len(y), 1)), y, block)

    return merge_some(counted())


def _number_of(block: int, split: SplitRule) -> int:
    """Return the number under which a block is counted: that of a fold is another for each fold."""
    return block * split.fold_count + split.fold if split.fold is not None else block


def merge_some(parts: "Iterable[Counts | Residuals]") -> "Counts | Residuals":
    """Merge parts as they come, a few at a time."""
    waiting: list[Counts | Residuals] = []
    for part in parts:
        waiting.append(part)
        if len(waiting) > _MERGED_BLOCKS:
            waiting = [merge(waiting)]
    return merge(waiting)


def merge(parts: "Sequence[Counts | Residuals]") -> "Counts | Residuals":
    """Return the counts, or the residuals, of all parts together.

    Neither their order nor their number matters.
    """
    residuals = [part for part in parts if isinstance(part, Residuals)]
    if residuals:
        return merge_residuals(residuals)
    return merge_counts([part for part in parts if isinstance(part, Counts)])


def evaluation(
    counts: "Counts | Residuals",
    classes: Sequence[Label] = (),
    *,
    threshold: float | str = 0.5,
    level: float = 0.95,
    replicates: int = 500,
    seed: int = 0,
) -> Evaluation:
    """Return every metric that is defined for the model, with its interval.

    Parameters
    ----------
    classes
        Labels of class numbers 0 ... C-1; empty for a regression.
    threshold
        With two classes, the score above which a row is predicted as the second one, or a rule to choose it by on
        these rows: see `tabular.threshold`.

    Raises
    ------
    TableError
        There are no rows, or labels for another number of classes.
    """
    if not counts.total:
        raise TableError("evaluation", "there is no test row", "give a larger table or test_size")
    if isinstance(counts, Residuals):
        found = regression_metrics(counts, level)
        metrics = {name: _metric(*found[name]) for name in METRICS}
        bounds, curves = error_bounds(counts), error_curves(counts)
        return Evaluation(counts.total, [], [], metrics, level, bounds=bounds, curves=curves)
    if len(classes) != len(counts.confusion):
        problem = f"{len(classes)} labels for counts of {len(counts.confusion)} classes"
        raise TableError("evaluation", problem, "give the labels the model was trained with")
    if isinstance(threshold, str):
        threshold = threshold_of(counts, threshold)
        counts = at_threshold(counts, threshold)
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
        curves=curves_of(counts),
    )


def _metric(value: float, low: float, high: float) -> Metric:
    if math.isnan(value):
        return Metric(None, None, None)
    return Metric(value, low, high)


def _shown(metric: Metric) -> str:
    """Return a metric with its interval as text."""
    if metric.value is None or metric.low is None or metric.high is None:
        return "not defined"
    return f"{metric.value:.4g} ({metric.low:.4g} to {metric.high:.4g})"
