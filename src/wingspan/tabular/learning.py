"""Measure how much more rows help.

An estimator is fitted on parts of its training rows, and judged on the same rows each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wingspan.shown import counted
from wingspan.tabular.blocks import Table
from wingspan.tabular.evaluate import Metric, count_table, evaluation
from wingspan.tabular.matrix import matrix
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train

_SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A metric on validation rows by the number of rows that a model was fitted on.

    Attributes
    ----------
    points
        Training rows -> the metric with its interval.
    """

    label: str
    metric: str
    points: dict[int, Metric]

    def __str__(self) -> str:
        """Return it in words."""
        shown = (
            f"{counted(rows, 'row')} {metric.value:.4g} ({metric.low:.4g}, {metric.high:.4g})"
            for rows, metric in self.points.items()
            if metric.value is not None
        )
        return f"{self.metric} of {self.label} by training rows: {', '.join(shown)}"


def learning_curve(
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    label: str,
    how: tuple[str, Mapping[str, Any], int],
    metric: str,
) -> LearningCurve:
    """Fit an estimator on a sixteenth of the training rows, then on twice as many, up to all.

    Parameters
    ----------
    how
        The estimator, its parameters and its seed.

    Notes
    -----
    Rows are drawn once, so that each part holds the one before. A part of fewer than 20 rows, or of rows that are all
    of one class, has no point.
    """
    rows = matrix(table, split, preparation, "train")
    order = np.random.default_rng(0).permutation(len(rows.y))
    scale = True if preparation.compatibility else None
    points: dict[int, Metric] = {}
    for share in _SHARES:
        some = np.sort(order[: round(share * len(order))])
        y = rows.y[some]
        if len(some) < _FEWEST or (preparation.classes and len(np.unique(y)) < 2):
            continue
        model = train(
            rows.x[some],
            y,
            *how,
            scale=scale,
            overwrite_x=True,
            weights=None if rows.weights is None else rows.weights[some],
            calibration=preparation.treatment.calibration,
        )
        counts = count_table(model, table, split, preparation)
        points[len(some)] = evaluation(counts, preparation.classes).metric(metric)
    return LearningCurve(label, metric, points)
