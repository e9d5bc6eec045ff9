"""Compute a confidence interval for each metric from counts.

The time does not grow with the rows.

Rows of one cell (a true class with a predicted class, or with a score) are exchangeable, so resampling rows is
drawing a multinomial over the cells. For the rank metrics neighbouring scores are first joined to at most 2 * BINS
bins of about equal shares of either class, and the small shift this makes is taken off again. Losses are means, whose
bootstrap distribution is normal at any size that matters: mean +- z standard errors.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from wingspan.tabular.metrics import Counts, Floats, Ints, losses, ranks, rates

BINS = 256


def intervals(
    counts: Counts, *, level: float = 0.95, replicates: int = 500, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return (low, high) per metric; NaN where the metric is not defined.

    Notes
    -----
    A percentile interval: a metric that is 1 in the sample is 1 in every replicate.
    """
    random = np.random.default_rng(seed)
    found = {}
    if counts.total:
        drawn = _resample(counts.confusion, replicates, random)
        found = _percentiles(rates(drawn), rates(counts.confusion), level)
        if len(counts.confusion) == 2:
            coarse = coarsen(counts.rows)
            spread = ranks(_resample(coarse, replicates, random))
            exact, joined = ranks(counts.rows), ranks(coarse)
            moved = {name: spread[name] + (exact[name] - joined[name]) for name in spread}
            found |= _percentiles(moved, exact, level)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    means = losses(counts).items()
    return found | {name: (max(0.0, mean - z * se), mean + z * se) for name, (mean, se) in means}


def coarsen(rows: Ints) -> Ints:
    """Join neighbouring scores (K, 2) to at most 2 * BINS + 2 bins.

    Steps are fine where either class is dense.
    """
    below = np.cumsum(rows, axis=0) - rows
    share = (below / np.maximum(rows.sum(axis=0), 1)).sum(axis=1)
    starts = np.flatnonzero(np.diff(np.floor(share * BINS), prepend=-1))
    return np.add.reduceat(rows, starts, axis=0)


def _resample(cells: Ints, replicates: int, random: np.random.Generator) -> Ints:
    """Draw (R, *cells.shape) counts of as many rows."""
    flat = cells.ravel()
    full = np.flatnonzero(flat)
    total = flat.sum()
    drawn = np.zeros((replicates, flat.size), np.int64)
    drawn[:, full] = random.multinomial(total, flat[full] / total, size=replicates)
    return drawn.reshape(replicates, *cells.shape)


def _percentiles(
    drawn: dict[str, Floats], values: dict[str, Floats], level: float
) -> dict[str, tuple[float, float]]:
    tails = [(1 - level) / 2, (1 + level) / 2]
    found = {}
    for name, sample in drawn.items():
        value = float(values[name])
        kept: NDArray[np.float64] = sample[~np.isnan(sample)]
        if math.isnan(value) or not kept.size:
            found[name] = (math.nan, math.nan)
            continue
        low, high = np.clip(np.quantile(kept, tails), 0.0, 1.0)
        found[name] = (min(float(low), value), max(float(high), value))
    return found
