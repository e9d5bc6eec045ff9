"""Hold the features of rows by column, before they become a matrix.

Most values of a matrix say that a row is not of a category. A linear model is applied to the columns alone, which spares
the matrix; all other models get it written in one pass.

Letters: N rows, F features, C outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Precision = type[np.float64] | type[np.float32]

_CACHED_ROWS = 2048


class Words(NamedTuple):
    """Row, feature and value of each feature of texts that is not 0, in the order of rows."""

    rows: Ints
    features: Ints
    values: NDArray[np.float64]


class Hot(NamedTuple):
    """A category: `codes` (N,) holds the number of each row's feature from 1, or 0 for none.

    Attributes
    ----------
    before
        The feature before its first one; -1 if that is the first of all.
    size
        How many features it has.
    """

    before: int
    size: int
    codes: Ints


@dataclass(frozen=True, slots=True)
class Features:
    """The features of N rows, by column.

    Attributes
    ----------
    numbers
        Feature, and its values (N,).
    unseen
        Rows with a value that training did not see, for each category that has any.
    """

    rows: int
    width: int
    numbers: list[tuple[int, NDArray[Any]]] = field(default_factory=list)
    hot: list[Hot] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    unseen: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.rows

    def matrix(self, dtype: Precision = np.float64) -> Floats:
        """Return them as a new matrix (N, F) in C order."""
        x = np.zeros((self.rows, self.width), dtype)
        self.write(x)
        return x

    def matrices(self, dtype: Precision, rows: int) -> Iterator[Floats]:
        """Yield them as matrices of at most `rows` rows, in order."""
        for start in range(0, self.rows, rows):
            x = np.zeros((min(rows, self.rows - start), self.width), dtype)
            self.write(x, start)
            yield x

    def write(self, x: Floats, first: int = 0) -> None:
        """Write the rows from the `first` one to `x` (..., F), which holds zeros.

        Rows are written some thousands at a time, whose features stay in the cache of a core.
        """
        for start in range(first, first + len(x), _CACHED_ROWS):
            some = slice(start, min(start + _CACHED_ROWS, first + len(x)))
            to = x[some.start - first : some.stop - first]
            for index, values in self.numbers:
                to[:, index] = values[some]
            for before, _, codes in self.hot:
                of_row = np.flatnonzero(codes[some])
                to[of_row, before + codes[some][of_row]] = 1
        for rows, features, values in self.words:
            within = slice(*np.searchsorted(rows, [first, first + len(x)]))
            x[rows[within] - first, features[within]] = values[within]

    def scatter(self, x: Floats, places: Ints) -> None:
        """Write row k to ``x[places[k]]``, some thousands of rows at a time."""
        parts = self.matrices(x.dtype.type, _CACHED_ROWS)
        for start, part in zip(range(0, self.rows, _CACHED_ROWS), parts, strict=True):
            x[places[start : start + len(part)]] = part

    def shuffled(self, place: tuple[int, int], order: Ints) -> "Features":
        """Return the same with the features of one column taken from the rows `order` (N,).

        Parameters
        ----------
        place
            The first feature of the column, and the one after its last.
        """
        start, stop = place
        words = [_reordered(each, start, stop, order) for each in self.words]
        return replace(
            self,
            numbers=[(k, v[order] if start <= k < stop else v) for k, v in self.numbers],
            hot=[
                each._replace(codes=each.codes[order])
                if each.size and start <= each.before + 1 < stop
                else each
                for each in self.hot
            ],
            words=words,
        )

    def times(self, weights: NDArray[np.float64], center: NDArray[np.float64]) -> Floats:
        """Return (x - center) @ weights for weights (F, C) and a center (F,), without the matrix x.

        Each row is added up in the same order, so that no other row changes its result.
        """
        outputs = weights.shape[1]
        found = np.zeros((outputs, self.rows))
        rest = np.ones(self.width, np.bool_)
        for index, values in self.numbers:
            rest[index] = False
            about = values - center[index]
            for k in range(outputs):
                found[k] += about * weights[index, k]
        found -= (center[rest] @ weights[rest])[:, None]
        for before, size, codes in self.hot:
            added = np.zeros((size + 1, outputs))
            added[1:] = weights[before + 1 : before + 1 + size]
            for k in range(outputs):
                found[k] += added[codes, k]
        for rows, features, values in self.words:
            for k in range(outputs):
                found[k] += np.bincount(rows, values * weights[features, k], self.rows)
        return found.T


def _reordered(words: Words, start: int, stop: int, order: Ints) -> Words:
    """Return words with the rows in another order, if they are of the column of these features."""
    if not words.features.size or not start <= words.features[0] < stop:
        return words
    rows = np.argsort(order)[words.rows]
    by_row = np.argsort(rows, kind="stable")
    return Words(rows[by_row], words.features[by_row], words.values[by_row])
