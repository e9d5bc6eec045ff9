"""Turn raw rows into features and class numbers.

Training, test and prediction use the same functions.

Letters: N rows, F features, C classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.shown import counted
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.clean import clean, is_missing
from wingspan.tabular.encode import codes_of, weighted_words
from wingspan.tabular.features import Features, Floats, Hot, Ints, Precision, Words
from wingspan.tabular.means import encoded_means
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.split import (
    Assignment,
    SplitRule,
    assign,
    test_mask,
    train_mask,
)

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows as an estimator takes them.

    Attributes
    ----------
    x
        (N, F) in C order, named by `Preparation.features`; writeable, and owned by this record.
    y
        (N,) class numbers 0 ... C-1, or the numbers of a regression; read-only, as `rows`.
    rows
        (N,) row ids.
    block
        The block they are of; None if of all.
    weights
        (N,) weights of training rows, where the preparation has them.
    """

    x: Floats
    y: Any
    rows: Ints
    block: int | None = None
    weights: NDArray[np.float64] | None = None


def transform(
    preparation: Preparation,
    frame: "pl.DataFrame",
    *,
    first_row: int | Ints = 0,
    dtype: Precision = np.float64,
) -> Floats:
    """Return the features of raw rows, (N, F) in C order.

    Rows are cleaned, missing values filled, and categories encoded.

    Parameters
    ----------
    frame
        Has at least `preparation.inputs`.
    first_row
        The row id of the first row, or those of all, (N,): a feature in compatibility mode.
    """
    return features_of(preparation, frame, first_row=first_row).matrix(dtype)


def features_of(
    preparation: Preparation,
    frame: "pl.DataFrame",
    *,
    first_row: int | Ints = 0,
    folds: Ints | None = None,
) -> Features:
    """Return the features of raw rows by column; see `transform` and `encoded`."""
    return encoded(preparation, cleaned(preparation, frame), first_row=first_row, folds=folds)


def encoded(
    preparation: Preparation,
    clean_rows: "pl.DataFrame",
    *,
    first_row: int | Ints = 0,
    folds: Ints | None = None,
) -> Features:
    """Return the features of rows that are `cleaned`.

    Parameters
    ----------
    folds
        The `inner_folds` of training rows (N,), from whose features their own target is kept out.
    """
    made = Features(len(clean_rows), len(preparation.features))
    place = 0
    if preparation.compatibility:
        made.numbers.append((0, _row_ids(first_row, len(clean_rows))))
        place = 1
    for number in preparation.numbers:
        column = clean_rows[number.name]
        made.numbers.append((place, _filled(column, number.fill)))
        if number.indicator:
            made.numbers.append((place + 1, is_missing(column)))
        place += len(number.features)
    for category in preparation.categories:
        codes, unseen = codes_of(clean_rows[category.name], category)
        size = len(category.features)
        if category.ordinal:
            made.numbers.append((place, codes.astype(np.float64)))
        else:
            made.hot.append(Hot(place - 1, size, codes))
        if unseen:
            made.unseen[category.name] = unseen
        place += size
    for text in preparation.texts:
        rows, words, values = weighted_words(clean_rows[text.name], text)
        made.words.append(Words(rows, words + place, values))
        place += len(text.words)
    for mean in preparation.means:
        values, unseen = encoded_means(clean_rows[mean.name], mean, folds)
        made.numbers.append((place, values))
        if unseen:
            made.unseen[mean.name] = unseen
        place += 1
    return made


def _row_ids(first_row: int | Ints, rows: int) -> Ints:
    return np.arange(first_row, first_row + rows) if isinstance(first_row, int) else first_row


def cleaned(preparation: Preparation, frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return raw rows as the rules of the preparation clean them; none is dropped."""
    missing = [name for name in preparation.inputs if name not in frame.columns]
    if missing:
        problem = f"expected columns {missing}, found {frame.columns}"
        raise TableError("rows", problem, "give the columns that the model was trained with")
    return clean(frame.select(preparation.inputs), preparation.rules, predicting=True).frame


def _filled(column: "pl.Series", fill: float) -> NDArray[np.float64]:
    import polars as pl

    values = column.cast(pl.Float64).to_numpy()
    missing = np.isnan(values)
    return np.where(missing, fill, values) if missing.any() else values


def count_unseen(preparation: Preparation, frame: "pl.DataFrame") -> dict[str, int]:
    """Return the rows with an unseen value for each category that has any."""
    return features_of(preparation, frame).unseen


def target_of(preparation: Preparation, frame: "pl.DataFrame") -> NDArray[Any]:
    """Return the class numbers of rows, or the numbers of a regression, (N,).

    Class numbers are positions in `preparation.classes`.

    Raises
    ------
    TableError
        The target is not there, is missing in a row, or is a label that training has not seen.
    """
    import polars as pl

    name = preparation.target
    if name not in frame.columns:
        raise TableError(f"column {name!r}", "the target is not in the table", "give it")
    column = frame[name]
    if preparation.task == "regression":
        return _numbers(column)
    labels = pl.Series(list(preparation.classes))
    if column.dtype.is_integer() and labels.dtype.is_integer():
        column, labels = column.cast(pl.Int128), labels.cast(pl.Int128)
    elif column.dtype.is_numeric() and labels.dtype.is_numeric():
        column, labels = column.cast(pl.Float64), labels.cast(pl.Float64)
    elif column.dtype != labels.dtype:
        column, labels = column.cast(pl.String), labels.cast(pl.String)
    numbers = column.replace_strict(
        labels, pl.Series(range(len(labels))), default=None, return_dtype=pl.Int64
    )
    if numbers.null_count():
        found = frame[name].filter(numbers.is_null()).unique(maintain_order=True).head(5).to_list()
        problem = f"expected one of {list(preparation.classes)}, found {found}"
        raise TableError(f"column {name!r}", problem, "correct the labels, or train again")
    y = numbers.to_numpy().astype(np.int64)
    y.flags.writeable = False
    return y


def _numbers(column: "pl.Series") -> NDArray[np.float64]:
    """Return the target of a regression, (N,)."""
    import polars as pl

    values = column.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    if wrong := int((~np.isfinite(values)).sum()):
        problem = f"expected finite numbers as the target, found {counted(wrong, 'other value')}"
        raise TableError(f"column {column.name!r}", problem, "correct or leave out those rows")
    values.flags.writeable = False
    return values


def iter_targets(
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    part: Literal["train", "test"],
    *,
    blocks: range | None = None,
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the block number and the target of the rows of one part.

    Only the columns that this needs are read.
    """
    assignment = assign(table, split)
    for block, _, frame in iter_part(table, assignment, preparation, part, blocks, few=True):
        yield block, target_of(preparation, frame)


def iter_matrices(
    table: Table,
    split: SplitRule | Assignment,
    preparation: Preparation,
    part: Literal["train", "test"],
    *,
    blocks: range | None = None,
    dtype: Precision = np.float64,
) -> Iterator[Matrix]:
    """Yield the rows of one part block by block, in input order.

    Rows that a rule drops are left out.
    """
    assignment = split if isinstance(split, Assignment) else assign(table, split)
    for block, rows, frame in iter_part(table, assignment, preparation, part, blocks):
        x = transform(preparation, frame, first_row=rows, dtype=dtype)
        yield Matrix(x, target_of(preparation, frame), rows, block)


def iter_features(
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    part: Literal["train", "test"],
    *,
    blocks: range | None = None,
) -> Iterator[tuple[int, Features, NDArray[Any]]]:
    """Yield the block number, the features by column and the target of the rows of one part."""
    assignment = assign(table, split)
    for block, rows, frame in iter_part(table, assignment, preparation, part, blocks):
        x = features_of(preparation, frame, first_row=rows)
        yield block, x, target_of(preparation, frame)


def iter_part(
    table: Table,
    assignment: Assignment,
    preparation: Preparation,
    part: Literal["train", "test"],
    blocks: range | None,
    *,
    few: bool = False,
) -> "Iterator[tuple[int, Ints, pl.DataFrame]]":
    """Yield the block number, row ids and raw rows of one part, block by block.

    With `few`, only the columns for the target are read.
    """
    import polars as pl

    blocks = table.blocks if blocks is None else blocks
    needed = preparation.schema.names
    if few and not preparation.rules.drops_rows:
        needed = (preparation.target,)
    weight = preparation.treatment.weight
    extra = [weight] if weight and part == "train" else []
    columns = list(dict.fromkeys([*needed, *assignment.rule.columns, *extra]))
    for block, frame in zip(blocks, iter_blocks(table, columns, blocks), strict=True):
        mask = test_mask if part == "test" else train_mask
        chosen = mask(assignment, block, frame)
        if preparation.rules.drops_rows:
            chosen = chosen & clean(frame, preparation.rules).keep
            chosen = chosen & ~is_missing(frame[preparation.target])
        rows = np.flatnonzero(chosen) + block * BLOCK_ROWS
        rows.flags.writeable = False
        yield block, rows, frame.filter(pl.Series(chosen))
