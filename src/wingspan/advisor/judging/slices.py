"""Describe the slices of samples: clusters, time span, and how often releases pay.

A figure of one slice says little about another one where their base rates differ.
"""

from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final

import numpy as np

from wingspan.advisor.judging.metrics import effective_count
from wingspan.advisor.samples.samples import Rows, Samples
from wingspan.advisor.samples.split import cluster_weights, incident_weights

_APART: Final = 0.1  # a smaller difference of base rates casts no doubt on the figures
_SURE: Final = 2.0  # standard errors
_FEW: Final = 20.0  # effective clusters


@dataclass(frozen=True, slots=True)
class Slice:
    """Labelled samples of one slice.

    Attributes
    ----------
    effective
        Clusters of equal weight with the same information; each incident counts once.
    begins, ends
        Time of the first and the last hold, UTC seconds; nan for an empty slice.
    base_rate
        Share of releases that paid, each cluster counting once; nan for an empty slice.
    """

    name: str
    holds: int
    clusters: int
    effective: float
    begins: float
    ends: float
    base_rate: float

    @property
    def days(self) -> float:
        """Return the days from the first hold to the last."""
        return (self.ends - self.begins) / 86400


def describe(name: str, samples: Samples, rows: Rows) -> Slice:
    """Return the facts about labelled rows."""
    nan = float("nan")
    if not len(rows):
        return Slice(name, 0, 0, 0.0, nan, nan, nan)
    cluster, clock = samples.episodes.cluster[rows], samples.moments.clock[rows]
    weights = incident_weights(samples, rows)
    return Slice(
        name,
        len(rows),
        len(np.unique(cluster)),
        effective_count(weights, cluster),
        float(clock.min()),
        float(clock.max()),
        float(np.average(samples.label[rows], weights=cluster_weights(samples, rows))),
    )


def warn(slices: tuple[Slice, ...]) -> tuple[str, ...]:
    """Return a warning for each slice with few clusters or another base rate than the first."""
    found = []
    for each in slices:
        first = slices[0]
        if each.effective < _FEW:
            found.append(
                f"the {each.name} slice has {each.effective:.0f} effective clusters: "
                f"its figures are rough below {_FEW:.0f}"
            )
        gap = abs(each.base_rate - first.base_rate)
        if gap > max(_APART, _SURE * hypot(_error(each), _error(first))):
            found.append(
                f"in the {each.name} slice {each.base_rate:.0%} of releases pay, "
                f"in the {first.name} slice {first.base_rate:.0%}: figures may not carry over"
            )
    return tuple(found)


def _error(each: Slice) -> float:
    return sqrt(max(each.base_rate * (1 - each.base_rate), 0.01) / max(each.clusters, 1))
