"""Group holds of one cause that came together into incidents.

An incident is one piece of evidence, not many.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.prefix import number_by_first


@dataclass(frozen=True, slots=True)
class Incidents:
    """Which incident each episode belongs to.

    Attributes
    ----------
    number
        The incident of each episode, numbered as they begin. int32
    size
        Episodes of each incident. int64
    """

    number: NDArray[np.int32]
    size: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.size)

    @property
    def weights(self) -> NDArray[np.float64]:
        """Return 1 / size for each episode, so that an incident counts once."""
        return 1.0 / self.size[self.number]


def find_incidents(episodes: Episodes, gap_s: float = 60.0) -> Incidents:
    """Join holds with equal code, template and access point, one cluster or host, close in time.

    Parameters
    ----------
    gap_s
        The longest time between one hold and the next of the same incident.
    """
    cause = (episodes.access_point, episodes.code, episodes.subcode, episodes.template)
    host = np.where(episodes.host < 0, -1 - np.arange(len(episodes)), episodes.host)
    chains = [_chain(episodes.known, gap_s, *cause, group) for group in (episodes.cluster, host)]
    number = np.arange(len(episodes))
    while True:
        before = number
        for chain in chains:
            least = np.full(len(episodes), len(episodes))
            np.minimum.at(least, chain, number)
            number = least[chain]
        if np.array_equal(number, before):
            break
    found = number_by_first(number)
    return Incidents(found, np.bincount(found))


def _chain(clock: NDArray[np.float64], gap_s: float, *columns: NDArray[Any]) -> NDArray[np.int64]:
    """Give numbers to runs of episodes that agree in all columns and follow within `gap_s`."""
    group = number_by_first(*columns)
    order = np.argsort(group, kind="stable")
    new = (np.diff(group[order], prepend=-1) != 0) | (np.diff(clock[order], prepend=0) > gap_s)
    chain = np.empty(len(order), np.int64)
    chain[order] = np.cumsum(new) - 1
    return chain
