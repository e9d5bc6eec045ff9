"""Raw rows and a `Preparation` -> features and class numbers, the same way in training, test and prediction.

Letters: N rows, F features, C classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.clean import clean
from wingspan.tabular.preparation import CategoryColumn, Preparation
from wingspan.tabular.split import Assignment, SplitRule, assign, test_mask

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Precision = type[np.float64] | type[np.float32]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows as an estimator takes them.

    Attributes
    ----------
    x
        (N, F) C order, named by `Preparation.features`; writeable, and nobody else's.
    y
        (N,) class numbers 0 ... C-1; read-only, as `rows`.
    rows
        (N,) row ids.
    block
        The block they are of; None if of all.
    """

    x: Floats
    y: Ints
    rows: Ints
    block: int | None = None


def transform(
    preparation: Preparation,
    frame: "pl.DataFrame",
    *,
    first_row: int | Ints = 0,
    dtype: Precision = np.float64,
) -> Floats:
    """Return the features of raw rows, (N, F) C order: cleaned, missing values filled, categories as 0 and 1.

    Parameters
    ----------
    frame
        Has at least `preparation.inputs`.
    first_row
        The row id of the first row, or those of all, (N,): a feature in compatibility mode.
    """
    cleaned = clean(frame.select(preparation.inputs), preparation.rules, predicting=True).frame
    x = np.zeros((len(frame), len(preparation.features)), dtype)
    place = 0
    if preparation.compatibility:
        rows = np.arange(len(frame)) + first_row if isinstance(first_row, int) else first_row
        x[:, 0] = rows
        place = 1
    for number in preparation.numbers:
        x[:, place] = _filled(cleaned[number.name], number.fill)
        place += 1
    for category in preparation.categories:
        _one_hot(cleaned[category.name], category, x[:, place : place + len(category.features)])
        place += len(category.features)
    return x


def _filled(column: "pl.Series", fill: float) -> NDArray[np.float64]:
    import polars as pl

    values = column.cast(pl.Float64).to_numpy()
    missing = np.isnan(values)
    return np.where(missing, fill, values) if missing.any() else values


def _one_hot(column: "pl.Series", category: CategoryColumn, x: Floats) -> None:
    """Set the features of a category in `x` (N, F of the category), which holds zeros."""
    import polars as pl

    known = pl.Enum(category.values)
    codes = column.cast(pl.String).cast(known, strict=False).to_physical().cast(pl.Int64)
    if category.folded is not None:
        rare = len(category.values) if category.values else 1
        codes = codes.to_frame().select(
            pl.when(column.is_null()).then(None).otherwise(pl.first().fill_null(rare))
        )[:, 0]
    numbers = codes.fill_null(0).to_numpy()
    rows = np.flatnonzero(numbers)
    x[rows, numbers[rows] - 1] = 1


def count_unseen(preparation: Preparation, frame: "pl.DataFrame") -> dict[str, int]:
    """Return category column -> rows of a value that no training row had; columns without any are left out."""
    import polars as pl

    cleaned = clean(frame.select(preparation.inputs), preparation.rules, predicting=True).frame
    counts = {}
    for category in preparation.categories:
        seen = [*category.values, *(category.folded or ())]
        column = cleaned[category.name].cast(pl.String).drop_nulls()
        if count := len(column) - int(column.is_in(seen).sum()):
            counts[category.name] = count
    return counts


def target_of(preparation: Preparation, frame: "pl.DataFrame") -> Ints:
    """Return the class numbers of rows, (N,): places in `preparation.classes`; with two classes 0 and 1.

    Raises
    ------
    TableError
        The target is not there, is missing in a row, or is a label that training has not seen.
    """
    import polars as pl

    name = preparation.target
    if name not in frame.columns:
        raise TableError(f"column {name!r}", "the target is not in the table", "give it")
    labels = pl.Series(list(preparation.classes))
    column = frame[name]
    if column.dtype.is_numeric() and labels.dtype.is_numeric():
        column, labels = column.cast(pl.Float64), labels.cast(pl.Float64)
    elif column.dtype != labels.dtype:
        column, labels = column.cast(pl.String), labels.cast(pl.String)
    numbers = column.replace_strict(
        labels, pl.Series(range(len(labels))), default=None, return_dtype=pl.Int64
    )
    if numbers.null_count():
        found = column.filter(numbers.is_null()).unique().head(5).to_list()
        problem = f"expected one of {list(preparation.classes)}, found {found}"
        raise TableError(f"column {name!r}", problem, "correct the labels, or train again")
    y = numbers.to_numpy().astype(np.int64)
    y.flags.writeable = False
    return y


def iter_matrices(
    table: Table,
    split: SplitRule | Assignment,
    preparation: Preparation,
    part: Literal["train", "test"],
    *,
    blocks: range | None = None,
    dtype: Precision = np.float64,
) -> Iterator[Matrix]:
    """Give the rows of one part block by block, in input order; rows that a rule drops are left out."""
    import polars as pl

    assignment = split if isinstance(split, Assignment) else assign(table, split)
    blocks = table.blocks if blocks is None else blocks
    columns = list(dict.fromkeys([*preparation.schema.names, *assignment.rule.columns]))
    for block, frame in zip(blocks, iter_blocks(table, columns, blocks), strict=True):
        chosen = test_mask(assignment, block, frame)
        chosen = chosen if part == "test" else ~chosen
        if preparation.rules.drops_rows:
            chosen = chosen & clean(frame, preparation.rules).keep
        rows = np.flatnonzero(chosen) + block * BLOCK_ROWS
        rows.flags.writeable = False
        of_part = frame.filter(pl.Series(chosen))
        x = transform(preparation, of_part, first_row=rows, dtype=dtype)
        yield Matrix(x, target_of(preparation, of_part), rows, block)


def matrix(
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    part: Literal["train", "test"],
    *,
    dtype: Precision = np.float64,
) -> Matrix:
    """Return all rows of one part, in input order, or in scikit-learn's when the split is as scikit-learn's."""
    assignment = assign(table, split)
    size = preparation.training_rows if part == "train" else preparation.test_rows
    order = assignment.training_order if part == "train" else assignment.test_order
    x = np.empty((size, len(preparation.features)), dtype)
    y, rows = np.empty(size, np.int64), np.empty(size, np.int64)
    place = None
    if order is not None:
        place = np.empty(table.rows, np.int64)
        place[order] = np.arange(size)
    start = 0
    for m in iter_matrices(table, assignment, preparation, part, dtype=dtype):
        to = slice(start, start + len(m.rows)) if place is None else place[m.rows]
        x[to], y[to], rows[to] = m.x, m.y, m.rows
        start += len(m.rows)
    y.flags.writeable = rows.flags.writeable = False
    return Matrix(x, y, rows)
