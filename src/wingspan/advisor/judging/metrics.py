"""Compute figures of probabilities and outcomes, with intervals.

Intervals are 95 %, by bootstrap over clusters. All samples of a cluster are drawn together, since a job that is held
again and again starts a new incident each time. Every figure is a sum over samples of weight times count.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Reals

BINS: Final = 10
FEWEST: Final = 10  # clusters, below which draws mislead and there is no interval
DRAWS: Final = 200
_CHUNK: Final = 50
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and its interval; nan if there is nothing to measure, or too few clusters."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each cluster was drawn: float32, (1 + draws, clusters).

    The first line has each cluster once.

    Attributes
    ----------
    of
        The cluster of each sample, 0, 1, ... int64
    """

    counts: NDArray[np.float32]
    of: NDArray[np.int64]

    def sums(self, *columns: Reals) -> Reals:
        """Return the sum of each column in every draw: (1 + draws, columns)."""
        table = np.stack(columns, axis=1)
        by_cluster = np.zeros((self.counts.shape[1], table.shape[1]))
        np.add.at(by_cluster, self.of, table)
        return np.asarray(self.counts @ by_cluster, np.float64)


def draw_clusters(cluster: NDArray[np.int32], draws: int = DRAWS, seed: int = 0) -> Draws:
    """Draw as many clusters as there are, `draws` times; fewer than `FEWEST` are not drawn."""
    _, of = np.unique(cluster, return_inverse=True)
    number = int(of.max(initial=-1)) + 1
    draws = draws if number >= FEWEST else 0
    counts = np.ones((draws + 1, number), np.float32)
    random = np.random.default_rng(seed)
    for line in range(1, draws + 1):
        drawn = random.integers(number, size=number)
        counts[line] = np.bincount(drawn, minlength=number)
    return Draws(counts, of.astype(np.int64))


def figure(values: Reals) -> Figure:
    """Return the first of some values, with the interval of the others."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(drawn):
        return Figure(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Figure(float(values[0]), low, high)


def share(draws: Draws, part: Reals, whole: Reals) -> Reals:
    """Return one sum divided by another, in every draw."""
    return _ratio(draws.sums(part, whole))


def brier(draws: Draws, p: Reals, y: Reals, w: Reals) -> Reals:
    """Return the mean squared error of probabilities."""
    return share(draws, w * (p - y) ** 2, w)


def skill(draws: Draws, p: Reals, reference: Reals, y: Reals, w: Reals) -> Reals:
    """Return the relative reduction of the Brier score against other probabilities."""
    return 1.0 - _ratio(draws.sums(w * (p - y) ** 2, w * (reference - y) ** 2))


def _ratio(sums: Reals) -> Reals:
    found = np.full(len(sums), np.nan)
    np.divide(sums[:, 0], sums[:, 1], out=found, where=sums[:, 1] > _TINY)
    return found


def calibration(draws: Draws, p: Reals, y: Reals, w: Reals) -> tuple[Reals, Reals]:
    """Return calibration error and resolution, over bins of equal width.

    The error is the mean gap between probability and outcome. Both are nan if there are no samples.
    """
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    inside = (place[:, None] == np.arange(BINS)) * w[:, None]
    weight, said, seen = (
        draws.sums(*(inside * column[:, None]).T) for column in (np.ones_like(p), p, y)
    )
    total = np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    rate = np.divide(seen, weight, out=np.zeros_like(seen), where=weight > _TINY)
    base = seen.sum(axis=1, keepdims=True) / total
    error = (np.abs(said - seen) / total).sum(axis=1)
    resolution = (weight / total * (rate - base) ** 2).sum(axis=1)
    some = total[:, 0] > _TINY
    return np.where(some, error, np.nan), np.where(some, resolution, np.nan)


def calibration_by_chance(draws: Draws, p: Reals, w: Reals, seed: int = 0) -> Reals:
    """Return the calibration error of right probabilities: its mean, then draws of it.

    Outcomes are drawn from the probabilities themselves, and all samples of a cluster share one random number. With few
    clusters the error is above 0 although nothing is wrong.
    """
    if not len(p):
        return np.full(1, np.nan)
    random = np.random.default_rng(seed)
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    found = np.empty(DRAWS + 1)
    for line in range(1, len(found)):
        paid = random.random((draws.counts.shape[1],))[draws.of] < p
        found[line] = np.abs(np.bincount(place, w * (p - paid), BINS)).sum() / w.sum()
    found[0] = found[1:].mean()
    return found


def average_precision(draws: Draws, score: Reals, y: Reals, w: Reals) -> Reals:
    """Return the area under precision and recall, in steps as scikit-learn's."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True) if len(score) else np.empty(0, bool)
    y, w, of = y[order], w[order], draws.of[order]
    found = np.full(len(draws.counts), np.nan)
    for start in range(0, len(found), _CHUNK):
        weight = draws.counts[start : start + _CHUNK][:, of] * w
        hits = np.cumsum(weight * y, axis=1)[:, last]
        tried = np.cumsum(weight, axis=1)[:, last]
        if not hits.shape[1]:
            break
        precision = hits / np.maximum(tried, _TINY)
        gained = np.diff(hits, prepend=0.0, axis=1)
        total = hits[:, -1]
        area = (precision * gained).sum(axis=1)
        found[start : start + _CHUNK] = np.where(
            total > _TINY, area / np.maximum(total, _TINY), np.nan
        )
    return found


def effective_count(amounts: Reals, incident: NDArray[np.int32]) -> float:
    """Return the number of incidents of equal amounts with the same information; 0 if none."""
    each = np.bincount(incident, amounts) if len(incident) else np.zeros(1)
    return float(each.sum() ** 2 / max((each**2).sum(), _TINY))


def by_time(
    clock: Reals, parts: int, measured: Callable[[NDArray[np.int64]], float]
) -> list[tuple[float, float]]:
    """Return a figure for each of some equal parts in the order of time, and when it begins."""
    order = np.argsort(clock, kind="stable")
    cut = [part for part in np.array_split(order, parts) if len(part)]
    return [(float(clock[part[0]]), measured(part)) for part in cut]
