"""Compute intervals of probabilities that rest on clusters, and calibrate them.

The clusters of one cause meet the same outages, and outages change: ten times as many clusters do not make a rate ten
times as certain. So a probability counts as `strength` clusters at most.
"""

from math import erf, sqrt
from typing import Final

import numpy as np

from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import cluster_weights

STRENGTH: Final = 6.0  # used if there are too few groups to calibrate by
LEVEL: Final = 0.95
FEWEST: Final = 8  # clusters whose rate is compared with an interval
_STRENGTHS: Final = tuple(
    float(each) for each in [*np.geomspace(384.0, STRENGTH, 61), *np.geomspace(5.6, 1.5, 20)]
)
_PRIOR: Final = 60
_BAND: Final = 0.2  # of probability, within which a group's holds lie
_EDGE: Final = 0.02
_TAIL: Final = 0.025
_WIDTH: Final = 1.959964 / sqrt(
    2
)  # half of a normal distribution's 95 % interval, as `erf` takes it
_TINY: Final = 1e-9
_P: Final = 1 / (1 + np.exp(-np.linspace(-12.0, 12.0, 481)))
_LOG_P, _LOG_REST = np.log(_P), np.log(1 - _P)


def interval(p: Reals, clusters: Reals, strength: float = STRENGTH) -> tuple[Reals, Reals]:
    """Return the 95 % interval of probabilities that rest on some clusters; 0 and 1 without any.

    It comes from a beta distribution with mean `p`. A bound close to 0 or 1 is set to it.
    """
    known = clusters > 0
    n = 1 / (1 / np.where(known, clusters, 1.0) + 1 / strength)
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    low, high = _beta_quantiles(inside * n, (1 - inside) * n)
    low, high = np.minimum(low, p), np.maximum(high, p)
    low, high = np.where(low < _EDGE, 0.0, low), np.where(high > 1 - _EDGE, 1.0, high)
    return np.where(known, low, 0.0), np.where(known, high, 1.0)


def _beta_quantiles(one: Reals, other: Reals) -> tuple[Reals, Reals]:
    """Return the quantiles at `_TAIL` and 1 - `_TAIL` of beta distributions, summed over logits."""
    weight = one[:, None] * _LOG_P + other[:, None] * _LOG_REST
    passed = np.cumsum(np.exp(weight - weight.max(axis=1, keepdims=True)), axis=1)
    passed /= passed[:, -1:]
    places = [(passed < part).sum(axis=1) for part in (_TAIL, 1 - _TAIL)]
    return _P[places[0]], _P[places[1]]


def group_holds(samples: Samples, rows: Rows, p: Reals, outcome: Reals, *columns: Reals) -> Reals:
    """Group rows of one code and sub-code with similar probabilities.

    Return a line for each group of at least `FEWEST` clusters: mean probability, share that paid, and means of the
    columns. Each cluster counts once.
    """
    band = np.minimum((p / _BAND).astype(np.int64), int(1 / _BAND) - 1)
    keys = np.stack([samples.episodes.code[rows], samples.episodes.subcode[rows], band], axis=1)
    _, which = np.unique(keys, axis=0, return_inverse=True)
    which = which.reshape(-1)
    table = np.stack([p, outcome, *columns], axis=1)
    found = []
    for number in range(int(which.max(initial=-1)) + 1):
        mine = np.flatnonzero(which == number)
        weights = cluster_weights(samples, rows[mine])
        if round(weights.sum()) >= FEWEST:
            found.append(np.average(table[mine], axis=0, weights=weights))
    return np.array(found).reshape(-1, table.shape[1])


def fit_strength(groups: Reals) -> float:
    """Return the greatest strength at which the intervals contain the rate in 95 % of groups.

    `_PRIOR` groups that fit `STRENGTH` are added, so that few groups change little. At a greater strength, a part of them
    lies outside.

    Parameters
    ----------
    groups
        From `group_holds`: mean probability, share that paid, and clusters it rests on.
    """
    said, seen, clusters = groups[:, 0], groups[:, 1], groups[:, 2]
    for strength in _STRENGTHS:
        low, high = interval(said, clusters, strength)
        prior = erf(_WIDTH * sqrt(STRENGTH / strength))
        inside = float(((low <= seen) & (seen <= high)).sum()) + _PRIOR * prior
        if inside >= LEVEL * (len(groups) + _PRIOR) - _TINY:
            return strength
    return _STRENGTHS[-1]
