"""Decide by probabilities: release now or later, or hold the job back for a fix.

The same rule decides everywhere: in advice, in the choice of a model, and in the table.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Reals
from wingspan.advisor.samples.truth import HELD_BACK

RATIO: Final = 5.0  # cost of holding back a job that a release would have saved, in failed releases
LOOK: Final = 0.4  # cost of a person's look at one cluster's held jobs, in failed releases
WORTH: Final = (1 - LOOK) / (1 + RATIO)  # a release that pays less often costs more than a look
_NEARLY: Final = 0.01  # an earlier release is preferred to one that is better by less


def decide(pays: Reals) -> NDArray[np.int64]:
    """Return for each row the index of the release to advise, or `HELD_BACK`.

    Parameters
    ----------
    pays
        Probability that a release pays: (rows, releases), the earliest first.

    Examples
    --------
    >>> decide(np.array([[0.5, 0.9], [0.5, 0.505], [0.01, 0.02]])).tolist()
    [1, 0, -1]
    """
    best = pays.max(axis=1)
    release = np.argmax(pays >= best[:, None] - _NEARLY, axis=1)
    return np.where(best >= WORTH, release, HELD_BACK)


def decision_cost(p: Reals, paid: Reals) -> Reals:
    """Return the cost of the decision by each probability, for known outcomes.

    Examples
    --------
    >>> decision_cost(np.array([0.9, 0.9, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])).tolist()
    [0.0, 1.0, 5.4, 0.4]
    """
    back = decide(p[:, None]) == HELD_BACK
    return np.where(back, LOOK + RATIO * paid, 1.0 - paid)
