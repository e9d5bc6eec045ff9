"""Learn a `Preparation` from the training part of a table.

`learn_part` reads a range of blocks once, and keeps what it learns apart by fold; `merge_parts` joins the ranges, and
the folds that a training has. Sums are kept per block and added exactly (`math.fsum`), so that any number of parts
gives the same bits.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.tabular import encode
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.clean import Rules, add_counts, clean, is_missing
from wingspan.tabular.inputs import Inputs, Wanted, choose_inputs, used_by
from wingspan.tabular.labels import (
    MAX_CLASSES,
    Task,
    check_classes,
    check_numbers,
    refuse_many,
)
from wingspan.tabular.preparation import (
    CategoryColumn,
    Label,
    NumberColumn,
    Preparation,
    as_text,
)
from wingspan.tabular.schema import Schema
from wingspan.tabular.split import TEST, SplitRule, assign, roles, trains

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


def learn_preparation(
    table: Table,
    split: SplitRule,
    *,
    target: str,
    drop: Sequence[str] = (),
    rules: Rules | None = None,
    compatibility: bool = False,
    task: Task | None = None,
) -> Preparation:
    """Learn means and categories from the training part of a table, in one pass.

    Parameters
    ----------
    drop
        Columns that are not to be features.
    compatibility
        Learn from all rows, as a script does that fills and encodes a table before it splits it with pandas and
        scikit-learn; the row's position becomes the first feature.
    task
        Default: regression if the target is a number with fractions, or of many values.

    Raises
    ------
    NotFoundError, SettingError
        A column that is named is not there.
    TableError
        The target is missing, constant or of too many values; a column is of no use; a number is infinite.
    """
    wanted = Wanted(target, tuple(drop), rules or Rules(), compatibility, task)
    inputs = choose_inputs(table, wanted)
    return merge_parts([learn_part(table, split, inputs)], split.fold)


class _Tally:
    """Sums over the blocks of a part."""

    def __init__(self, inputs: Inputs, folds: int) -> None:
        self.inputs = inputs
        self.roles = folds + 2
        self.targets = (inputs.target,) if inputs.task == "regression" else ()
        self.numbers: dict[str, list[Moments]] = {n: [] for n in (*inputs.numbers, *self.targets)}
        self.values: dict[str, dict[str, list[int]]] = {
            name: defaultdict(self._zeros) for name in (*inputs.categories, *inputs.texts)
        }
        self.classes: dict[Label, list[int]] = defaultdict(self._zeros)
        self.counts: dict[str, int] = {}
        self.rows = self._zeros()
        self.unlabelled = (0, 0)

    def _zeros(self) -> list[int]:
        return [0] * self.roles

    def add(self, frame: "pl.DataFrame", role: NDArray[np.int64], first_row: int) -> None:
        """Add a block of raw rows."""
        cleaned, keep, counts = clean(frame, self.inputs.rules)
        missing = is_missing(frame[self.inputs.target])
        if missing.any():
            count, first = self.unlabelled
            first = first if count else first_row + int(missing.argmax())
            self.unlabelled = (count + int(missing.sum()), first)
            keep = keep & ~missing
        self.counts = add_counts(self.counts, counts)
        for number in range(TEST, self.roles - 1):
            self._add_role(cleaned, keep & (role == number), number)
        if len(self.classes) > MAX_CLASSES:
            refuse_many(self.inputs.target, self.classes)
        if self.inputs.compatibility:
            self._learn(cleaned, keep, 0)

    def _add_role(self, cleaned: "pl.DataFrame", mask: NDArray[np.bool_], role: int) -> None:
        import polars as pl

        self.rows[role] += int(mask.sum())
        if self.inputs.task == "classification":
            labels = cleaned[self.inputs.target].filter(pl.Series(mask)).value_counts()
            for label, count in labels.rows():
                self.classes[label][role] += count
        else:
            self._moments(cleaned, self.inputs.target, mask, role)
        if role != TEST and not self.inputs.compatibility:
            self._learn(cleaned, mask, role)

    def _learn(self, cleaned: "pl.DataFrame", mask: NDArray[np.bool_], role: int) -> None:
        """Add the features of training rows."""
        import polars as pl

        for name in self.inputs.numbers:
            self._moments(cleaned, name, mask, role)
        chosen = pl.Series(mask)
        for name in self.inputs.categories:
            column = as_text(cleaned[name]).filter(chosen).drop_nulls()
            for value, count in column.value_counts().rows():
                self.values[name][value][role] += count
        for name in self.inputs.texts:
            words = (
                encode.words_of(cleaned[name].filter(chosen)).list.unique().explode().drop_nulls()
            )
            for word, count in words.value_counts().rows():
                self.values[name][word][role] += count

    def _moments(
        self, cleaned: "pl.DataFrame", name: str, mask: NDArray[np.bool_], role: int
    ) -> None:
        import polars as pl

        values = cleaned[name].cast(pl.Float64).to_numpy()[mask]
        values = values[~np.isnan(values)]
        total = float(values.sum())
        about = values - total / max(len(values), 1)
        self.numbers[name].append(Moments(role, len(values), total, float(about @ about)))


def learn_part(
    table: Table, split: SplitRule, inputs: Inputs, blocks: range | None = None
) -> PreparationPart:
    """Read some blocks of a table, by default all, and return what is in them."""
    blocks = table.blocks if blocks is None else blocks
    assignment = assign(table, split)
    tally = _Tally(inputs, split.fold_count)
    columns = list(dict.fromkeys([*inputs.schema.names, *split.columns]))
    for block, frame in zip(blocks, iter_blocks(table, columns, blocks), strict=True):
        tally.add(frame, roles(assignment, block, frame), block * BLOCK_ROWS)
    fills = _sums_of_pandas(table, inputs, blocks) if inputs.compatibility else {}
    return PreparationPart(
        inputs,
        tally.numbers,
        {name: dict(sorted(values.items())) for name, values in tally.values.items()},
        sorted(tally.classes.items()),
        tally.counts,
        tally.rows,
        fills,
        tally.unlabelled,
        bool(split.time),
    )


def _sums_of_pandas(table: Table, inputs: Inputs, blocks: range) -> dict[str, list[float]]:
    """Return the sums that pandas' mean makes of columns with missing values.

    They may differ from exact sums in the last bit. The range that holds the first block gives them for the table.
    """
    import polars as pl

    holes = [
        name
        for name in inputs.numbers
        if inputs.rules != Rules() or inputs.schema.column(name).nullable
    ]
    if not holes or 0 not in blocks:
        return {name: [] for name in holes}
    columns: dict[str, list[NDArray[np.float64]]] = {name: [] for name in holes}
    for frame in iter_blocks(table, inputs.schema.names):
        cleaned = clean(frame, inputs.rules).frame
        for name, values in columns.items():
            values.append(cleaned[name].cast(pl.Float64).fill_nan(0.0).fill_null(0.0).to_numpy())
    return {name: [float(np.concatenate(values).sum())] for name, values in columns.items()}


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
        center, scale, _ = _spread(_of_roles(inputs.target, parts, learned))
        check_numbers(inputs.target, scale, training)
    else:
        check_classes(inputs.target, classes, whole=fold is None)
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
    )


def _without_empty(parts: Sequence[PreparationPart], learned: list[int]) -> Inputs:
    """Return the inputs without the columns that have no value in any training row."""
    inputs = parts[0].inputs
    empty = [
        name
        for name in inputs.numbers
        if not any(moments.rows for moments in _of_roles(name, parts, learned))
    ]
    named = (*inputs.categories, *inputs.texts)
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
        problem = f"the target is missing in {unlabelled:,} rows, first in row {first + 1:,}"
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


def _spread(moments: Sequence[Moments]) -> tuple[float, float, int]:
    """Return the mean, the standard deviation and the number of values; (0, 0, 0) of none."""
    count = sum(each.rows for each in moments)
    if not count:
        return 0.0, 0.0, 0
    mean = math.fsum(each.total for each in moments) / count
    apart = (each.rows * (each.total / each.rows - mean) ** 2 for each in moments if each.rows)
    squares = math.fsum([*(each.squares for each in moments), *apart])
    return mean, math.sqrt(squares / count), count


def _number(
    name: str, parts: Sequence[PreparationPart], learned: list[int], training: int
) -> NumberColumn:
    mean, deviation, count = _spread(_of_roles(name, parts, learned))
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
