"""Fit a trained advisor to another pool, by the first known outcomes there.

Other pools have other users and other faults, so the probabilities of a foreign advisor are off. The first outcomes show
by how much. If the advisor then does no better than their rate, it is not used.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.holds.prefix import first_of
from wingspan.advisor.holds.timeline import Timeline
from wingspan.advisor.models.baselines import as_released
from wingspan.advisor.models.calibrate import both_ways, fit_line, halves_of
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import Reals, Rows, Samples, make_samples
from wingspan.advisor.samples.split import cluster_weights

FIRST: Final = (50, 20)  # releases with a known outcome, and their clusters


@dataclass(frozen=True, slots=True)
class Transfer:
    """An advisor in a new pool.

    Attributes
    ----------
    advisor
        The recalibrated advisor; None if rules and rates are better.
    since
        Row of the timeline from which the recalibration is known; before it the advisor is used as it was trained.
    note
        How far this pool is from the one in training.
    """

    advisor: Advisor | None = field(repr=False)
    since: int
    note: str


def transfer(advisor: Advisor, timeline: Timeline, episodes: Episodes) -> Transfer | None:
    """Return the advisor as used in the pool of some logs; None if it learned from that pool."""
    names = timeline.events.access_points
    if set(advisor.card.get("access_points", names)) & set(names):
        return None
    known = np.flatnonzero(~np.isnan(episodes.label) & (episodes.excluded == 0))
    known = known[np.argsort(episodes.outcome_row[known], kind="stable")]
    clusters = np.cumsum(first_of(episodes.cluster[known]))
    enough = np.flatnonzero((np.arange(1, len(known) + 1) >= FIRST[0]) & (clusters >= FIRST[1]))
    if not len(enough):
        counts = f"{len(known)} of {FIRST[0]} releases, {clusters[-1] if len(known) else 0} of {FIRST[1]} clusters"
        note = f"the advisor learned from another pool and is not recalibrated yet: {counts} known here"
        return Transfer(advisor, 0, note)
    first = known[: enough[0] + 1]
    since = int(episodes.outcome_row[first[-1]]) + 1
    return _recalibrated(
        advisor, make_samples(timeline, at_holds(episodes).take(np.sort(first))), since
    )


def _recalibrated(advisor: Advisor, samples: Samples, since: int) -> Transfer:
    rows = np.arange(len(samples))
    p = advisor.curve(advisor.model.predict(samples, rows, as_released(samples, rows)))
    y, weights = samples.label, cluster_weights(samples, rows)
    mine, rate = _errors(p, y, weights, samples)
    unknown = float((advisor.evidence(samples) == 0).mean())
    note = (
        f"the advisor learned from another pool: of the first {len(rows)} releases here {np.average(y, weights=weights):.0%} "
        f"paid where it said {np.average(p, weights=weights):.0%}, and {unknown:.0%} are of kinds that are new to it"
    )
    if mine >= rate:
        note += "; it does no better than their rate, so rules and rates advise"
        return Transfer(None, since, note)
    line = fit_line(p, y, weights)
    points = tuple(float(each) for each in line(np.array(advisor.curve.values)))
    curve = (
        line
        if advisor.curve.scores == advisor.curve.values
        else replace(advisor.curve, values=points)
    )
    return Transfer(replace(advisor, curve=curve), since, f"{note}; recalibrated by them")


def _errors(p: Reals, y: Reals, weights: Reals, samples: Samples) -> tuple[float, float]:
    """Return the squared errors of the recalibrated advisor and of the rate, by cross-fitting.

    Each half is judged by a fit to the other.
    """
    mine = rate = 0.0
    halves: tuple[Rows, Rows] = halves_of(samples.episodes.cluster)
    for one, other in both_ways(halves):
        line = fit_line(p[other], y[other], weights[other])
        plain = (weights[other] @ y[other] + 1) / (weights[other].sum() + 2)
        mine += float(weights[one] @ (line(p[one]) - y[one]) ** 2)
        rate += float(weights[one] @ (plain - y[one]) ** 2)
    return mine, rate
