"""Correct labels for users' fixes: a release may have paid due to a fix that no log shows.

A policy fixes nothing, so its releases show what a release alone achieves. If those of a cause do not pay and users'
releases sometimes do, the users have fixed something.
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
_MOST: Final = 0.15  # a larger count has been chance more often than fixes
_LEAST: Final = 0.05  # a release that paid is never due to a fix alone
_FIRM: Final = 10.0  # clusters of a policy's releases that weigh as much as all users' releases
_FUTILE: Final = 0.1  # releases by a policy of a futile cause pay at a lower rate
_ENOUGH: Final = 5  # incidents with releases by a policy


def without_fixes(samples: Samples, train: Rows) -> Samples:
    """Replace labels of users' paid releases by the chance that the release alone was enough.

    How often releases of a cause pay alone, and how often users fix it, is counted on the training rows. Without
    releases by a policy, `ASSUMED` is how often users fix it.
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
    """Return how often releases of each sample's cause pay alone.

    It is the users' rate less their fixes, corrected by that of policies.

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
    """Return how often users fix the cause, from causes whose release alone does not pay."""
    weight = incident_weights(samples, blind)
    seen = np.bincount(samples.cause[blind], weight, minlength=len(samples.causes))
    futile = by_user[(alone[by_user] < _FUTILE) & (seen[samples.cause[by_user]] >= _ENOUGH)]
    weight = incident_weights(samples, futile)
    beyond = float((weight * (samples.label[futile] - alone[futile])).sum())
    share = (max(beyond, 0.0) + ASSUMED * SHRINKAGE) / (float(weight.sum()) + SHRINKAGE)
    return min(share, _MOST)
