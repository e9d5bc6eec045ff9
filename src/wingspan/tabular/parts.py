"""Join what was learned from parts of a table into a `Preparation`.

Sums are kept per block and added exactly (`math.fsum`), so that any number of parts gives the same bits.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wingspan.errors import TableError
from wingspan.shown import counted
from wingspan.tabular import encode, means
from wingspan.tabular.clean import Rules, add_counts
from wingspan.tabular.inputs import Inputs, used_by
from wingspan.tabular.labels import check_classes, check_numbers
from wingspan.tabular.preparation import (
    CategoryColumn,
    Label,
    MeanColumn,
    NumberColumn,
    Preparation,
)
from wingspan.tabular.schema import Schema
from wingspan.tabular.split import TEST, SplitRule, trains

if TYPE_CHECKING:
    import polars as pl


class Moments(NamedTuple):
    """Sums of a number's values of one role in one block.

    `squares` are about the mean of these values.
    """

    role: int
    rows: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True)
class PreparationPart:
    """What was learned from a range of blocks.

    Attributes
    ----------
    numbers
        Moments by block and role, for each number and the target of a regression.
    values
        Rows by role of each value of each category.
    classes
        (label, rows by role): one for each role from 0, the last for the test part.
    targets
        Category -> what `count_targets` counted in each block, where its means are features.
    fills
        Sums that stand for those of the numbers in compatibility mode.
    rows
        Rows by role, of which the test part is the last.
    unlabelled
        The rows without a target: their number, and the first row's id.
    folded_by_time
        Whether a fold's training is the rows before it.
    """

    inputs: Inputs
    numbers: dict[str, list[Moments]]
    values: dict[str, dict[str, list[int]]]
    classes: list[tuple[Label, list[int]]]
    counts: dict[str, int]
    rows: list[int]
    fills: dict[str, list[float]] = field(default_factory=dict)
    unlabelled: tuple[int, int] = (0, 0)
    folded_by_time: bool = False
    targets: "dict[str, list[pl.DataFrame]]" = field(default_factory=dict)


def merge_parts(parts: Sequence[PreparationPart], fold: int | None = None) -> Preparation:
    """Join the parts of all blocks of a table; their number and order do not matter.

    Parameters
    ----------
    fold
        Learn from the training rows of this fold alone; it is the test part then.
    """
    folds = len(parts[0].rows) - 2
    rule = SplitRule(folds=folds if folds > 1 else 0, validation=0.5 if folds == 1 else 0.0)
    if parts[0].folded_by_time:
        rule = replace(rule, time="time")
    learned = np.flatnonzero(trains(replace(rule, fold=fold), np.arange(folds + 1))).tolist()
    tested = TEST if fold is None else fold + 1
    counts = _merge_counts(parts)
    inputs = _without_empty(parts, learned)
    classes = _merge_classes(parts, learned, tested)
    training = sum(part.rows[role] for part in parts for role in learned)
    center, scale = 0.0, 1.0
    if inputs.task == "regression":
        moments = _of_roles(inputs.target, parts, learned)
        center, scale, _ = _spread(inputs.target, moments)
        check_numbers(inputs.target, scale, training)
    else:
        by_time = parts[0].folded_by_time
        check_classes(inputs.target, classes, whole=fold is None, by_time=by_time)
    return Preparation(
        schema=inputs.schema,
        target=inputs.target,
        classes=tuple(classes),
        numbers=tuple(_number(name, parts, learned, training) for name in inputs.numbers),
        categories=tuple(
            _category(name, parts, learned, inputs.rules, training) for name in inputs.categories
        ),
        rules=inputs.rules,
        compatibility=inputs.compatibility,
        ignored=inputs.ignored,
        counts=counts,
        training_rows=training,
        test_rows=sum(part.rows[tested] for part in parts),
        task=inputs.task,
        reading=inputs.reading,
        treatment=inputs.treatment,
        class_rows=tuple(rows for rows, _ in classes.values()),
        test_class_rows=tuple(rows for _, rows in classes.values()),
        center=center,
        scale=scale,
        texts=tuple(
            encode.learned_text(name, _rows_of_values(name, parts, learned), training)
            for name in inputs.texts
        ),
        means=tuple(
            _mean_column(name, parts, learned, tuple(classes), training) for name in inputs.means
        ),
    )


def checked(learned: Sequence[tuple[SplitRule, Preparation]]) -> list[Preparation]:
    """Return the preparations; refuse parts without rows, or training rows of one class.

    Raises
    ------
    TableError
        The message says how to divide the rows otherwise.
    """
    for split, preparation in learned:
        _check_rows(split, preparation)
    return [preparation for _, preparation in learned]


def _check_rows(split: SplitRule, preparation: Preparation) -> None:
    part, wider = "the test part", "give a larger --test-size"
    if split.fold is not None:
        part, wider = "the validation part", "give a larger --validation"
    if split.fold is not None and split.folds:
        part, wider = f"fold {split.fold + 1}", "give fewer --folds"
    fix = f"{wider}, more rows, or another --seed"
    where = f"column {split.column!r}" if split.column else "split"
    if split.column:
        fix = f"group by a column of more values, {wider}, or give another --seed"
    if not preparation.test_rows:
        raise TableError(where, f"no row is in {part}", fix)
    if not preparation.training_rows:
        raise TableError(where, f"no row is left for training, all are in {part}", fix)
    learned = [rows for rows in preparation.class_rows if rows]
    if preparation.classes and len(learned) < 2:
        label = preparation.classes[preparation.class_rows.index(learned[0])]
        problem = f"the training rows for {part} are all of class {label!r}"
        fix = "give more rows, or keep the shares of the classes: --stratify"
        if split.time:
            fix = "give fewer --folds, or leave out --time"
        raise TableError(f"column {preparation.target!r}", problem, fix)


def _mean_column(
    name: str,
    parts: Sequence[PreparationPart],
    learned: list[int],
    classes: tuple[Label, ...],
    training: int,
) -> MeanColumn:
    missing = training - sum(_rows_of_values(name, parts, learned).values())
    blocks = [block for part in parts for block in part.targets[name]]
    return means.learned_means(name, blocks, learned, classes, missing)


def _without_empty(parts: Sequence[PreparationPart], learned: list[int]) -> Inputs:
    """Return the inputs without the columns that have no value in any training row."""
    inputs = parts[0].inputs
    empty = [
        name
        for name in inputs.numbers
        if not any(moments.rows for moments in _of_roles(name, parts, learned))
    ]
    named = (*inputs.categories, *inputs.texts, *inputs.means)
    empty += [name for name in named if not _rows_of_values(name, parts, learned)]
    if not empty:
        return inputs
    if len(empty) == len(inputs.numbers) + len(named):
        fix = "give columns of numbers or categories"
        raise TableError("features", "no column has a value in the training rows", fix)
    unread = set(empty) - used_by(inputs.rules)
    columns = tuple(column for column in inputs.schema.columns if column.name not in unread)
    return replace(
        inputs,
        schema=Schema(columns),
        numbers=tuple(name for name in inputs.numbers if name not in empty),
        categories=tuple(name for name in inputs.categories if name not in empty),
        texts=tuple(name for name in inputs.texts if name not in empty),
        means=tuple(name for name in inputs.means if name not in empty),
        ignored=inputs.ignored | dict.fromkeys(empty, "empty: no training row has a value"),
    )


def _of_roles(name: str, parts: Sequence[PreparationPart], learned: list[int]) -> list[Moments]:
    return [each for part in parts for each in part.numbers[name] if each.role in learned]


def _rows_of_values(
    name: str, parts: Sequence[PreparationPart], learned: list[int]
) -> dict[str, int]:
    """Return the number of training rows of each value that occurs in training."""
    rows: dict[str, int] = defaultdict(int)
    for part in parts:
        for value, counts in part.values[name].items():
            rows[value] += sum(counts[role] for role in learned)
    return {value: count for value, count in rows.items() if count}


def _merge_counts(parts: Sequence[PreparationPart]) -> dict[str, int]:
    """Return what the rules changed in all parts.

    Rows without a target are refused, unless a rule drops them.
    """
    inputs, counts = parts[0].inputs, dict[str, int]()
    for part in parts:
        counts = add_counts(counts, part.counts)
    unlabelled = sum(part.unlabelled[0] for part in parts)
    if unlabelled and inputs.rules.missing_target == "error":
        first = min(part.unlabelled[1] for part in parts if part.unlabelled[0])
        problem = (
            f"the target is missing in {counted(unlabelled, 'row')}, first in row {first + 1:,}"
        )
        fix = "fill it, or leave those rows out with --drop-missing-target"
        raise TableError(f"column {inputs.target!r}", problem, fix)
    if unlabelled:
        counts[f"{inputs.target}: target missing, row left out"] = unlabelled
    return counts


def _merge_classes(
    parts: Sequence[PreparationPart], learned: list[int], tested: int
) -> dict[Label, tuple[int, int]]:
    """Return the training and test rows of each label, sorted by label."""
    classes: dict[Label, tuple[int, int]] = {}
    for part in parts:
        for label, rows in part.classes:
            training, test = classes.get(label, (0, 0))
            training += sum(rows[role] for role in learned)
            classes[label] = (training, test + rows[tested])
    return dict(sorted(classes.items()))


def _spread(name: str, moments: Sequence[Moments]) -> tuple[float, float, int]:
    """Return the mean, the standard deviation and the number of values; (0, 0, 0) of none.

    Raises
    ------
    TableError
        The squares of the values are beyond what a float holds.
    """
    count = sum(each.rows for each in moments)
    if not count:
        return 0.0, 0.0, 0
    try:
        mean = math.fsum(each.total for each in moments) / count
        apart = (each.rows * (each.total / each.rows - mean) ** 2 for each in moments if each.rows)
        squares = math.fsum([*(each.squares for each in moments), *apart])
    except (OverflowError, ValueError):  # of fsum: a sum that overflows, or inf - inf
        squares = math.inf
    if not math.isfinite(squares):
        problem = "its numbers are too large: their squares are beyond what a float holds"
        fix = "divide them by a constant, or leave the column out"
        raise TableError(f"column {name!r}", problem, fix)
    return mean, math.sqrt(squares / count), count


def _number(
    name: str, parts: Sequence[PreparationPart], learned: list[int], training: int
) -> NumberColumn:
    mean, deviation, count = _spread(name, _of_roles(name, parts, learned))
    sums = [total for part in parts for total in part.fills.get(name, ())]
    fill = math.fsum(sums) / count if sums else mean
    treatment = parts[0].inputs.treatment
    if not isinstance(treatment.fill, str):
        fill = float(treatment.fill)
    holes = max(0, training - count)
    return NumberColumn(name, fill, mean, deviation, holes, bool(treatment.indicators and holes))


def _category(
    name: str, parts: Sequence[PreparationPart], learned: list[int], rules: Rules, training: int
) -> CategoryColumn:
    rows = _rows_of_values(name, parts, learned)
    order = parts[0].inputs.treatment.orders.get(name)
    if order is not None:
        return encode.learned_order(name, rows, order, training)
    rule = next((rule for rule in rules.rare if rule.column == name), None)
    least = None if rule is None else max(rule.count, rule.share * training)
    return encode.learned_category(name, rows, least, training)
