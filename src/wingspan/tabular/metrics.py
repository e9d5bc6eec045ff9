"""Count true classes and scores of rows, and compute metrics from the counts.

Counts of shards merge to the counts of the whole, so no metric depends on the number of shards. Rows are integers. The
two losses are kept as one sum for each fixed block of input rows, and added by `math.fsum`.

Letters: N rows, C classes, K distinct rounded scores, B blocks, R bootstrap replicates.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.tabular.arrays import load_arrays, save_arrays

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEPS = 1_000_000
"""Scores are rounded to 1 / STEPS for the rank metrics."""

_LARGE, _SMALL = 1e12, 8
"""The size, and the number of decimals, beyond which a number is shown with its power of ten."""

LOSSES = ("log_loss", "brier_score")
LOWER_IS_BETTER = (*LOSSES, "rmse", "mae", "median_error", "mape")
IN_UNITS = ("rmse", "mae", "median_error")
"""Metrics in the units of the target, which may be of any size."""

RANKS = ("roc_auc", "average_precision")
RATES = ("accuracy", "precision", "recall", "f1")
AVERAGES = ("macro", "weighted")


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """All that the metrics need to know of the rows; arrays are read-only.

    Attributes
    ----------
    confusion
        (C, C) int64: rows of true class i that were predicted as class j.
    scores
        (K,) int32, ascending: distinct scores of class 1 in units of 1e-6; empty unless C is 2.
    rows
        (K, 2) int64: rows of class 0 and of class 1 per score.
    blocks
        (B,) int64, ascending: the block numbers seen.
    sums
        (B, 4) float64: per block the sum and the sum of squares of log loss, then of the Brier score.
    probabilities
        Whether the scores are probabilities; the losses are defined only then.
    """

    confusion: Ints
    scores: NDArray[np.int32]
    rows: Ints
    blocks: Ints
    sums: Floats
    probabilities: bool = True

    def __post_init__(self) -> None:
        for array in (self.confusion, self.scores, self.rows, self.blocks, self.sums):
            array.flags.writeable = False

    @property
    def total(self) -> int:
        """Rows counted."""
        return int(self.confusion.sum())

    def save(self, folder: Path) -> None:
        """Write ``counts.npz`` into the folder; equal counts give equal bytes."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        save_arrays(folder / "counts.npz", fields)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        what = "the counts of an evaluation"
        fields: dict[str, Any] = load_arrays(folder / "counts.npz", cls.__slots__, what)
        return cls(**{**fields, "probabilities": bool(fields["probabilities"])})


def count_scores(
    scores: Floats,
    y: Ints,
    block: int,
    *,
    threshold: float = 0.5,
    probabilities: bool = True,
) -> Counts:
    """Count the rows of one block.

    Parameters
    ----------
    scores
        (N,) scores of class 1 in [0, 1], or (N, C) scores of each class.
    y
        (N,) class numbers 0 ... C-1.
    block
        Number of the input block that the rows are from, each block counted once.
    threshold
        With two classes, a row is predicted as class 1 if its score is greater.
    probabilities
        Whether the scores are probabilities.

    Raises
    ------
    TableError
        Scores that are not numbers in [0, 1].
    """
    scores = np.asarray(scores, np.float64)
    if not bool(((scores >= 0) & (scores <= 1)).all()):
        problem = "the model gave scores that are NaN or outside [0, 1]"
        fix = "check the parameters it was trained with, and its columns for overflow"
        raise TableError("scores", problem, fix)
    if scores.ndim == 1:
        scores = np.column_stack([1 - scores, scores])
    classes = scores.shape[1]
    predicted = scores[:, 1] > threshold if classes == 2 else scores.argmax(axis=1)
    confusion = np.bincount(y * classes + predicted, minlength=classes**2)
    keys, rows = _tally(scores[:, 1], y) if classes == 2 else _no_tally()
    return Counts(
        confusion=confusion.reshape(classes, classes).astype(np.int64),
        scores=keys,
        rows=rows,
        blocks=np.array([block], np.int64),
        sums=_loss_sums(scores, y)[None],
        probabilities=probabilities,
    )


def _no_tally() -> tuple[NDArray[np.int32], Ints]:
    return np.empty(0, np.int32), np.empty((0, 2), np.int64)


def _tally(score: Floats, y: Ints) -> tuple[NDArray[np.int32], Ints]:
    keys, place = np.unique(np.rint(score * STEPS).astype(np.int32), return_inverse=True)
    rows = np.bincount(place * 2 + y, minlength=2 * len(keys)).reshape(-1, 2)
    return keys, rows.astype(np.int64)


def _loss_sums(scores: Floats, y: Ints) -> Floats:
    """Return the (4,) sums of one block; the log loss is clipped as scikit-learn does."""
    tiny = np.finfo(np.float64).eps
    of_truth = np.take_along_axis(scores, y[:, None], axis=1)[:, 0]
    log_loss = -np.log(np.clip(of_truth, tiny, 1 - tiny))
    if scores.shape[1] == 2:
        brier = (scores[:, 1] - y) ** 2
    else:
        brier = (scores**2).sum(axis=1) - of_truth**2 + (1 - of_truth) ** 2
    parts = (log_loss, log_loss**2, brier, brier**2)
    return np.array([part.sum() for part in parts])


def merge_counts(parts: Sequence[Counts]) -> Counts:
    """Return the counts of all parts together, whatever their order and number.

    Raises
    ------
    TableError
        No part, parts of different models, or a block that was counted twice.
    """
    shapes = {(part.confusion.shape, part.probabilities) for part in parts}
    if len(shapes) != 1:
        problem = f"{len(parts)} parts of {len(shapes)} kinds of model cannot be added up"
        raise TableError("merge_counts", problem, "merge parts of the same model, at least one")
    blocks = np.concatenate([part.blocks for part in parts])
    order = np.argsort(blocks, kind="stable")
    blocks = blocks[order]
    if (twice := blocks[1:][blocks[1:] == blocks[:-1]]).size:
        fix = "give every block of rows to one part only"
        raise TableError("merge_counts", f"block {twice[0]} was counted more than once", fix)
    scores, rows = _merge_tallies(parts)
    return Counts(
        confusion=np.sum([part.confusion for part in parts], axis=0),
        scores=scores,
        rows=rows,
        blocks=blocks,
        sums=np.concatenate([part.sums for part in parts])[order],
        probabilities=parts[0].probabilities,
    )


def _merge_tallies(parts: Sequence[Counts]) -> tuple[NDArray[np.int32], Ints]:
    if not any(part.scores.size for part in parts):
        return _no_tally()
    scores = np.unique(np.concatenate([part.scores for part in parts]))
    rows = np.zeros((len(scores), 2), np.int64)
    for part in parts:
        rows[np.searchsorted(scores, part.scores)] += part.rows
    return scores, rows


def available(classes: int, *, probabilities: bool = True) -> tuple[str, ...]:
    """Return the names of the metrics that are defined for a number of classes."""
    losses = LOSSES if probabilities else ()
    if classes == 2:
        return (*RATES, *RANKS, *losses)
    averaged = [f"{name}_{average}" for average in AVERAGES for name in RATES[1:]]
    return ("accuracy", *averaged, *losses)


def rates(confusion: Ints) -> dict[str, Floats]:
    """Return the metrics of predicted classes; 0 where nothing was predicted, or is, of a class.

    Parameters
    ----------
    confusion
        (..., C, C); each value has the shape of the leading axes.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    truth, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    precision, recall = _ratio(hits, predicted), _ratio(hits, truth)
    per_class = {
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * hits, truth + predicted),
    }
    values = {"accuracy": _ratio(hits.sum(axis=-1), truth.sum(axis=-1))}
    if confusion.shape[-1] == 2:
        return values | {name: value[..., 1] for name, value in per_class.items()}
    weight = _ratio(truth, truth.sum(axis=-1, keepdims=True))
    for name, value in per_class.items():
        values[f"{name}_macro"] = value.mean(axis=-1)
        values[f"{name}_weighted"] = (value * weight).sum(axis=-1)
    return values


def ranks(rows: Ints) -> dict[str, Floats]:
    """Return ROC AUC (NaN with one class) and average precision (0 without class 1).

    Parameters
    ----------
    rows
        (..., K, 2) rows of class 0 and class 1 per score, scores ascending. A tie counts half.
    """
    negative, positive = rows[..., 0], rows[..., 1]
    below = np.cumsum(negative, axis=-1) - negative
    wins = (positive * (2 * below + negative)).sum(axis=-1)
    negatives, positives = negative.sum(axis=-1), positive.sum(axis=-1)
    pairs = 2 * negatives * positives
    area = np.where(pairs > 0, _ratio(wins, pairs), np.nan)
    hits = np.cumsum(positive[..., ::-1], axis=-1)
    called = np.cumsum(rows.sum(axis=-1)[..., ::-1], axis=-1)
    gained = (positive[..., ::-1] * _ratio(hits, called)).sum(axis=-1)
    return {"roc_auc": area, "average_precision": _ratio(gained, positives)}


def losses(counts: Counts) -> dict[str, tuple[float, float]]:
    """Return each loss with its standard error.

    There are none without probabilities.
    """
    if not counts.probabilities or not counts.total:
        return {}
    total = counts.total
    values = {}
    for number, name in enumerate(LOSSES):
        mean, square = (math.fsum(counts.sums[:, 2 * number + k]) / total for k in (0, 1))
        values[name] = mean, math.sqrt(max(0.0, square - mean * mean) / total)
    return values


def values_of(counts: Counts) -> Mapping[str, float]:
    """Return every metric's value; NaN where it is not defined."""
    values = {name: float(value) for name, value in rates(counts.confusion).items()}
    if len(counts.confusion) == 2:
        values |= {name: float(value) for name, value in ranks(counts.rows).items()}
    return values | {name: mean for name, (mean, _) in losses(counts).items()}


def digits_for(values: Iterable[float | None], least: int) -> int:
    """Return the decimals that show the smallest value but 0 with `least` digits."""
    known = [abs(value) for value in values if value]
    return least + max(0, -1 - math.floor(math.log10(min(known)))) if known else least


def shown_value(value: float, digits: int) -> str:
    """Return a number with these decimals, or with its power of ten if it is extreme."""
    if abs(value) >= _LARGE or digits > _SMALL:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, digits) + 0.0:.{digits}f}"


def _ratio(numerator: Ints | Floats, denominator: Ints) -> Floats:
    out = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=out, where=denominator > 0)
