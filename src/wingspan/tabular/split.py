"""Divide the rows of a table: a test part, and the rest in folds for validation.

By hash: a row's part depends on its id and the seed alone, so it is the same in every shard and block. By time: later
rows test what earlier rows taught. As scikit-learn: the rows and the order of ``train_test_split``, for results that
can be compared.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import SettingError, TableError
from wingspan.shown import counted
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.times import begins, moments_of

if TYPE_CHECKING:
    import polars as pl

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
_Hashes = NDArray[np.uint64]

TEST = -1
"""The role of a row of the test part; the others are 0, or the number of their fold from 1."""

_BIN_BITS = 16
_MISSING = "\0"
"""The class of rows without a value, where rows are stratified."""
_MAX_CLASSES = 100
_LAST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How rows are divided.

    Attributes
    ----------
    test_size
        Share of the rows, between 0 and 1.
    validation
        Share of the other rows that are one fold, on which models are compared.
    folds
        In place of that: the number of folds that all other rows are in.
    fold
        None, or the number of one fold from 0: then that fold is the test part, and training has the other rows (by
        time: the rows before it).
    time
        A column of dates or numbers: the latest rows are the test part, and each fold is later than the one before.
    stratify
        A column of few values, each of which keeps this share.
    column
        For a hash, the column whose value is hashed, so that rows of the same value stay together; default: the
        position of the row.
    """

    kind: Literal["hash", "sklearn"] = "hash"
    test_size: float = 0.2
    seed: int = 42
    stratify: str | None = None
    column: str | None = None
    validation: float = 0.0
    folds: int = 0
    time: str | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("hash", "sklearn"):
            problem = f"expected hash or sklearn, found {self.kind!r}"
            raise SettingError("split kind", problem, "give one of those")
        if not 0 < self.test_size < 1:
            problem = f"expected a share between 0 and 1, found {self.test_size!r}"
            raise SettingError("test_size", problem, "give 0.2 for a fifth of the rows")
        if self.kind == "sklearn" and self.column:
            fix = "leave it out, or split by hash"
            raise SettingError("split column", "scikit-learn's split knows no column", fix)
        _check_folds(self)

    @property
    def columns(self) -> list[str]:
        """The columns that a block must have for `test_mask`."""
        return [name for name in (self.column, self.time, self.stratify) if name]

    @property
    def fold_count(self) -> int:
        """How many folds there are."""
        return self.folds or int(self.validation > 0)

    @property
    def rules_of_folds(self) -> "list[SplitRule]":
        """The rule of each fold."""
        return [replace(self, fold=number) for number in range(self.fold_count)]

    @property
    def cuts(self) -> list[float]:
        """The shares of the rows where the test part and each fold end; what is left is in no fold."""
        folds = [number / self.folds for number in range(1, self.folds + 1)]
        ends = [0.0, *(folds or [self.validation])][: self.fold_count + 1]
        return [self.test_size + (1 - self.test_size) * end for end in ends]

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(**content)


def _check_folds(split: SplitRule) -> None:
    """Refuse folds that make no sense, or do not go with the rest of a rule."""
    if not 0 <= split.validation < 1:
        problem = f"expected a share between 0 and 1, found {split.validation!r}"
        raise SettingError("validation", problem, "give 0.2 for a fifth of the training rows")
    if split.folds < 0 or split.folds == 1:
        raise SettingError("folds", f"expected 2 or more, found {split.folds}", "give --folds 5")
    if split.kind == "sklearn" and (split.fold_count or split.time):
        problem = "scikit-learn's split has a test part alone"
        raise SettingError("compatibility", problem, "leave out the folds, or the compatibility")
    if split.time and (split.stratify or split.column):
        other = "--stratify" if split.stratify else "--group"
        problem = "a split by time cannot be stratified or grouped as well"
        raise SettingError("time", problem, f"leave out --time or {other}")


@dataclass(frozen=True, slots=True)
class Assignment:
    """A rule applied to a table.

    Attributes
    ----------
    limits
        By hash: for each class ("" without classes) where the test part and the folds end.
    times
        By time: where the first fold, the next ones and the test part begin.
    order
        As scikit-learn: the row ids in its order, first those of the test; read-only.
    test_rows
        As scikit-learn: how many are of the test.
    """

    rule: SplitRule
    limits: dict[str, list[int]]
    order: Ints | None = None
    test_rows: int = 0
    is_test: Bools | None = None
    times: NDArray[Any] | None = None

    @property
    def training_order(self) -> Ints | None:
        """Row ids of the training part in scikit-learn's order; None for a hash."""
        return None if self.order is None else self.order[self.test_rows :]

    @property
    def test_order(self) -> Ints | None:
        """Row ids of the test part in scikit-learn's order; None for a hash."""
        return None if self.order is None else self.order[: self.test_rows]


def assign(table: Table, split: SplitRule) -> Assignment:
    """Apply a rule to a table.

    Costs nothing for a plain hash; a stratified one reads its column twice. As scikit-learn: 17 bytes a row are held.

    Raises
    ------
    NotFoundError
        The table lacks a column that the rule names.
    TableError
        A part would be empty, or the column to stratify by has missing or too many values.
    """
    for name in split.columns:
        table.schema.column(name)
    if split.kind == "sklearn":
        return _as_sklearn(table, split)
    if split.time:
        shares = split.test_size, split.folds, split.validation
        return Assignment(split, {}, times=begins(table, split.time, *shares))
    if split.stratify:
        return Assignment(split, _limits(table, split))
    return Assignment(split, {"": [min(int(cut * 2.0**64), _LAST) for cut in split.cuts]})


def roles(assignment: Assignment, block: int, frame: "pl.DataFrame") -> Ints:
    """Return the role of each row of a block, (N,).

    It is TEST, 0 for a row in no fold, or the fold's number from 1.
    """
    rule = assignment.rule
    if assignment.is_test is not None:
        start = block * BLOCK_ROWS
        return np.where(assignment.is_test[start : start + len(frame)], TEST, 0)
    if assignment.times is not None and rule.time:
        part = np.searchsorted(assignment.times, moments_of(frame[rule.time]), side="right")
        return np.where(part > rule.fold_count, TEST, part)
    hashes = _hashes(rule, block, frame)
    if rule.stratify is None:
        part = np.searchsorted(np.array(assignment.limits[""], np.uint64), hashes, side="right")
    else:
        names, codes = _codes(frame[rule.stratify])
        limits = np.array([assignment.limits[name] for name in names], np.uint64)
        part = (limits[codes] <= hashes[:, None]).sum(axis=1)
    return np.where(part == 0, TEST, np.where(part > rule.fold_count, 0, part))


def train_mask(assignment: Assignment, block: int, frame: "pl.DataFrame") -> Bools:
    """Return which rows of a block are for training, (N,)."""
    return trains(assignment.rule, roles(assignment, block, frame))


def trains(rule: SplitRule, role: Ints) -> Bools:
    """Return which roles are for training, of the fold that the rule names or of the whole."""
    if rule.fold is None:
        return np.asarray(role != TEST, np.bool_)
    if rule.time:
        return np.asarray((role != TEST) & (role <= rule.fold), np.bool_)
    return np.asarray((role != TEST) & (role != rule.fold + 1), np.bool_)


def test_mask(assignment: Assignment, block: int, frame: "pl.DataFrame") -> Bools:
    """Return which rows of a block are for the test, (N,).

    `frame` has at least the rule's columns.
    """
    fold = assignment.rule.fold
    tested = TEST if fold is None else fold + 1
    return np.asarray(roles(assignment, block, frame) == tested, np.bool_)


test_mask.__test__ = False  # type: ignore[attr-defined]  # it is not a test for pytest


def inner_folds(split: SplitRule, rows: int | Ints, frame: "pl.DataFrame", count: int = 5) -> Ints:
    """Return a fold from 0 for each row, (N,), that does not depend on the part that it is in.

    Rows of one group are in one fold.

    Parameters
    ----------
    rows
        The row id of the first row, or those of all, (N,).
    """
    if isinstance(rows, int):
        rows = np.arange(rows, rows + len(frame))
    hashes = _hashes_of(split, rows, frame)
    return np.asarray(_mix(hashes) % np.uint64(count), np.int64)


def _as_sklearn(table: Table, split: SplitRule) -> Assignment:
    test_rows = math.ceil(split.test_size * table.rows)
    if test_rows >= table.rows:
        problem = f"the table has {counted(table.rows, 'row')}: none is left for training"
        raise TableError(str(table.data), problem, "give more rows, or a smaller test_size")
    if split.stratify is None:
        order = np.random.RandomState(split.seed).permutation(table.rows)
    else:
        from sklearn.model_selection import StratifiedShuffleSplit

        _refuse_missing(table, split.stratify)
        classes = np.concatenate(
            [b[split.stratify].to_numpy() for b in iter_blocks(table, [split.stratify])]
        )
        shuffle = StratifiedShuffleSplit(
            test_size=test_rows, train_size=table.rows - test_rows, random_state=split.seed
        )
        try:
            train, test = next(shuffle.split(np.zeros(table.rows), classes))
        except ValueError as error:
            where, fix = f"column {split.stratify!r}", "give more rows, or do not stratify"
            raise TableError(where, str(error), fix) from error
        order = np.concatenate([test, train])
    is_test = np.zeros(table.rows, np.bool_)
    is_test[order[:test_rows]] = True
    order.flags.writeable = is_test.flags.writeable = False
    return Assignment(split, {}, order, test_rows, is_test)


def _refuse_missing(table: Table, name: str) -> None:
    if count := sum(int(block[name].null_count()) for block in iter_blocks(table, [name])):
        problem = f"cannot stratify by it: {counted(count, 'missing value')}"
        fix = "fill them, or stratify by another column"
        raise TableError(f"column {name!r}", problem, fix)


def _limits(table: Table, split: SplitRule) -> dict[str, list[int]]:
    """Return the hashes of each class below which its shares of rows lie, to the row.

    First the hashes are counted in 2**16 bins per class; then those of the one bin that holds the limit are looked at.
    """
    bins: dict[str, NDArray[np.int64]] = {}
    for name, hashes in _class_hashes(table, split):
        if name not in bins:
            bins[name] = np.zeros(1 << _BIN_BITS, np.int64)
        if len(bins) > _MAX_CLASSES:
            problem = f"expected a column of few values, found more than {_MAX_CLASSES}"
            raise TableError(f"column {split.stratify!r}", problem, "stratify by another column")
        bins[name] += np.bincount(_bin(hashes), minlength=1 << _BIN_BITS)
    below = {name: np.cumsum(counts) for name, counts in bins.items()}
    wanted = {
        name: [round(cut * int(sums[-1])) for cut in split.cuts] for name, sums in below.items()
    }
    edges = {name: np.searchsorted(below[name], wanted[name]) for name in bins}
    inside: dict[str, list[_Hashes]] = {name: [] for name in bins}
    for name, hashes in _class_hashes(table, split):
        inside[name].append(hashes[np.isin(_bin(hashes), edges[name])])
    limits: dict[str, list[int]] = {}
    for name in bins:
        candidates = np.sort(np.concatenate(inside[name]))
        limits[name] = []
        for edge, count in zip(edges[name], wanted[name], strict=True):
            before = int(below[name][edge - 1]) if edge else 0
            limits[name].append(_limit(candidates[_bin(candidates) == edge], count - before))
    return limits


def _limit(hashes: _Hashes, taken: int) -> int:
    """Return the hash above the first `taken` of some, which are sorted."""
    return min(int(hashes[taken - 1]) + 1, _LAST) if taken else 0


def _bin(hashes: _Hashes) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _BIN_BITS)).astype(np.int64)


def _class_hashes(table: Table, split: SplitRule) -> Iterator[tuple[str, _Hashes]]:
    for block, frame in enumerate(iter_blocks(table, split.columns)):
        hashes = _hashes(split, block, frame)
        names, codes = _codes(frame[split.columns[-1]])
        for code, name in enumerate(names):
            yield name, hashes[codes == code]


def _codes(column: "pl.Series") -> tuple[list[str], NDArray[np.uint32]]:
    """Return the distinct values as text, and the number of each row's value among them, (N,).

    Missing values are a value of their own.
    """
    import polars as pl

    text = column.cast(pl.String)
    values = text.unique().sort()
    codes = text.replace_strict(values, pl.Series(range(len(values))), return_dtype=pl.UInt32)
    return [_MISSING if value is None else value for value in values], codes.to_numpy()


def _hashes(split: SplitRule, block: int, frame: "pl.DataFrame") -> _Hashes:
    """Return a hash of each row's id and the seed, (N,).

    It is equal on every machine and in every version.
    """
    first = block * BLOCK_ROWS
    return _hashes_of(split, np.arange(first, first + len(frame)), frame)


def _hashes_of(split: SplitRule, rows: Ints, frame: "pl.DataFrame") -> _Hashes:
    ids = rows.astype(np.uint64) if split.column is None else _ids(frame[split.column])
    seed = np.uint64(split.seed % 2**64)
    return _mix(ids ^ _mix(np.array([seed], np.uint64))[0])


def _ids(column: "pl.Series") -> _Hashes:
    """Return a number for each value, (N,).

    A whole number is itself, and a text is a polynomial of its bytes.
    """
    import polars as pl

    if column.dtype.is_integer():
        whole = column.cast(pl.UInt64, wrap_numerical=True)
        return whole.fill_null(2**64 - 1).to_numpy()
    text = column.cast(pl.String).fill_null("")
    lengths = text.str.len_bytes().to_numpy().astype(np.int64)
    content = np.frombuffer(text.str.join("")[0].encode(), np.uint8).astype(np.uint64)
    starts = np.cumsum(lengths) - lengths
    places = np.arange(len(content)) - np.repeat(starts, lengths)
    terms = _mix(content + np.uint64(256) * places.astype(np.uint64))
    sums = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
    return np.asarray(sums[starts + lengths] - sums[starts] + lengths.astype(np.uint64))


def _mix(values: _Hashes) -> _Hashes:
    """Return splitmix64 of each number.

    All bits depend on all bits, and no two numbers share a result.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)
