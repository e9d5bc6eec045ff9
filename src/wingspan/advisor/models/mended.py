"""Labels -> labels of a release alone: that a user's release paid may be the doing of a fix that no log tells.

A policy mends nothing: what its releases come to is what a release alone comes to. Where those of a cause are
in vain and users' releases pay now and then, the users have mended something.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from wingspan.advisor.holds.prefix import first_of
from wingspan.advisor.holds.timeline import AUTHORS
from wingspan.advisor.models.baselines import SHRINKAGE, Rates, fit_rates
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import incident_weights

ASSUMED: Final = 0.1
_MOST: Final = 0.15  # what is counted beyond that has been chance more often than fixes
_LEAST: Final = 0.05  # a release that paid is never wholly somebody's fix
_FIRM: Final = 10.0  # clusters of a policy's releases that weigh as much as all users' releases
_IN_VAIN: Final = 0.1  # a cause whose releases by a policy pay at a lower rate
_ENOUGH: Final = 5  # incidents with releases by a policy


def without_fixes(samples: Samples, train: Rows) -> Samples:
    """Return the same with labels between 0 and 1 where a user's release paid: the chance that it alone was enough.

    How often releases of a cause pay by themselves, and how often users mend, is counted on the rows of
    training. Where no releases by a policy tell, `ASSUMED` is how often users mend.
    """
    by_policy = samples.episodes.author == AUTHORS.index("policy")
    blind, by_user = train[by_policy[train]], train[~by_policy[train]]
    rates = fit_rates(samples, blind, incident_weights(samples, blind))
    mends = _share_mended(samples, _rate_of_each(samples, rates), blind, by_user)
    alone = _with_users(samples, blind, by_user, mends)
    chance = np.maximum(alone / (alone + (1 - alone) * mends), _LEAST)
    label = np.where(~by_policy & (samples.label == 1), chance, samples.episodes.label)
    label.flags.writeable = False
    return replace(samples, episodes=replace(samples.episodes, label=label))


def _rate_of_each(samples: Samples, rates: Rates) -> Reals:
    return np.array([rates.rate(cause) for cause in samples.causes], np.float64)[samples.cause]


def _with_users(samples: Samples, blind: Rows, by_user: Rows, mends: float) -> Reals:
    """Return for each sample how often releases of its cause pay alone: users' rate less their fixes, corrected by policies'.

    What a policy releases again and again is one piece of evidence: each cluster counts for one incident at most.
    """
    rates = fit_rates(samples, by_user, incident_weights(samples, by_user))
    guess = np.maximum(_rate_of_each(samples, rates) - mends, 0.0) / (1 - mends)
    weight, count = incident_weights(samples, blind), len(samples.causes)
    cause = samples.cause[blind]
    tried = np.bincount(cause, weight, minlength=count)
    paid = np.bincount(cause, weight * samples.label[blind], minlength=count)
    apart = first_of(cause, samples.episodes.cluster[blind])
    clusters = np.bincount(cause[apart], minlength=count)
    part = np.minimum(clusters / np.maximum(tried, 1e-9), 1.0)
    alone = (paid * part)[samples.cause] + _FIRM * guess
    return np.asarray(alone / ((tried * part)[samples.cause] + _FIRM), np.float64)


def _share_mended(samples: Samples, alone: Reals, blind: Rows, by_user: Rows) -> float:
    """Return how often users mend, from causes whose release alone is in vain: what they reach beyond that."""
    weight = incident_weights(samples, blind)
    seen = np.bincount(samples.cause[blind], weight, minlength=len(samples.causes))
    told = by_user[(alone[by_user] < _IN_VAIN) & (seen[samples.cause[by_user]] >= _ENOUGH)]
    weight = incident_weights(samples, told)
    beyond = float((weight * (samples.label[told] - alone[told])).sum())
    share = (max(beyond, 0.0) + ASSUMED * SHRINKAGE) / (float(weight.sum()) + SHRINKAGE)
    return min(share, _MOST)
