"""`Table` and split -> `Preparation`, learned from the training part only.

`learn_part` reads a range of blocks, `merge_parts` joins what several ranges told. Sums are kept per block and added
exactly (`math.fsum`), so that any number of parts gives the same bits.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import SettingError, TableError
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks, without_rows
from wingspan.tabular.clean import Rules, add_counts, check_rules, clean, is_missing
from wingspan.tabular.labels import MAX_CLASSES, check_kind, refuse_many
from wingspan.tabular.preparation import (
    CategoryColumn,
    Label,
    NumberColumn,
    Preparation,
    as_text,
)
from wingspan.tabular.schema import Column, Schema
from wingspan.tabular.split import SplitRule, assign, test_mask

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Inputs:
    """Which columns are used and how: known from the schema, before a row is read.

    Attributes
    ----------
    schema
        The raw columns that are read, target included.
    numbers, categories
        Clean columns that become features, in order.
    """

    schema: Schema
    target: str
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    ignored: dict[str, str]
    rules: Rules
    compatibility: bool


@dataclass(frozen=True, slots=True)
class PreparationPart:
    """What a range of blocks tells.

    Attributes
    ----------
    sums, valid
        Number -> sums of its values, one per block; number -> how many values there are.
    values
        Category -> value -> rows.
    classes
        (label, rows in training, rows in the test).
    unlabelled
        The rows without a target: their number, and the first row's id.
    """

    inputs: Inputs
    sums: dict[str, list[float]]
    valid: dict[str, int]
    values: dict[str, dict[str, int]]
    classes: list[tuple[Label, int, int]]
    counts: dict[str, int]
    unlabelled: tuple[int, int] = (0, 0)


def learn_preparation(
    table: Table,
    split: SplitRule,
    *,
    target: str,
    drop: Sequence[str] = (),
    rules: Rules | None = None,
    compatibility: bool = False,
) -> Preparation:
    """Learn means and categories from the training part of a table, in one pass.

    Parameters
    ----------
    drop
        Columns that shall be no features.
    compatibility
        Learn from all rows, as a script does that fills and encodes a table before it splits it with pandas and
        scikit-learn; the row's position becomes the first feature.

    Raises
    ------
    NotFoundError, SettingError
        A column that is named is not there.
    TableError
        The target is missing, constant or of too many values; a column is of no use; a number is infinite.
    """
    inputs = choose_inputs(
        table, target=target, drop=drop, rules=rules, compatibility=compatibility
    )
    return merge_parts([learn_part(table, split, inputs)])


def choose_inputs(
    table: Table,
    *,
    target: str,
    drop: Sequence[str] = (),
    rules: Rules | None = None,
    compatibility: bool = False,
) -> Inputs:
    """Choose the columns that become features: numbers, booleans and categories, also those that rules make."""
    rules = rules or Rules()
    check_kind(table.schema.column(target))
    check_rules(rules, table.schema, target)
    ignored = {table.schema.column(name).name: "dropped" for name in drop}
    if target in ignored:
        raise SettingError(f"column {target!r}", "the target is dropped", "drop other columns")
    if compatibility and rules.drops_rows:
        problem = "a rule drops rows, which changes scikit-learn's split"
        fix = "make the values missing, or clip them; fill a missing target"
        raise SettingError("compatibility", problem, fix)
    raw = {column.name: column for column in table.schema.columns}
    dtypes = clean(without_rows(table), rules).frame.schema
    used = _used_by(rules)
    ignored |= {name: "dropped by a rule" for name in raw if name not in {*dtypes, *used, *ignored}}
    numbers, categories = [], []
    for name, dtype in dtypes.items():
        if name in ignored or name == target:
            continue
        if name in raw and _is_category(raw[name], compatibility=compatibility):
            categories.append(name)
        elif dtype.is_numeric() or raw[name].kind == "boolean":
            numbers.append(name)
        else:
            ignored[name] = _reason(raw[name])
    if compatibility:
        _refuse_odd(ignored)
    if not numbers and not categories:
        fix = "give columns of numbers or categories"
        raise TableError(str(table.data), "no column is left as a feature", fix)
    read = {name for name in raw if name not in ignored} | used
    schema = Schema(tuple(column for column in table.schema.columns if column.name in read))
    return Inputs(schema, target, tuple(numbers), tuple(categories), ignored, rules, compatibility)


def _is_category(column: Column, *, compatibility: bool) -> bool:
    """Return whether a raw column is one; pandas takes booleans with missing values for objects, so for categories."""
    return (column.kind == "category" and not column.empty) or (
        compatibility and column.kind == "boolean" and column.nullable
    )


def _reason(column: Column) -> str:
    if column.empty:
        return "empty: no row has a value"
    if column.kind == "text":
        return "text of many values: no category"
    if column.kind == "date":
        return "a date: declare a date rule to use it"
    return f"{column.dtype} is no number and no category"


def _refuse_odd(ignored: dict[str, str]) -> None:
    odd = [f"column {n!r} is {why}" for n, why in ignored.items() if not why.startswith("dropped")]
    if odd:
        fix = "drop it, or read the table with dates=False or a larger max_categories"
        raise TableError("compatibility", "; ".join(odd), fix)


def _used_by(rules: Rules) -> set[str]:
    return {
        *(rule.column for rule in rules.text),
        *(rule.column for rule in rules.ranges),
        *(rule.column for rule in rules.dates),
        *(name for ratio in rules.ratios for name in (ratio.numerator, ratio.denominator)),
    }


class _Tally:
    """What is added up over the blocks of a part."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.sums: dict[str, list[float]] = {name: [] for name in inputs.numbers}
        self.valid = dict.fromkeys(inputs.numbers, 0)
        self.values: dict[str, dict[str, int]] = {n: defaultdict(int) for n in inputs.categories}
        self.classes: dict[Label, list[int]] = defaultdict(lambda: [0, 0])
        self.counts: dict[str, int] = {}
        self.unlabelled = (0, 0)

    def add(self, frame: "pl.DataFrame", is_test: NDArray[np.bool_], first_row: int) -> None:
        """Add a block of raw rows."""
        import polars as pl

        cleaned, keep, counts = clean(frame, self.inputs.rules)
        missing = is_missing(frame[self.inputs.target])
        if missing.any():
            count, first = self.unlabelled
            first = first if count else first_row + int(missing.argmax())
            self.unlabelled = (count + int(missing.sum()), first)
            keep = keep & ~missing
        self.counts = add_counts(self.counts, counts)
        for part, mask in enumerate((keep & ~is_test, keep & is_test)):
            labels = cleaned[self.inputs.target].filter(pl.Series(mask)).value_counts()
            for label, count in labels.rows():
                self.classes[label][part] += count
        if len(self.classes) > MAX_CLASSES:
            refuse_many(self.inputs.target, self.classes)
        learn = keep if self.inputs.compatibility else keep & ~is_test
        for name in self.inputs.numbers:
            values = cleaned[name].cast(pl.Float64).to_numpy()[learn]
            values = values[~np.isnan(values)]
            self.sums[name].append(float(values.sum()))
            self.valid[name] += len(values)
        chosen = pl.Series(learn)
        for name in self.inputs.categories:
            column = as_text(cleaned[name]).filter(chosen).drop_nulls()
            for value, count in column.value_counts().rows():
                self.values[name][value] += count


def learn_part(
    table: Table, split: SplitRule, inputs: Inputs, blocks: range | None = None
) -> PreparationPart:
    """Read some blocks of a table, by default all, and return what they tell."""
    blocks = table.blocks if blocks is None else blocks
    assignment = assign(table, split)
    tally = _Tally(inputs)
    columns = list(dict.fromkeys([*inputs.schema.names, *split.columns]))
    for block, frame in zip(blocks, iter_blocks(table, columns, blocks), strict=True):
        tally.add(frame, test_mask(assignment, block, frame), block * BLOCK_ROWS)
    if inputs.compatibility:
        tally.sums |= _sums_of_pandas(table, inputs, blocks)
    return PreparationPart(
        inputs,
        tally.sums,
        tally.valid,
        {name: dict(sorted(values.items())) for name, values in tally.values.items()},
        [(label, train, test) for label, (train, test) in sorted(tally.classes.items())],
        tally.counts,
        tally.unlabelled,
    )


def _sums_of_pandas(table: Table, inputs: Inputs, blocks: range) -> dict[str, list[float]]:
    """Return the sums that pandas' mean makes of columns with missing values: over all rows at once.

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


def merge_parts(parts: Sequence[PreparationPart]) -> Preparation:
    """Join the parts of all blocks of a table; their number and order do not matter."""
    inputs = _without_empty(parts)
    counts = _merge_counts(parts)
    classes = _merge_classes(parts)
    _check_classes(inputs.target, classes)
    training, test = (sum(sizes) for sizes in zip(*classes.values(), strict=True))
    return Preparation(
        schema=inputs.schema,
        target=inputs.target,
        classes=tuple(sorted(classes)),
        numbers=tuple(_number(name, parts) for name in inputs.numbers),
        categories=tuple(
            _category(name, parts, inputs.rules, training) for name in inputs.categories
        ),
        rules=inputs.rules,
        compatibility=inputs.compatibility,
        ignored=inputs.ignored,
        counts=counts,
        training_rows=training,
        test_rows=test,
    )


def _without_empty(parts: Sequence[PreparationPart]) -> Inputs:
    """Return the inputs without the columns that have no value in any training row."""
    inputs = parts[0].inputs
    numbers = [name for name in inputs.numbers if not any(part.valid[name] for part in parts)]
    texts = [name for name in inputs.categories if not any(part.values[name] for part in parts)]
    empty = [*numbers, *texts]
    if not empty:
        return inputs
    if len(empty) == len(inputs.numbers) + len(inputs.categories):
        fix = "give columns of numbers or categories"
        raise TableError("features", "no column has a value in the training rows", fix)
    unread = set(empty) - _used_by(inputs.rules)
    columns = tuple(column for column in inputs.schema.columns if column.name not in unread)
    return replace(
        inputs,
        schema=Schema(columns),
        numbers=tuple(name for name in inputs.numbers if name not in empty),
        categories=tuple(name for name in inputs.categories if name not in empty),
        ignored=inputs.ignored | dict.fromkeys(empty, "empty: no training row has a value"),
    )


def _merge_counts(parts: Sequence[PreparationPart]) -> dict[str, int]:
    """Return what the rules changed in all parts; refuse rows without a target, unless a rule drops them."""
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


def _merge_classes(parts: Sequence[PreparationPart]) -> dict[Label, tuple[int, int]]:
    classes: dict[Label, tuple[int, int]] = {}
    for part in parts:
        for label, training, test in part.classes:
            before = classes.get(label, (0, 0))
            classes[label] = (before[0] + training, before[1] + test)
    return classes


def _check_classes(target: str, classes: dict[Label, tuple[int, int]]) -> None:
    learned = [label for label, (training, _) in classes.items() if training]
    where = f"column {target!r}"
    refuse_many(target, classes)
    if len(classes) < 2:
        problem = f"the target is {next(iter(classes), None)!r} in every row"
        raise TableError(where, problem, "choose a column of two or more classes")
    if absent := sorted(set(classes) - set(learned)):
        problem = f"no training row has {absent}, only test rows have"
        raise TableError(where, problem, "give more rows, or stratify the split by the target")


def _number(name: str, parts: Sequence[PreparationPart]) -> NumberColumn:
    valid = sum(part.valid[name] for part in parts)
    return NumberColumn(name, math.fsum(s for part in parts for s in part.sums[name]) / valid)


def _category(
    name: str, parts: Sequence[PreparationPart], rules: Rules, training: int
) -> CategoryColumn:
    rows: dict[str, int] = defaultdict(int)
    for part in parts:
        for value, count in part.values[name].items():
            rows[value] += count
    values = sorted(rows, key=str.encode)
    rule = next((rule for rule in rules.rare if rule.column == name), None)
    if rule is None:
        return CategoryColumn(name, tuple(values))
    least = max(rule.count, rule.share * training)
    kept = tuple(value for value in values if rows[value] >= least)
    return CategoryColumn(name, kept, tuple(value for value in values if rows[value] < least))
