"""Baselines that only count, or need no training at all.

Every model has one interface: ``fit(samples, rows, weights)`` returns an object with
``predict(samples, rows, releases)``. Rows are indices of samples; in `fit` all of them are labelled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.timeline import AUTHORS
from wingspan.advisor.samples.samples import Cause, Reals, Rows, Samples

SHRINKAGE: Final = 3.0  # clusters that the coarser level's rate counts as
_HOUR_S: Final = 3600.0
_OSG_STARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Releases:
    """Considered or actual releases, one for each row.

    Attributes
    ----------
    after_s
        Seconds after the hold.
    blind
        1 where a policy releases: nothing was fixed before. A user may have changed files, which no log shows. float64
    """

    after_s: Reals
    blind: Reals


def blindly(count: int, after_s: float | Reals) -> Releases:
    """Return releases without a fix, `after_s` seconds after each hold.

    It is one number, or one for each hold.
    """
    return Releases(np.full(count, after_s, np.float64), np.ones(count))


def as_released(samples: Samples, rows: Rows) -> Releases:
    """Return the actual releases; rows without one count as released by a user at once."""
    after_s = np.nan_to_num(samples.episodes.after_s[rows])
    by_policy = samples.episodes.author[rows] == AUTHORS.index("policy")
    return Releases(np.maximum(after_s, 0.0), by_policy.astype(np.float64))


class Model(Protocol):
    """The result of a fit."""

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the probability that each row's release pays."""
        ...


Fit: TypeAlias = Callable[[Samples, Rows, Reals], Model]


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates at which releases paid, by template, code/sub-code and code.

    Each level is shrunk towards the coarser one.

    Attributes
    ----------
    counts
        For each key, weight of those that paid, weight of all, and number of clusters. The key of all is "".
    """

    counts: Mapping[str, tuple[float, float, int]] = field(repr=False)
    levels: int = 3

    def rate(self, cause: Cause) -> float:
        """Return the smoothed rate for a cause."""
        paid, total, _ = self.counts.get("", (0.0, 0.0, 0))
        rate = (paid + 1.0) / (total + 2.0)
        for key in _keys(cause)[: self.levels]:
            paid, total, _ = self.counts.get(key, (0.0, 0.0, 0))
            rate = (paid + SHRINKAGE * rate) / (total + SHRINKAGE)
        return rate

    def evidence(self, cause: Cause) -> int:
        """Return how many clusters with this code and sub-code had a release whose outcome is known."""
        return self.counts.get(_keys(cause)[1], (0.0, 0.0, 0))[2]

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:  # noqa: ARG002
        """Return the rate of each row's cause, whenever it is released."""
        rates = np.array([self.rate(cause) for cause in samples.causes], np.float64)
        return rates[samples.cause[rows]]


def _keys(cause: Cause) -> tuple[str, str, str]:
    code, subcode, template = cause
    return f"{code}", f"{code}/{subcode}", f"{code}/{subcode} {template}"


def fit_rates(samples: Samples, rows: Rows, weights: Reals, levels: int = 3) -> Rates:
    """Count by cause; `levels` 1 is the plain rate per code."""
    label, cluster = samples.label[rows], samples.episodes.cluster[rows]
    scale = _distinct(cluster) / weights.sum() if len(rows) else 1.0
    members: dict[str, list[int]] = {"": list(range(len(rows)))} if len(rows) else {}
    for place, cause in enumerate(samples.cause[rows].tolist()):
        for key in _keys(samples.causes[cause])[:levels]:
            members.setdefault(key, []).append(place)
    counts = {
        key: (
            float((weights[places] * label[places]).sum() * scale),
            float(weights[places].sum() * scale),
            _distinct(cluster[places]),
        )
        for key, places in ((key, np.array(places)) for key, places in members.items())
    }
    return Rates(counts, levels)


def _distinct(numbers: NDArray[Any]) -> int:
    return len(np.unique(numbers))


@dataclass(frozen=True, slots=True)
class Always:
    """Always release: 1 everywhere."""

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:  # noqa: ARG002
        """Return 1."""
        return np.ones(len(rows))


@dataclass(frozen=True, slots=True)
class Mates:
    """Predict the outcome of the cluster's last release with the code, else the rates."""

    rates: Rates

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return 0.9 or 0.1 by a mate's outcome, else the rate."""
        last = samples.features.column("cluster_last_release_paid")[rows]
        rates = self.rates.predict(samples, rows, releases)
        return np.where(np.isnan(last), rates, 0.1 + 0.8 * (last > 0.5))


@dataclass(frozen=True, slots=True)
class OsgRule:
    """Predict 1 where the OSG recipe releases, else 0.

    The recipe is ``periodic_release = (NumJobStarts < 3) && (an hour held)``.
    """

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return 1 where the recipe would release."""
        starts = samples.features.column("starts")[rows]
        return ((starts < _OSG_STARTS) & (releases.after_s >= _HOUR_S)).astype(np.float64)


def fit_always(samples: Samples, rows: Rows, weights: Reals) -> Always:  # noqa: ARG001
    """Return the model; nothing is fitted."""
    return Always()


def fit_osg_rule(samples: Samples, rows: Rows, weights: Reals) -> OsgRule:  # noqa: ARG001
    """Return the model; nothing is fitted."""
    return OsgRule()


def fit_mates(samples: Samples, rows: Rows, weights: Reals) -> Mates:
    """Count the rates to fall back to."""
    return Mates(fit_rates(samples, rows, weights))


def fit_code_rates(samples: Samples, rows: Rows, weights: Reals) -> Rates:
    """Count by code only."""
    return fit_rates(samples, rows, weights, levels=1)


def fit_constant(samples: Samples, rows: Rows, weights: Reals) -> Rates:
    """Count over all causes."""
    return fit_rates(samples, rows, weights, levels=0)
