"""Count the errors of a regression, and compute metrics with intervals from the counts.

Sums are kept per block and added exactly. Absolute errors are kept as counted values, for the median; they are rounded
to 13 bits where there are more than a million, so that the memory is bounded. Of each block a few rows are kept as they
are, to be drawn. Nothing of it depends on the number of shards.

Letters: N rows, B blocks, K distinct errors, M sums, P points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError
from wingspan.tabular.arrays import load_arrays, save_arrays

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

METRICS = ("rmse", "mae", "r2", "median_error", "mape")
EXACT_ROWS = 1 << 20
_POINTS = 300
"""Rows of each block that are kept to be drawn."""

_SUMS = ("n", "e", "ee", "eeee", "z", "zz", "zzz", "zzzz", "eez", "eezz", "p", "pp", "zero")
"""Sums over rows: e the error and z the target, both about the center in units of the scale; p the relative error."""


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """All that the metrics of a regression need of the rows seen; arrays are read-only.

    Attributes
    ----------
    blocks
        (B,) int64, ascending: the block numbers seen.
    sums
        (B, M) float64: the sums of each block.
    errors, rows
        (K,) float64, ascending: distinct absolute errors, in units of the scale; (K,) int64: how many rows have each.
    center, scale
        Mean and standard deviation of the target in the training rows.
    points
        (P, 3) float64: block, prediction and what is missing to the true value, of some rows of each block.
    """

    blocks: Ints
    sums: Floats
    errors: Floats
    rows: Ints
    center: float
    scale: float
    points: Floats

    def __post_init__(self) -> None:
        for array in (self.blocks, self.sums, self.errors, self.rows, self.points):
            array.flags.writeable = False

    @property
    def total(self) -> int:
        """Rows counted."""
        return int(self.rows.sum())

    def save(self, folder: Path) -> None:
        """Write ``residuals.npz`` into the folder; equal residuals give equal bytes."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        save_arrays(folder / "residuals.npz", fields)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        what = "the residuals of an evaluation"
        fields: dict[str, Any] = load_arrays(folder / "residuals.npz", cls.__slots__, what)
        scalars = {name: float(fields[name]) for name in ("center", "scale")}
        return cls(**{**fields, **scalars})


def count_errors(
    predicted: Floats, y: Floats, block: int, *, center: float, scale: float
) -> Residuals:
    """Count the rows of one block.

    Parameters
    ----------
    predicted, y
        (N,) predictions and true values.

    Raises
    ------
    TableError
        A prediction is not a finite number.
    """
    predicted = np.asarray(predicted, np.float64)
    if not bool(np.isfinite(predicted).all()):
        problem = "the model predicted values that are not finite numbers"
        fix = "check the parameters it was trained with, and its columns for overflow"
        raise TableError("predictions", problem, fix)
    e, z = (predicted - y) / scale, (y - center) / scale
    zero = y == 0
    p = np.abs(predicted - y) / np.where(zero, 1.0, np.abs(y))
    ee, zz = e * e, z * z
    parts = (np.abs(e), ee, ee * ee, z, zz, zz * z, zz * zz, ee * z, ee * zz, p, p * p, zero)
    sums = np.array([len(y), *(float(part.sum()) for part in parts)], np.float64)
    errors, rows = np.unique(np.abs(e), return_counts=True)
    places = np.linspace(0, max(len(y) - 1, 0), _POINTS).round().astype(np.int64)
    some = np.unique(places)[: len(y)]
    points = np.column_stack([np.full(len(y), float(block)), predicted, y - predicted])[some]
    number = np.array([block], np.int64)
    return _bounded(Residuals(number, sums[None], errors, rows, center, scale, points))


def _bounded(found: Residuals) -> Residuals:
    """Return the same with rounded errors, where there are too many rows."""
    if found.total <= EXACT_ROWS:
        return found
    mantissa, exponent = np.frexp(found.errors)
    rounded = np.ldexp(np.rint(mantissa * (1 << 13)) / (1 << 13), exponent)
    errors, place = np.unique(rounded, return_inverse=True)
    rows = np.bincount(place, weights=found.rows, minlength=len(errors)).astype(np.int64)
    return replace(found, errors=errors, rows=rows)


def merge_residuals(parts: Sequence[Residuals]) -> Residuals:
    """Return the residuals of all parts together, whatever their order and number.

    Raises
    ------
    TableError
        A block was counted twice.
    """
    blocks = np.concatenate([part.blocks for part in parts])
    order = np.argsort(blocks, kind="stable")
    blocks = blocks[order]
    if (twice := blocks[1:][blocks[1:] == blocks[:-1]]).size:
        fix = "give every block of rows to one part only"
        raise TableError("merge_residuals", f"block {twice[0]} was counted more than once", fix)
    errors, place = np.unique(np.concatenate([part.errors for part in parts]), return_inverse=True)
    counted = np.concatenate([part.rows for part in parts])
    rows = np.zeros(len(errors), np.int64)
    np.add.at(rows, place, counted)
    sums = np.concatenate([part.sums for part in parts])[order]
    points = np.concatenate([part.points for part in parts])
    points = points[np.argsort(points[:, 0], kind="stable")]
    merged = replace(parts[0], blocks=blocks, sums=sums, errors=errors, rows=rows, points=points)
    return _bounded(merged)


Spread = tuple[float, float, float]


def regression_metrics(found: Residuals, level: float) -> dict[str, Spread]:
    """Return (value, low, high) of every metric; NaN where it is not defined.

    Notes
    -----
    Means have their normal limit, RMSE that of its square, R2 that of its linear part, and the median the interval
    of order statistics.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    n = found.total
    of = {name: math.fsum(found.sums[:, k]) / n for k, name in enumerate(_SUMS)}
    mae = _mean(of["e"], of["ee"], n, z)
    mse = _mean(of["ee"], of["eeee"], n, z)
    relative = _mean(of["p"], of["pp"], n, z) if not of["zero"] else (math.nan,) * 3
    return {
        "rmse": _scaled(tuple(math.sqrt(each) for each in mse), found.scale),
        "mae": _scaled(mae, found.scale),
        "r2": _explained(of, n, z),
        "median_error": _scaled(_median(found, z), found.scale),
        "mape": relative,
    }


def _mean(mean: float, square: float, n: int, z: float) -> Spread:
    away = z * math.sqrt(max(0.0, square - mean * mean) / n)
    return mean, max(0.0, mean - away), mean + away


def _scaled(values: Sequence[float], scale: float) -> Spread:
    value, low, high = (each * scale for each in values)
    return value, low, high


def _explained(of: dict[str, float], n: int, z: float) -> Spread:
    """Return R2, 1 - mean e2 / variance of z, with the interval of its linear part."""
    a, c = of["ee"], of["z"]
    variance = of["zz"] - c * c
    if n < 2 or variance <= 1e-12 * max(of["zz"], 1e-300):
        return math.nan, math.nan, math.nan
    value = 1 - a / variance
    by_a, by_b, by_c = -1 / variance, a / variance**2, -2 * a * c / variance**2
    mean = by_a * a + by_b * of["zz"] + by_c * c
    square = by_a**2 * of["eeee"] + by_b**2 * of["zzzz"] + by_c**2 * of["zz"]
    square += 2 * (by_a * by_b * of["eezz"] + by_a * by_c * of["eez"] + by_b * by_c * of["zzz"])
    away = z * math.sqrt(max(0.0, square - mean * mean) / n)
    return value, value - away, min(1.0, value + away)


def _median(found: Residuals, z: float) -> Spread:
    n, below = found.total, np.cumsum(found.rows)

    def at(rank: float) -> float:
        place = int(min(max(round(rank), 0), n - 1))
        return float(found.errors[np.searchsorted(below, place, side="right")])

    middle = (at((n - 1) // 2) + at(n // 2)) / 2
    away = z * math.sqrt(n) / 2
    return (
        middle,
        min(at(math.floor(n / 2 - away)), middle),
        max(at(math.ceil(n / 2 + away)), middle),
    )


def error_bounds(found: Residuals) -> dict[str, float]:
    """Return the absolute error for each level, by split conformal inference.

    That share of new rows stays within the error.

    Notes
    -----
    Level p has the smallest error that at least p (N + 1) of N rows stay within; levels that so few rows cannot
    give are left out.
    """
    n, below = found.total, np.cumsum(found.rows)
    bounds = {}
    for percent in (50, 60, 70, 80, 90, 95, 98, 99):
        rank = math.ceil(percent / 100 * (n + 1))
        if rank <= n:
            error = found.errors[np.searchsorted(below, rank - 1, side="right")]
            bounds[str(percent)] = float(error) * found.scale
    return bounds
