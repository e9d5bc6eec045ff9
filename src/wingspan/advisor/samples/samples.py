"""Join each question about a hold with its episode, its incident and its features."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.episodes import Episodes, find_episodes
from wingspan.advisor.holds.incidents import Incidents, find_incidents
from wingspan.advisor.holds.moments import Moments, at_holds
from wingspan.advisor.holds.timeline import Timeline
from wingspan.advisor.samples.features import Features, make_features

Rows: TypeAlias = NDArray[np.int64]
Reals: TypeAlias = NDArray[np.float64]
Cause: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Samples:
    """One entry for each question; `episodes`, `incidents` and `features` have a line for each.

    Attributes
    ----------
    incidents
        `size` counts episodes of the whole log.
    causes
        The distinct (code, sub-code, masked reason).
    cause
        Index into `causes` of each sample. int64
    """

    timeline: Timeline = field(repr=False)
    episodes: Episodes = field(repr=False)
    moments: Moments = field(repr=False)
    incidents: Incidents = field(repr=False)
    features: Features = field(repr=False)
    causes: tuple[Cause, ...]
    cause: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.moments)

    @property
    def label(self) -> NDArray[np.float64]:
        """Return 1 where a release paid, 0 where it did not; nan if unknown or no advice is given."""
        return np.where(self.episodes.excluded == 0, self.episodes.label, np.nan)

    @property
    def known_at(self) -> NDArray[np.float64]:
        """Return when each outcome became known, UTC seconds."""
        return self.episodes.known + self.episodes.outcome_after_s


def make_samples(timeline: Timeline, moments: Moments | None = None) -> Samples:
    """Find episodes and incidents, and make the features of all moments.

    Without moments, they are those of every hold.
    """
    episodes = find_episodes(timeline)
    moments = at_holds(episodes) if moments is None else moments
    incidents = find_incidents(episodes)
    features = make_features(timeline, episodes, moments)
    asked = episodes.take(moments.episode)
    causes, cause = _causes(timeline, asked)
    mine = Incidents(incidents.number[moments.episode], incidents.size)
    return Samples(timeline, asked, moments, mine, features, causes, cause)


def _causes(timeline: Timeline, episodes: Episodes) -> tuple[tuple[Cause, ...], NDArray[Any]]:
    """Return the distinct causes, and the index of each episode's cause."""
    numbers = np.stack([episodes.code, episodes.subcode, episodes.template.astype(np.int64)], 1)
    distinct, which = np.unique(numbers, axis=0, return_inverse=True)
    texts = (*timeline.templates, "")  # a hold without a reason has template -1
    return tuple((a, b, texts[c]) for a, b, c in distinct.tolist()), which.reshape(-1)
