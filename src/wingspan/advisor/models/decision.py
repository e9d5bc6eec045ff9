"""Decide by probabilities: release now or later, or hold the job back for a fix.

The same costs decide everywhere: in advice, in the choice of a model, and in the table. Advice also uses what the rules
know of a cause.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Reals
from wingspan.advisor.samples.truth import HELD_BACK
from wingspan.eventlog.rules import Rule

RATIO: Final = 5.0  # cost of holding back a job that a release would have saved, in failed releases
LOOK: Final = 0.4  # cost of a person's look at one cluster's held jobs, in failed releases
WORTH: Final = (1 - LOOK) / (1 + RATIO)  # a release that pays less often costs more than a look
LIKELY: Final = 0.2  # a release that is this likely to pay overrules a measured fix
AGAIN: Final = frozenset({"time", "starts"})  # causes after which the next try may pay all the same
_TRIES: Final = 2.0  # tries of such a job until one pays, if any does
_FEW: Final = 3  # with fewer clusters a model does not overrule a rule that expects the same again
_NEARLY: Final = 0.01  # an earlier release is preferred to one that is better by less


def worth_of(rule: Rule, clusters: float) -> float:
    """Return how likely a release must be to pay so that it is advised.

    A job that ran out of time, or was evicted too often, may succeed on another machine although one try fails. So it
    is lost less often than its next release fails, and holding it back costs more. A release without a fix of a cause
    that comes again must be likelier if few clusters show that it pays.

    Parameters
    ----------
    clusters
        Clusters with known outcomes that the probability rests on.
    """
    if rule.kind in AGAIN:
        return (1 - LOOK) / (1 + RATIO * _TRIES)
    return LIKELY if rule.nature == "deterministic" and clusters < _FEW else WORTH


def worth_of_each(rules: Sequence[Rule], clusters: NDArray[np.int64]) -> Reals:
    """Return `worth_of` for each hold."""
    each = zip(rules, clusters.tolist(), strict=True)
    return np.array([worth_of(rule, count) for rule, count in each], np.float64)


def decide(pays: Reals, worth: float | Reals = WORTH) -> NDArray[np.int64]:
    """Return for each row the index of the release to advise, or `HELD_BACK`.

    Parameters
    ----------
    pays
        Probability that a release pays: (rows, releases), the earliest first.
    worth
        Least probability at which a release is advised: one number, or one for each row.

    Examples
    --------
    >>> decide(np.array([[0.5, 0.9], [0.5, 0.505], [0.01, 0.02]])).tolist()
    [1, 0, -1]
    """
    best = pays.max(axis=1)
    release = np.argmax(pays >= best[:, None] - _NEARLY, axis=1)
    return np.where(best >= worth, release, HELD_BACK)


def decision_cost(p: Reals, paid: Reals) -> Reals:
    """Return the cost of the decision by each probability, for known outcomes.

    Examples
    --------
    >>> decision_cost(np.array([0.9, 0.9, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])).tolist()
    [0.0, 1.0, 5.4, 0.4]
    """
    back = decide(p[:, None]) == HELD_BACK
    return np.where(back, LOOK + RATIO * paid, 1.0 - paid)
