"""Write all rows of one part of a table into one array, as an estimator takes them.

Blocks of rows are written by several threads where a step has several cores. Each writes rows of its own, so that their
number changes no result.

Letters: N rows, F features.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.tabular.blocks import Table
from wingspan.tabular.estimators import job_cpus
from wingspan.tabular.features import Ints, Precision
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.split import Assignment, SplitRule, assign, inner_folds
from wingspan.tabular.transform import Matrix, features_of, iter_part, iter_targets, target_of

if TYPE_CHECKING:
    import polars as pl

_THREADS = 4
"""Most threads that write, each with a block of rows in memory."""


def matrix(
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    part: Literal["train", "test"],
    *,
    dtype: Precision = np.float64,
    order: Ints | None = None,
) -> Matrix:
    """Return all rows of one part.

    They are in input order, or in scikit-learn's for its split.

    Parameters
    ----------
    order
        The numbers of the part's rows, (N,), in the order to return them in.
    """
    assignment = assign(table, split)
    size = preparation.training_rows if part == "train" else preparation.test_rows
    kind = np.float64 if preparation.task == "regression" else np.int64
    x = np.zeros((size, len(preparation.features)), dtype)
    y, ids = np.empty(size, kind), np.empty(size, np.int64)
    weighted = part == "train" and preparation.treatment.weight
    weights = np.empty(size) if weighted else None
    split_order = assignment.training_order if part == "train" else assignment.test_order
    place = _inverse(order, size) if order is not None else None
    if split_order is not None:
        place = _inverse(split_order, table.rows)
    whole = Matrix(x, y, ids, weights=weights)
    writer = _Writer(table, assignment, preparation, part, whole, place)
    threads = min(job_cpus(), len(table.blocks), _THREADS)
    if threads == 1:
        start = 0
        for block in table.blocks:
            start = writer.write(block, start)
    else:
        sizes = [len(each) for _, each in iter_targets(table, split, preparation, part)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(writer.write, table.blocks, itertools.accumulate(sizes, initial=0)))
    if weights is not None and len(weights) and not weights.any():
        problem = "the weights of all training rows are 0"
        where = f"column {preparation.treatment.weight!r}"
        raise TableError(where, problem, "correct them, or leave out --weight")
    y.flags.writeable = ids.flags.writeable = False
    balanced = _balanced(preparation, y, weights) if part == "train" else None
    return Matrix(x, y, ids, weights=balanced)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the rows of one part.

    Attributes
    ----------
    place
        Where a row goes, by its number in the part; as scikit-learn splits, by its id.
    """

    table: Table
    assignment: Assignment
    preparation: Preparation
    part: Literal["train", "test"]
    whole: Matrix
    place: Ints | None

    def write(self, block: int, start: int) -> int:
        """Write a block, whose first row is row `start` of the part; return the row after its last."""
        preparation, one = self.preparation, range(block, block + 1)
        given = (self.table, self.assignment, preparation, self.part, one)
        ((_, rows, frame),) = iter_part(*given)
        to: slice | Ints = slice(start, start + len(rows))
        own = self.part == "train" and preparation.means
        folds = inner_folds(self.assignment.rule, rows, frame) if own else None
        found = features_of(preparation, frame, first_row=rows, folds=folds)
        if self.place is None:
            found.write(self.whole.x[to])
        else:
            to = self.place[to if self.assignment.order is None else rows]
            found.scatter(self.whole.x, to)
        self.whole.y[to], self.whole.rows[to] = target_of(preparation, frame), rows
        if self.whole.weights is not None and preparation.treatment.weight:
            self.whole.weights[to] = _weights(frame[preparation.treatment.weight], rows)
        return start + len(rows)


def _inverse(order: Ints, size: int) -> Ints:
    """Return the place of each of `size` rows in an order of some of them."""
    place = np.empty(size, np.int64)
    place[order] = np.arange(len(order))
    return place


def _weights(column: "pl.Series", rows: Ints) -> NDArray[np.float64]:
    """Return the weights of rows with these ids, (N,)."""
    import polars as pl

    values = column.cast(pl.Float64, strict=False).to_numpy()
    right = np.isfinite(values) & (values >= 0)
    if not right.all():
        first = int(right.argmin())
        problem = f"expected weights of 0 or more, row {rows[first] + 1:,} has {column[first]!r}"
        raise TableError(f"column {column.name!r}", problem, "correct them, or leave out --weight")
    return values


def _balanced(
    preparation: Preparation, y: NDArray[Any], weights: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """Return the weights of training rows (N,).

    With balanced classes, the rows of each class have the same weight in total.
    """
    if not preparation.treatment.balanced or preparation.task != "classification":
        return weights
    given = np.ones(len(y)) if weights is None else weights
    sums = np.bincount(y, weights=given, minlength=len(preparation.classes))
    share = given.sum() / (np.maximum(sums, 1e-300) * np.count_nonzero(sums))
    return np.asarray(given * share[y], np.float64)
