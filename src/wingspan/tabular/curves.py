"""Thin counts to the points of curves.

The curves are ROC, precision and recall, calibration, errors and residuals.

Letters: K distinct scores or errors.
"""

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular.metrics import STEPS, Counts
from wingspan.tabular.residuals import Residuals

Curves = dict[str, list[list[float]]]

_POINTS, _DOTS = 101, 500
_BINS = 10


def curves_of(counts: Counts) -> Curves:
    """Return the curves of two classes, at most 101 points each; none of more classes."""
    if len(counts.confusion) != 2 or not counts.rows.size:
        return {}
    rows = counts.rows[::-1]  # from the highest score
    found = np.cumsum(rows, axis=0)
    negatives, positives = found[-1]
    if not negatives or not positives:
        return {}
    false, true = found[:, 0] / negatives, found[:, 1] / positives
    roc = np.column_stack([np.append(0, false), np.append(0, true)])
    precision = np.column_stack([true, found[:, 1] / found.sum(axis=1)])
    curves = {"roc": _thinned(roc), "precision_recall": _thinned(precision)}
    return curves | {"calibration": _calibration(counts)}


def _calibration(counts: Counts) -> list[list[float]]:
    """Return (mean score, share of positives) of ten groups of scores of equal width."""
    scores = counts.scores / STEPS
    group = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    total = counts.rows.sum(axis=1)
    points = []
    for number in np.unique(group):
        of = group == number
        size = total[of].sum()
        points.append(
            [float((scores[of] * total[of]).sum() / size), float(counts.rows[of, 1].sum() / size)]
        )
    return points


def error_curves(found: Residuals) -> Curves:
    """Return the absolute error for each share of the rows, and some residuals."""
    below = np.cumsum(found.rows) / max(found.total, 1)
    points = np.column_stack([below, found.errors * found.scale])
    return {"quantiles": _thinned(points), "residuals": _thinned(found.points[:, 1:], _DOTS)}


def _thinned(points: NDArray[np.float64], most: int = _POINTS) -> list[list[float]]:
    """Return at most `most` points, the first and the last among them."""
    if len(points) > most:
        points = points[np.unique(np.linspace(0, len(points) - 1, most).round().astype(np.int64))]
    return [[float(f"{value:.7g}") for value in point] for point in points.tolist()]
