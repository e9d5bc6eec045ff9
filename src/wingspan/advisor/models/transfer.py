"""Say how far the pool of some logs is from the one that a trained advisor learned from.

Other pools have other users and other faults, so the probabilities of a foreign advisor are off. All outcomes there shift
them, as later outcomes do in its own pool: see `drift`.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.holds.prefix import first_of
from wingspan.advisor.holds.timeline import Timeline
from wingspan.advisor.models.baselines import as_released
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.split import cluster_weights

FIRST: Final = (50, 20)  # releases with a known outcome, and their clusters
EARLY: Final = (
    f"the advisor learned from another pool, and fewer than {FIRST[0]} outcomes of {FIRST[1]} "
    "clusters are known here"
)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a pool is from the one in training.

    Attributes
    ----------
    since
        Row of the timeline from which that is known; before it `EARLY` is all that can be said.
    note
        The distance in words.
    """

    since: int
    note: str


def is_foreign(advisor: Advisor, timeline: Timeline) -> bool:
    """Return whether the advisor learned from none of the access points of some logs."""
    names = timeline.events.access_points
    return not set(advisor.card.get("access_points", names)) & set(names)


def trained_until(advisor: Advisor, timeline: Timeline) -> float:
    """Return the time (UTC seconds) from which outcomes in a pool are new to the advisor."""
    if is_foreign(advisor, timeline):
        return -inf
    return float(advisor.card.get("slices_start", (inf, inf))[1])


def measure_distance(advisor: Advisor, timeline: Timeline, episodes: Episodes) -> Distance:
    """Compare a foreign advisor with the first outcomes in the pool of some logs."""
    known = np.flatnonzero(~np.isnan(episodes.label) & (episodes.excluded == 0))
    known = known[np.argsort(episodes.outcome_row[known], kind="stable")]
    clusters = np.cumsum(first_of(episodes.cluster[known]))
    enough = np.flatnonzero((np.arange(1, len(known) + 1) >= FIRST[0]) & (clusters >= FIRST[1]))
    if not len(enough):
        return Distance(len(timeline) + 1, EARLY)
    first = known[: enough[0] + 1]
    samples = make_samples(timeline, at_holds(episodes).take(np.sort(first)))
    rows = np.arange(len(samples))
    p = advisor.curve(advisor.model.predict(samples, rows, as_released(samples, rows)))
    weights = cluster_weights(samples, rows)
    unknown = float((advisor.evidence(samples) == 0).mean())
    note = (
        f"the advisor learned from another pool: of the first {len(rows)} releases here "
        f"{np.average(samples.label, weights=weights):.0%} paid where it said {np.average(p, weights=weights):.0%}, and "
        f"{unknown:.0%} are of kinds that are new to it; it follows the outcomes here"
    )
    return Distance(int(episodes.outcome_row[first[-1]]) + 1, note)
