"""Count what was known at a row: functions here read marks above a row, never below it.

Marks and queries are rows of a `Timeline`, each with the number of a group (a job, a cluster, a host). Marks are
in ascending order. The result of a query depends only on the marks of its own group above its row: it is the same,
bit for bit, whatever follows or is in other groups.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]


def first_of(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark each row that is the first with its values."""
    number = number_by_first(*columns)
    return np.diff(np.maximum.accumulate(number), prepend=np.int32(-1)) > 0


def number_by_first(*columns: NDArray[Any]) -> NDArray[np.int32]:
    """Give the distinct rows of some integer columns the numbers 0, 1, .. as they appear."""
    rows = len(columns[0])
    if not rows:
        return np.empty(0, np.int32)
    group, groups = np.zeros(rows, np.int32), 1
    for column in columns:
        group, groups = _parted(group, groups, column)
    first = np.full(groups, rows)
    np.minimum.at(first, group, np.arange(rows))
    rank = np.empty(groups, np.int32)
    rank[np.argsort(first)] = np.arange(groups)
    return rank[group]


def _parted(
    group: NDArray[np.int32], groups: int, column: NDArray[Any]
) -> tuple[NDArray[np.int32], int]:
    """Split groups by a column; return the new groups and their number.

    Numbers that are close together are split by a table of all possible ones, others by sorting.
    """
    value = column.astype(np.int64)  # ids reach the end of int32
    least = np.full(groups, np.iinfo(np.int64).max)
    np.minimum.at(least, group, value)
    value -= least[group]
    widths = np.zeros(groups, np.int64)
    np.maximum.at(widths, group, value + 1)
    ends = np.cumsum(widths)
    if ends[-1] > max(4 * len(group), 1 << 16) or widths.max() > 1 << 40:
        values, codes = np.unique(column, return_inverse=True)
        found, number = np.unique(group.astype(np.int64) * len(values) + codes, return_inverse=True)
        return number.astype(np.int32), len(found)
    key = (ends - widths)[group] + value
    table = np.zeros(int(ends[-1]), np.int32)
    table[key] = 1
    count = int(table.sum())
    return (np.cumsum(table, dtype=np.int32) - 1)[key], count


@dataclass(frozen=True, slots=True)
class Marks:
    """Rows of some kind, sorted by group and row.

    Groups below 0 stand for no group: their marks and queries do not count.

    Attributes
    ----------
    rows
        Rows of the timeline. int64
    starts
        The place of each group's first mark; one more than groups. int64
    keys
        ``group * span + row``, ascending. int64
    span
        Above every row.
    """

    rows: Numbers
    starts: Numbers
    keys: Numbers
    span: int

    def place(self, group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        """Return the place after the group's last mark above `row`, that is, with a smaller row."""
        keys: Numbers = group.astype(np.int64) * self.span + row
        return np.searchsorted(self.keys, keys)

    def start(self, group: NDArray[Any]) -> Numbers:
        """Return the place of the group's first mark."""
        starts: Numbers = self.starts[np.clip(group, 0, len(self.starts) - 1)]
        return starts

    def count(self, group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        """Count the group's marks above each row."""
        counts = self.place(group, row) - self.start(group)
        return np.where(group >= 0, counts, 0)

    def last(self, group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        """Return the row of the group's last mark above each row, -1 for none."""
        return self._at(self.place(group, row) - 1, group, row)

    def first(self, group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        """Return the row of the group's first mark above each row, -1 for none."""
        return self._at(self.start(group), group, row)

    def _at(self, place: Numbers, group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        if not len(self.rows):
            return np.full(len(group), -1, np.int64)
        return np.where(
            self.count(group, row) > 0, self.rows[np.clip(place, 0, len(self.rows) - 1)], -1
        )

    def total(self, values: NDArray[np.int8], group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        """Sum the values (one for each row of the timeline) of the group's marks above each row."""
        sums = np.concatenate([[0], np.cumsum(values[self.rows])])
        found = sums[self.place(group, row)] - sums[self.start(group)]
        return np.where(group >= 0, found, 0)

    def highest(self, values: NDArray[np.int32], group: NDArray[Any], row: NDArray[Any]) -> Numbers:
        """Return the largest value over the group's marks above each row, -1 for none.

        Values are from 0 to 2**31.
        """
        if not len(self.rows):
            return np.full(len(group), -1, np.int64)
        lift = self._group << 32
        most = np.maximum.accumulate(lift + values[self.rows]) - lift
        place = np.clip(self.place(group, row) - 1, 0, len(self.rows) - 1)
        return np.where(self.count(group, row) > 0, most[place], -1)

    def decayed(
        self,
        clock: NDArray[np.float64],
        half_life_s: float,
        group: NDArray[Any],
        row: NDArray[Any],
        now: NDArray[np.float64],
        amounts: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Sum the group's marks above each row, each halved every `half_life_s` until `now`.

        A mark counts 1, or its row's value in `amounts`. `clock` ascends over the rows of the timeline. A segmented scan
        takes as many passes as the largest group has binary digits.
        """
        if not len(self.rows):
            return np.zeros(len(group))
        time = clock[self.rows]
        earlier = np.arange(len(time)) - self.starts[self._group]
        sums = np.ones(len(time)) if amounts is None else amounts[self.rows]
        step = 1
        while step <= earlier.max():
            reach = np.flatnonzero(earlier >= step)
            sums[reach] += sums[reach - step] * np.exp2(
                (time[reach - step] - time[reach]) / half_life_s
            )
            step *= 2
        place = np.clip(self.place(group, row) - 1, 0, len(time) - 1)
        found = sums[place] * np.exp2(np.minimum(time[place] - now, 0.0) / half_life_s)
        return np.where(self.count(group, row) > 0, found, 0.0)

    @property
    def _group(self) -> Numbers:
        return self.keys // self.span


def mark(rows: NDArray[Any], group: NDArray[Any], span: int) -> Marks:
    """Sort marks by group.

    `group` has one number for each of the ascending rows, and `span` is above every row.
    """
    mine = np.flatnonzero(group >= 0)
    order = mine[np.argsort(group[mine], kind="stable")]
    of, sorted_rows = group[order].astype(np.int64), rows[order].astype(np.int64)
    groups = int(of[-1]) + 1 if len(of) else 0
    return Marks(
        sorted_rows, np.searchsorted(of, np.arange(groups + 1)), of * span + sorted_rows, span
    )
