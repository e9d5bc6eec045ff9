"""Look up the items of a group above a row, in a few steps whatever the log's length."""

from bisect import bisect_left, insort
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_NAN: Final = float("nan")


class Shelf:
    """Items by group; each is known from a row on."""

    def __init__(self, items: NDArray[Any], rows: NDArray[Any], group: NDArray[Any]) -> None:
        order = np.lexsort((rows, group))
        self.items, self._rows = items[order], rows[order].astype(np.int64)
        ordered = group[order]
        numbers = np.arange(int(ordered[-1]) + 2 if len(ordered) else 1)
        self._starts = np.searchsorted(ordered, numbers).tolist()
        self._known = self._rows.data  # bisection of few numbers is faster than a call of NumPy
        self.group = ordered.astype(np.int64)

    def bounds(self, group: int, upto: int, since: int = 0) -> tuple[int, int]:
        """Return the range in `items` of a group's items with rows from `since` to below `upto`."""
        if not 0 <= group < len(self._starts) - 1:
            return 0, 0
        start, stop = self._starts[group], self._starts[group + 1]
        first = bisect_left(self._known, since, start, stop) if since else start
        return first, bisect_left(self._known, upto, first, stop)

    def start(self, group: int) -> int:
        """Return where a group begins in `items`."""
        return int(self._starts[group]) if group < len(self._starts) else len(self.items)

    def below(self, group: int, upto: int, since: int = 0) -> NDArray[Any]:
        """Return the items of a group with rows below `upto`, from `since` on, ascending."""
        first, last = self.bounds(group, upto, since)
        return self.items[first:last]

    def count(self, group: int, upto: int, since: int = 0) -> int:
        """Count the items of a group with rows below `upto`, from `since` on."""
        first, last = self.bounds(group, upto, since)
        return last - first


class Sums:
    """Running sums over a shelf's items, to count the marked ones of a group above a row."""

    def __init__(self, marks: NDArray[Any]) -> None:
        self._sums = np.concatenate(([0], np.cumsum(marks, dtype=np.int64)))

    def between(self, first: int, last: int) -> int:
        """Count the marked items from place `first` to below `last`."""
        return int(self._sums[last] - self._sums[first])


def first_in_group(shelf: Shelf, *columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark each item of a shelf that is the first of its group with its values."""
    return before_in_group(shelf, *columns) < 0


def before_in_group(shelf: Shelf, *columns: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of the previous item with each one's group and values; -1 for none."""
    keys = (shelf.group, *(column[shelf.items] for column in columns))
    order = np.lexsort(keys[::-1])
    same = np.ones(max(len(order) - 1, 0), bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    found = np.full(len(order), -1, np.int64)
    found[order[1:][same]] = order[:-1][same]
    return found


class Medians:
    """Medians of the marked items of a group above a row, computed once for each group."""

    def __init__(self, shelf: Shelf, values: NDArray[np.float64], marks: NDArray[np.bool_]) -> None:
        self._shelf, self._values, self._marks = shelf, values, marks
        self._known: dict[int, list[float]] = {}

    def below(self, first: int, last: int) -> float:
        """Return the median of the items from a group's first place to below `last`, else nan."""
        if first not in self._known:
            self._known[first] = self._of(first)
        return self._known[first][last - first]

    def _of(self, first: int) -> list[float]:
        stop = self._shelf.start(int(self._shelf.group[first]) + 1) if len(self._values) else first
        found, ordered = [_NAN], list[float]()
        values, marks = self._values[first:stop].tolist(), self._marks[first:stop].tolist()
        for value, marked in zip(values, marks, strict=True):
            if marked:
                insort(ordered, value)
            found.append(_middle(ordered))
        return found


def _middle(ordered: list[float]) -> float:
    if not ordered:
        return _NAN
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
