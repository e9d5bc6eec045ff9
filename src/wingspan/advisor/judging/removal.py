"""When a removal loses nothing: how many releases a good job needs, and how usual it is that many meet such a hold.

A removal cannot be taken back. A low probability that the next release pays is not enough for one: some good jobs need
several, and an outage that the training never saw makes good jobs look like bad ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.judging import metrics
from wingspan.advisor.samples.features import ALIKE
from wingspan.advisor.samples.samples import Cause, Reals, Rows, Samples
from wingspan.advisor.samples.split import incident_weights
from wingspan.advisor.samples.truth import REMOVE

MOST_TRIES: Final = 5.0
ENOUGH_PAID: Final = 50  # incidents in which a release paid, without which nothing is removed
_MARGIN: Final = 2.0  # as good jobs are not all alike: those that fail at first succeed more rarely
_PRIOR: Final = 10.0  # clusters that the coarser rate counts as
_NEARLY: Final = 0.01  # an earlier release is preferred to one that is better by less
_USUAL: Final = 0.95  # of the holds of a cause
_ANYWAY: Final = {"access_point": 2.0, "site": 0.5, "anywhere": 3.0}  # other clusters: always usual
_SPAN: Final = "1h"


@dataclass(frozen=True, slots=True)
class Removal:
    """What was learned of removals.

    Attributes
    ----------
    tries
        Hold code -> with how many releases a job is taken to succeed that is not hopeless, 2 to `MOST_TRIES`.
    usual
        Cause -> how many other clusters usually have such a hold about the same time: at the access point, at the
        site, anywhere.
    enough
        Whether enough releases were seen to pay for any removal.
    """

    tries: Mapping[int, float] = field(repr=False)
    usual: Mapping[Cause, tuple[float, ...]] = field(repr=False)
    enough: bool

    def choose(self, pays: Reals, samples: Samples, rows: Rows, ratio: float) -> NDArray[np.int64]:
        """Return for each row the index of the delay at which to release it, or `REMOVE`.

        A job is good with the probability of its best release times its `tries`, at most 1. It is removed where that would
        cost less than the release, and no more clusters than usual have such a hold.

        Parameters
        ----------
        pays
            Probability that a release pays: (rows, delays).
        ratio
            What the removal of a good job costs, in releases in vain.
        """
        best = pays.max(axis=1)
        release = np.argmax(pays >= best[:, None] - _NEARLY, axis=1)
        codes = samples.episodes.code[rows].tolist()
        tries = np.array([self.tries.get(code, MOST_TRIES) for code in codes], np.float64)
        good = np.minimum(tries * best, 1.0)
        removed = (ratio * good < 1 - best) & ~self.crowded(samples, rows)
        return np.where(removed & self.enough, REMOVE, release)

    def crowded(self, samples: Samples, rows: Rows) -> NDArray[np.bool_]:
        """Say where more clusters than usual have such a hold: it may be an outage."""
        anyway = tuple(_ANYWAY.values())
        limits = np.array([self.usual.get(cause, anyway) for cause in samples.causes])
        limits = limits.reshape(-1, len(anyway))[samples.cause[rows]]
        return np.asarray((_others(samples, rows) > limits).any(axis=1))


NEVER: Final = Removal({}, {}, enough=False)


def learn_removal(samples: Samples, rows: Rows, weights: Reals, until: float) -> Removal:
    """Learn from labelled rows with some weights, and from all holds before `until` (UTC seconds)."""
    paid = weights * samples.label[rows]
    count = metrics.effective_count(paid, samples.incidents.number[rows])
    everyone = (samples.episodes.excluded == 0) & (samples.moments.clock < until)
    usual = _usual(samples, np.flatnonzero(everyone))
    return Removal(_tries(samples, rows), usual, count >= ENOUGH_PAID)


def _tries(samples: Samples, rows: Rows) -> dict[int, float]:
    """Return the tries by code, from what second releases come to.

    If a share of the jobs is hopeless, and the releases of the others pay at a rate g, then first ones pay at r1 = (1 - h)g, and
    second ones, after a first in vain, at r2 = (1 - h)(1 - g)g / (1 - r1): so g = 1 - r2(1 - r1) / r1.
    """
    weights = incident_weights(samples, rows)
    earlier = samples.features.column("holds_same_code")[rows]
    code = samples.episodes.code[rows]
    prior = float(np.average(samples.label[rows], weights=weights)) if len(rows) else 0.5
    found = {}
    for number in np.unique(code).tolist():
        mine = code == number
        once, twice = mine & (earlier == 0), mine & (earlier == 1)
        first = _rate(samples, rows[once], weights[once], max(prior, 1e-3))
        second = _rate(samples, rows[twice], weights[twice], first)
        pays = 1 - second * (1 - first) / first
        found[number] = min(_MARGIN / max(pays, _MARGIN / MOST_TRIES), MOST_TRIES)
    return found


def _rate(samples: Samples, rows: Rows, weights: Reals, prior: float) -> float:
    """Return the share that paid, shrunk; a cluster is one piece of evidence at most."""
    if not len(rows):
        return prior
    clusters = len(np.unique(samples.episodes.cluster[rows]))
    count = min(float(weights.sum() ** 2 / (weights**2).sum()), clusters)
    rate = float(np.average(samples.label[rows], weights=weights))
    return (rate * count + prior * _PRIOR) / (count + _PRIOR)


def _usual(samples: Samples, rows: Rows) -> dict[Cause, tuple[float, ...]]:
    others, anyway = _others(samples, rows), list(_ANYWAY.values())
    order = np.argsort(samples.cause[rows], kind="stable")
    bounds = np.flatnonzero(np.diff(samples.cause[rows][order])) + 1
    return {
        samples.causes[samples.cause[rows[places[0]]]]: tuple(
            np.maximum(np.quantile(others[places], _USUAL, axis=0), anyway).tolist()
        )
        for places in np.split(order, bounds)
        if len(places)
    }


def _others(samples: Samples, rows: Rows) -> Reals:
    """Return how many other clusters had such a hold about the same time: (rows, places)."""
    columns = [samples.features.column(ALIKE.format(place, _SPAN))[rows] for place in _ANYWAY]
    return np.stack(columns, axis=1).astype(np.float64)
