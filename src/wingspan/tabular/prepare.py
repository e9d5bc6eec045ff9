"""Learn a `Preparation` from the training part of a table.

`learn_part` reads a range of blocks once, and keeps what it learns apart by fold. `merge_parts` joins the ranges, and
the folds of a training.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular import encode, means
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.clean import Rules, add_counts, clean, is_missing
from wingspan.tabular.inputs import Inputs, Wanted, choose_inputs
from wingspan.tabular.labels import MAX_CLASSES, Task, refuse_many
from wingspan.tabular.parts import Moments, PreparationPart, merge_parts
from wingspan.tabular.preparation import Label, Preparation, as_text
from wingspan.tabular.split import TEST, SplitRule, assign, inner_folds, roles

__all__ = ["PreparationPart", "learn_part", "learn_preparation", "merge_parts"]

if TYPE_CHECKING:
    import polars as pl


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
        numbers = (inputs.target,) if inputs.task == "regression" else ()
        self.numbers: dict[str, list[Moments]] = {n: [] for n in (*inputs.numbers, *numbers)}
        self.values: dict[str, dict[str, list[int]]] = {
            name: defaultdict(self._zeros)
            for name in (*inputs.categories, *inputs.texts, *inputs.means)
        }
        self.classes: dict[Label, list[int]] = defaultdict(self._zeros)
        self.counts: dict[str, int] = {}
        self.rows = self._zeros()
        self.unlabelled = (0, 0)
        self.target_counts: dict[str, list[pl.DataFrame]] = {name: [] for name in inputs.means}

    def _zeros(self) -> list[int]:
        return [0] * self.roles

    def add(
        self, frame: "pl.DataFrame", role: NDArray[np.int64], first_row: int, split: SplitRule
    ) -> None:
        """Add a block of raw rows."""
        cleaned, keep, counts = clean(frame, self.inputs.rules)
        missing = is_missing(frame[self.inputs.target])
        if missing.any():
            count, first = self.unlabelled
            first = first if count else first_row + int(missing.argmax())
            self.unlabelled = (count + int(missing.sum()), first)
            keep = keep & ~missing
        self.counts = add_counts(self.counts, counts)
        parts = _rows_by_role(np.where(keep, role, self.roles), self.roles)
        self._add_targets(cleaned, parts)
        if len(self.classes) > MAX_CLASSES:
            refuse_many(self.inputs.target, self.classes)
        everything = {0: np.flatnonzero(keep)}
        parts.pop(TEST)
        self._learn(cleaned, everything if self.inputs.compatibility else parts)
        if self.inputs.means:
            self._count_targets(frame, cleaned, keep, role, inner_folds(split, first_row, frame))

    def _add_targets(self, cleaned: "pl.DataFrame", parts: "_Parts") -> None:
        for role, rows in parts.items():
            self.rows[role] += len(rows)
        target = cleaned[self.inputs.target]
        if self.inputs.task == "regression":
            self._moments(target, parts)
            return
        for role, rows in parts.items():
            for label, count in target.gather(rows).value_counts().rows():
                self.classes[label][role] += count

    def _learn(self, cleaned: "pl.DataFrame", parts: "_Parts") -> None:
        """Add the features of training rows."""
        for name in self.inputs.numbers:
            self._moments(cleaned[name], parts)
        for name in (*self.inputs.categories, *self.inputs.means):
            self._count_values(as_text(cleaned[name]), parts)
        for name in self.inputs.texts:
            for role, rows in parts.items():
                words = encode.words_of(cleaned[name].gather(rows)).list.unique()
                for word, count in words.explode().drop_nulls().value_counts().rows():
                    self.values[name][word][role] += count

    def _count_values(self, text: "pl.Series", parts: "_Parts") -> None:
        """Count the rows of each value.

        Values that no rule has changed are those of the schema, and are counted by their codes, which is quicker.
        """
        import polars as pl

        found, name = self.values[text.name], text.name
        known = {c.name: c.categories for c in self.inputs.schema.columns}.get(name, ())
        codes = text.cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int64)
        if codes.null_count() == text.null_count():
            numbers = codes.fill_null(len(known)).to_numpy()
            for role, rows in parts.items():
                counts = np.bincount(numbers[rows], minlength=len(known) + 1)
                for code in np.flatnonzero(counts[:-1]).tolist():
                    found[known[code]][role] += int(counts[code])
            return
        for role, rows in parts.items():
            for value, count in text.gather(rows).drop_nulls().value_counts().rows():
                found[value][role] += count

    def _count_targets(
        self,
        frame: "pl.DataFrame",
        cleaned: "pl.DataFrame",
        keep: NDArray[np.bool_],
        role: NDArray[np.int64],
        fold: NDArray[np.int64],
    ) -> None:
        """Count the target by the values of the columns that become its mean."""
        import polars as pl

        chosen = pl.Series(keep & (role != TEST))
        target = frame[self.inputs.target]
        regression = self.inputs.task == "regression"
        target = target.cast(pl.Float64) if regression else as_text(target)
        given = (target.filter(chosen), role[chosen.to_numpy()], fold[chosen.to_numpy()])
        for name in self.inputs.means:
            counted = means.count_targets(cleaned[name].filter(chosen), *given)
            self.target_counts[name].append(counted)

    def _moments(self, column: "pl.Series", parts: "_Parts") -> None:
        import polars as pl

        every = column.cast(pl.Float64).to_numpy()
        for role, rows in parts.items():
            values = every[rows]
            values = values[~np.isnan(values)]
            with np.errstate(over="ignore", invalid="ignore"):  # `merge_parts` refuses what is inf
                total = float(values.sum())
                about = values - total / max(len(values), 1)
                moments = Moments(role, len(values), total, float(about @ about))
            self.numbers[column.name].append(moments)


_Parts = dict[int, NDArray[np.int64]]
"""The rows of a block, in order, of each role."""


def _rows_by_role(role: NDArray[np.int64], roles: int) -> _Parts:
    """Return the rows of each role from TEST; rows of other roles are in none."""
    order = np.argsort((role - TEST).astype(np.uint16), kind="stable")
    ends = np.searchsorted(role[order], np.arange(TEST, roles))
    return {TEST + k: order[start:end] for k, (start, end) in enumerate(itertools.pairwise(ends))}


def learn_part(
    table: Table, split: SplitRule, inputs: Inputs, blocks: range | None = None
) -> PreparationPart:
    """Read some blocks of a table, by default all, and return what is in them."""
    blocks = table.blocks if blocks is None else blocks
    assignment = assign(table, split)
    tally = _Tally(inputs, split.fold_count)
    columns = list(dict.fromkeys([*inputs.schema.names, *split.columns]))
    for block, frame in zip(blocks, iter_blocks(table, columns, blocks), strict=True):
        tally.add(frame, roles(assignment, block, frame), block * BLOCK_ROWS, split)
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
        tally.target_counts,
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
