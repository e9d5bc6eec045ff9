"""Weigh a model's probabilities against what the rules expect.

A model that saw three clusters with a cause has learned little about it. In a pool full of users' bugs it calls every
rare cause hopeless, outages too. The rules know which causes pass by themselves.
"""

from typing import Final, NamedTuple

import numpy as np

from wingspan.advisor.samples.samples import Cause, Reals, Rows, Samples
from wingspan.eventlog.rules import explain

PAYS: Final = {"transient": 0.6, "either": 0.1, "deterministic": 0.05}  # by the rule's nature
ANOTHER_TRY: Final = 0.3  # for kinds where the next machine may be faster, or keep the job
BY_LUCK: Final = frozenset({"time", "starts"})
CLUSTERS: Final = (
    10.0,
    30.0,
)  # of a cause, as which the rules count: usually, and for causes by luck
_EDGE: Final = 1e-3


class Expected(NamedTuple):
    """How likely a release pays without a fix, by the rule alone; `clusters` is its weight."""

    pays: Reals
    clusters: Reals


def expected(cause: Cause) -> tuple[float, float]:
    """Return how likely a release pays by the rule, and the rule's weight in clusters.

    Examples
    --------
    >>> expected((6, 8, "Exec format error")), expected((46, 0, "exceeded allowed job duration"))
    ((0.05, 10.0), (0.3, 30.0))
    """
    rule = explain(*cause)
    if rule.kind in BY_LUCK and rule.nature != "transient":
        return ANOTHER_TRY, CLUSTERS[1]
    return PAYS[rule.nature], CLUSTERS[0]


def expected_of(samples: Samples, rows: Rows) -> Expected:
    """Return what the rules expect for each row."""
    each = np.array([expected(cause) for cause in samples.causes], np.float64).reshape(-1, 2)
    return Expected(*each[samples.cause[rows]].T)


def weigh(p: Reals, clusters: Reals, rules: Expected) -> Reals:
    """Return the means of the model's logits and the rules', weighted by clusters.

    Parameters
    ----------
    clusters
        Clusters of each cause that the model learned from.

    Examples
    --------
    >>> rules = Expected(np.array([0.6, 0.6]), np.array([10.0, 10.0]))
    >>> weigh(np.array([0.02, 0.02]), np.array([0.0, 1000.0]), rules).round(2).tolist()
    [0.6, 0.02]
    """
    own = clusters / (clusters + rules.clusters)
    logit = own * _logit(p) + (1 - own) * _logit(rules.pays)
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


def _logit(p: Reals) -> Reals:
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)
