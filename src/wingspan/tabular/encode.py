"""Encode ordered categories and the words of texts.

Both are learned from counts, and applied block by block.

Letters: N rows, F features.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.tabular.preparation import CategoryColumn, TextColumn, as_text

if TYPE_CHECKING:
    import polars as pl

WORDS = 300
"""Number of the commonest words of a text that become features."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def words_of(column: "pl.Series") -> "pl.Series":
    """Return the words of each text, in lower case, as lists (N,); none of a missing text."""
    return as_text(column).fill_null("").str.to_lowercase().str.extract_all(r"\w{2,}")


def learned_text(name: str, rows: Mapping[str, int], training: int) -> TextColumn:
    """Return the commonest words, by the number of training rows that have each."""
    commonest = sorted(rows, key=lambda word: (-rows[word], word.encode()))[:WORDS]
    words = tuple(sorted(commonest, key=str.encode))
    weights = tuple(1 + math.log((1 + training) / (1 + rows[word])) for word in words)
    return TextColumn(name, words, weights)


def weighted_words(column: "pl.Series", text: TextColumn) -> tuple[Ints, Ints, Floats]:
    """Return the row, the place in `text.words` and the weight of each word of texts."""
    import polars as pl

    known = pl.Enum(text.words)
    table = pl.DataFrame({"row": np.arange(len(column)), "word": words_of(column)})
    words = (
        table.explode("word").with_columns(pl.col("word").cast(known, strict=False)).drop_nulls()
    )
    places = words["word"].to_physical().cast(pl.Int64).to_numpy()
    cells, counts = np.unique(
        words["row"].to_numpy() * len(text.words) + places, return_counts=True
    )
    rows, places = np.divmod(cells, max(len(text.words), 1))
    weights = counts * np.asarray(text.weights)[places]
    lengths = np.sqrt(np.bincount(rows, weights * weights, len(column)))
    return rows, places, weights / lengths[rows]


def learned_category(
    name: str, rows: Mapping[str, int], least: float | None, training: int
) -> CategoryColumn:
    """Return a category with the values of the training rows.

    Values of fewer rows than `least` are folded.
    """
    values = sorted(rows, key=str.encode)
    missing = training - sum(rows.values())
    if least is None:
        return CategoryColumn(name, tuple(values), missing=missing)
    kept = tuple(value for value in values if rows[value] >= least)
    folded = tuple(value for value in values if rows[value] < least)
    return CategoryColumn(name, kept, folded, missing)


def learned_order(
    name: str, rows: Mapping[str, int], order: Sequence[str], training: int
) -> CategoryColumn:
    """Return an ordinal category.

    The order is the given one, else that of numbers, else that of bytes.

    Raises
    ------
    TableError
        Training rows have a value that the order lacks.
    """
    missing = training - sum(rows.values())
    if not order:
        numeric = all(map(_NUMBER.fullmatch, rows))
        values = sorted(rows, key=float) if numeric else sorted(rows, key=str.encode)
        return CategoryColumn(name, tuple(values), missing=missing, ordinal=True)
    if odd := sorted(set(rows) - set(order)):
        problem = f"expected one of {', '.join(order)}, found {', '.join(odd[:5])}"
        fix = f"name all values in their order: --ordinal '{name}={'<'.join([*order, *odd[:5]])}'"
        raise TableError(f"column {name!r}", problem, fix)
    return CategoryColumn(name, tuple(order), missing=missing, ordinal=True)


def codes_of(column: "pl.Series", category: CategoryColumn) -> tuple[Ints, int]:
    """Return the code of each value (N,), and the number of rows with an unseen value.

    A code is the number of the value's feature from 1, or 0 for none; for an ordinal category it is the place of the
    value, or -1 for a new or missing one.
    """
    import polars as pl

    text = as_text(column)
    codes = text.cast(pl.Enum(category.values), strict=False).to_physical().cast(pl.Int64)
    unseen = codes.null_count() - text.null_count()
    if unseen and category.folded:
        folded = text.filter(codes.is_null()).drop_nulls().is_in(list(category.folded))
        unseen -= int(folded.sum())
    if category.folded is not None and not category.ordinal:
        rare = len(category.values) or 1
        codes = codes.zip_with(codes.is_not_null() | column.is_null(), pl.Series([rare]))
    return codes.fill_null(-1 if category.ordinal else 0).to_numpy(), unseen
