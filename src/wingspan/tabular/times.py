"""Divide rows by a column of time: each part begins where a share of the rows has passed."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.shown import counted
from wingspan.tabular.blocks import Table, iter_blocks

if TYPE_CHECKING:
    import polars as pl


def moments_of(column: "pl.Series") -> NDArray[Any]:
    """Return dates and numbers as numbers in their order, (N,)."""
    return (column.to_physical() if column.dtype.is_temporal() else column).to_numpy()


def begins(
    table: Table, name: str, test_size: float, folds: int, validation: float
) -> NDArray[Any]:
    """Return where the first fold, the next ones and the test part begin.

    Rows of one moment stay together.

    The rows before the first fold are for training alone.

    Raises
    ------
    TableError
        The column has no order or missing values, or too few moments.
    """
    where = f"column {name!r}"
    kind = table.schema.column(name).kind
    if kind not in {"date", "number"}:
        problem = f"expected dates or numbers to split by time, found {kind}"
        fix = "write dates as 2024-12-31, or name another column with --time"
        raise TableError(where, problem, fix)
    parts = [block[name] for block in iter_blocks(table, [name])]
    if count := sum(int(part.null_count()) for part in parts):
        fix = "fill them, or leave those rows out"
        raise TableError(where, f"cannot split by it: {counted(count, 'missing value')}", fix)
    values = np.sort(np.concatenate([moments_of(part) for part in parts]))
    ends = [number / (folds + 1) for number in range(1, folds + 1)]
    if validation and not folds:
        ends = [1 - validation]
    shares = [*((1 - test_size) * end for end in ends), 1 - test_size]
    places = [min(round(share * len(values)), len(values) - 1) for share in shares]
    found = values[places]
    if len(np.unique(found)) < len(found) or found[0] == values[0]:
        moments = len(np.unique(values))
        problem = f"{moments:,} different moments are too few for {len(found) + 1} parts"
        raise TableError(where, problem, "give fewer folds, or a column of finer time")
    return found
