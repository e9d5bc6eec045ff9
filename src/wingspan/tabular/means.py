"""Encode categories by the mean of the target, out of fold.

The value of a training row comes from the training rows of other folds, so that its own target is not in it. New rows get
the mean over all training rows. Means are smoothed: `_SMOOTHING` rows of the overall mean are added to each value.

Letters: N rows, K folds, V values.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.shown import counted
from wingspan.tabular.preparation import Label, MeanColumn, as_text

if TYPE_CHECKING:
    import polars as pl

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FOLDS = 5
_SMOOTHING = 10.0


def count_targets(
    column: "pl.Series", target: "pl.Series", role: Ints, fold: Ints
) -> "pl.DataFrame":
    """Return rows and the sum of the target for each value, label, role and fold of one block.

    A target of classes is counted by label, as text, without a sum; one of numbers has no label.
    """
    import polars as pl

    numeric = target.dtype.is_float()
    rows = pl.DataFrame(
        {
            "value": as_text(column),
            "label": pl.repeat(None, len(target), dtype=pl.String, eager=True)
            if numeric
            else as_text(target),
            "role": role,
            "fold": fold,
            "target": target if numeric else pl.zeros(len(target), eager=True),
        }
    )
    keys = ["value", "label", "role", "fold"]
    return rows.group_by(keys).agg(rows=pl.len(), total=pl.sum("target")).sort(keys)


def learned_means(
    name: str,
    blocks: "Sequence[pl.DataFrame]",
    learned: Sequence[int],
    classes: Sequence[Label],
    missing: int,
) -> MeanColumn:
    """Return the smoothed means of a column's values over the training rows.

    Parameters
    ----------
    blocks
        What `count_targets` returned for each block.
    learned
        The roles of the training rows.
    classes
        Labels of the target, empty for a regression; the mean is the share of the second.

    Raises
    ------
    TableError
        The target has more than two classes.
    """
    import polars as pl

    if len(classes) > 2:
        problem = (
            f"expected numbers or two classes as the target, found {counted(len(classes), 'class')}"
        )
        fix = f"leave it out, or encode the column by --ordinal {name}"
        raise TableError(f"--target-mean {name}", problem, fix)
    cells = pl.concat(blocks).filter(pl.col("role").is_in(list(learned)))
    values = sorted(cells["value"].drop_nulls().unique().to_list(), key=str.encode)
    places = cells["value"].cast(pl.Enum(values)).to_physical().cast(pl.Int64)
    cell = places.fill_null(len(values)).to_numpy() * FOLDS + cells["fold"].to_numpy()
    rows = _by_cell(cell, cells["rows"].to_numpy(), len(values))
    if classes:
        positive = (cells["label"] == str(classes[-1])).to_numpy()
        totals = _by_cell(cell, cells["rows"].to_numpy() * positive, len(values))
    else:
        totals = _exact_by_cell(cell, cells["total"].to_list(), len(values))
    everywhere = np.ones(FOLDS)
    means, mean = _smoothed(rows @ everywhere, totals @ everywhere)
    apart = [
        _smoothed(rows @ (everywhere - here), totals @ (everywhere - here))
        for here in np.eye(FOLDS)
    ]
    return MeanColumn(
        name,
        tuple(values),
        tuple(means.tolist()),
        mean,
        tuple(tuple(found.tolist()) for found, _ in apart),
        tuple(overall for _, overall in apart),
        missing,
    )


def _by_cell(cell: Ints, counts: NDArray[np.integer], values: int) -> Floats:
    """Return the sum of counts in each cell, (V + 1, K); the last are rows without a value."""
    sums = np.bincount(cell, weights=counts, minlength=(values + 1) * FOLDS)
    return np.asarray(sums.reshape(values + 1, FOLDS), np.float64)


def _exact_by_cell(cell: Ints, totals: Sequence[float], values: int) -> Floats:
    """Return the sum of the totals in each cell, (V + 1, K), whatever their order."""
    parts: list[list[float]] = [[] for _ in range((values + 1) * FOLDS)]
    for place, total in zip(cell.tolist(), totals, strict=True):
        parts[place].append(total)
    return np.array([math.fsum(part) for part in parts]).reshape(values + 1, FOLDS)


def _smoothed(rows: Floats, totals: Floats) -> tuple[Floats, float]:
    """Return the smoothed mean of each value, and the mean of all."""
    overall = math.fsum(totals) / max(math.fsum(rows), 1.0)
    return ((totals + _SMOOTHING * overall) / (rows + _SMOOTHING))[:-1], overall


def encoded_means(column: "pl.Series", means: MeanColumn, fold: Ints | None) -> tuple[Floats, int]:
    """Return the mean for each row (N,), and the number of rows with an unseen value.

    Parameters
    ----------
    fold
        The folds of training rows (N,), each of which gets the mean over the others; None for new rows.
    """
    import polars as pl

    text = as_text(column)
    codes = text.cast(pl.Enum(means.values), strict=False).to_physical().cast(pl.Int64)
    unseen = codes.null_count() - text.null_count()
    places = codes.fill_null(len(means.values)).to_numpy()
    if fold is None:
        return np.append(means.means, means.mean)[places], unseen
    table = np.column_stack([np.array(means.apart).reshape(FOLDS, -1), means.apart_mean])
    return table[fold, places], unseen
