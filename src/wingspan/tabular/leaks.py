"""Measure how much of a target one column alone explains.

It is learned on every other row, and tested on the rest.

Letters: N rows, C classes.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

_BINS = 256

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Alone(NamedTuple):
    """How well a column alone predicts.

    Attributes
    ----------
    sure
        From 0, no better than a constant, to 1, no error at all.
    value
        Value of the measure.
    """

    sure: float
    value: float
    measure: str


def target_values(target: "pl.Series", task: str) -> Ints | Floats:
    """Return the target as numbers (N,) for `alone`.

    These are the values of a regression, or class numbers.
    """
    return target.cast(float).to_numpy() if task == "regression" else _codes(target)


def alone(column: "pl.Series", y: Any, task: str) -> Alone:  # noqa: ANN401 - an array of either kind
    """Return how well a column alone predicts `y` (N,), the `target_values`."""
    numeric = column.dtype.is_numeric()
    learn = np.arange(len(column)) % 2 == 0
    codes = _bins(column, learn) if numeric else _codes(column)
    if task == "regression":
        by_groups = _explained(_means(codes, y, learn)[~learn], y[~learn])
        line = _line(column, y, learn) if numeric else 0.0
        explained = max(by_groups, line)
        return Alone(explained, explained, "R2")
    gained = _gain(codes, y, learn)
    area = _area(column, y) if numeric and y.max() == 1 else 0.0
    sure = 1 - 10 * (1 - area)  # an area of 0.999 is as sure as 0.99 of the errors saved
    return Alone(sure, area, "ROC AUC") if sure > gained else Alone(gained, gained, "errors saved")


def _bins(column: "pl.Series", learn: NDArray[np.bool_]) -> Ints:
    """Return the bin of each value (N,), 0 for a missing one.

    Few values have a bin each, many are cut into bins of equal sizes.
    """
    values = column.cast(float).to_numpy()
    known = values[learn & ~np.isnan(values)]
    distinct = np.unique(known)
    edges = (
        distinct
        if len(distinct) <= _BINS
        else np.unique(np.quantile(known, np.linspace(0, 1, _BINS)))
    )
    found = np.searchsorted(edges, values, side="right")
    return np.asarray(np.where(np.isnan(values), 0, found + 1), np.int64)


def _codes(column: "pl.Series") -> Ints:
    """Return the rank of each value among the different ones (N,).

    A missing text is a value too.
    """
    import polars as pl

    known = column if column.dtype.is_numeric() else column.cast(pl.String).fill_null("")
    return known.rank("dense").to_numpy().astype(np.int64) - 1


def _gain(codes: Ints, labels: Ints, learn: NDArray[np.bool_]) -> float:
    """Return the share of the errors of always naming the commonest class that the column saves."""
    classes = int(labels.max()) + 1
    counts = np.zeros((int(codes.max()) + 1, classes), np.int64)
    cells = codes[learn] * classes + labels[learn]
    counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
    common = counts.sum(axis=0).argmax()
    guess = np.where(counts.sum(axis=1) > 0, counts.argmax(axis=1), common)[codes[~learn]]
    right, base = (guess == labels[~learn]).mean(), (labels[~learn] == common).mean()
    return float(max(0.0, (right - base) / (1 - base))) if base < 1 else 0.0


def _area(column: "pl.Series", labels: Ints) -> float:
    """Return the area under the ROC curve of a number, the larger of both directions."""
    values = column.cast(float).fill_null(float("nan")).to_numpy()
    known = ~np.isnan(values)
    keys, place = np.unique(values[known], return_inverse=True)
    negative = np.bincount(place[labels[known] == 0], minlength=len(keys)).astype(np.float64)
    positive = np.bincount(place[labels[known] == 1], minlength=len(keys)).astype(np.float64)
    pairs = negative.sum() * positive.sum()
    if not pairs or known.mean() < 0.5:
        return 0.0
    area = float((positive * (np.cumsum(negative) - negative / 2)).sum() / pairs)
    return max(area, 1 - area)


def _means(codes: Ints, y: Floats, learn: NDArray[np.bool_]) -> Floats:
    """Return the mean of the target of each row's group, of the rows that are learned from (N,)."""
    size = int(codes.max()) + 1
    counts = np.bincount(codes[learn], minlength=size)
    sums = np.bincount(codes[learn], weights=y[learn], minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), y[learn].mean())
    return np.asarray(means[codes], np.float64)


def _line(column: "pl.Series", y: Floats, learn: NDArray[np.bool_]) -> float:
    x = column.cast(float).fill_null(float("nan")).to_numpy()
    known = np.isfinite(x)
    if known.mean() < 0.5 or np.ptp(x[known & learn]) == 0:
        return 0.0
    slope, start = np.polyfit(x[known & learn], y[known & learn], 1)
    test = known & ~learn
    return _explained(slope * x[test] + start, y[test])


def _explained(guess: Any, y: Floats) -> float:  # noqa: ANN401 - an array
    """Return R2, at least 0."""
    total = float(((y - y.mean()) ** 2).sum())
    return max(0.0, 1 - float(((y - guess) ** 2).sum()) / total) if total else 0.0
