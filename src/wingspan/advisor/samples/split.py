"""Cut samples by time into slices for training, calibration and the test.

Each cluster counts once where cuts are made, so that one cluster that is held again and again cannot fill a slice.
A sample is used only if its outcome was known before the slice's end, since nothing else could have been learned
then. Samples of a cluster or an incident in an earlier slice are left out of later ones.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Rows, Samples
from wingspan.errors import ConflictError, SettingError

BLOCKS: Final = 3  # of the calibrating slice, on which models are compared
_TINY: Final = 1e-9  # rounding of sums


@dataclass(slots=True)
class Sealed:
    """Rows that may be opened once in a process."""

    _rows: Rows = field(repr=False)
    opened: bool = False

    def __len__(self) -> int:
        return len(self._rows)

    def open(self) -> Rows:
        """Return the rows; raises `ConflictError` the second time."""
        if self.opened:
            problem = "the sealed test was opened before: its figures no longer count as unseen"
            raise ConflictError(
                "the test slice", problem, "cut the samples once more to judge again"
            )
        self.opened = True
        return self._rows


@dataclass(frozen=True, slots=True)
class Split:
    """Slices of samples, later ones later.

    Attributes
    ----------
    train, calibrate
        Labelled rows. int64
    test
        Rows, labelled or not.
    purged
        Number of labelled rows left out, since their outcome was not known in time, or for their cluster or incident.
    starts
        When the slices after the first begin, UTC seconds.
    """

    train: Rows
    calibrate: Rows
    test: Sealed
    purged: int
    starts: tuple[float, float]

    @property
    def both(self) -> Rows:
        """Return the rows that train or calibrate: all that may be learned from before the test."""
        return np.union1d(self.train, self.calibrate)


def split_samples(samples: Samples, shares: tuple[float, float] = (0.6, 0.2)) -> Split:
    """Cut at times that leave these shares of the labelled clusters to training and calibration.

    A cluster with several labelled samples is spread over their times.

    Raises
    ------
    SettingError
        The shares leave nothing to the test.
    """
    if min(shares) <= 0 or sum(shares) >= 1:
        problem = f"{shares[0]:g} and {shares[1]:g} leave nothing to a slice"
        raise SettingError("split", problem, "give two shares above 0 whose sum is below 1")
    clock = samples.moments.clock
    labelled = ~np.isnan(samples.label)
    rows = np.flatnonzero(labelled)
    first, second = _cuts(samples, rows, [shares[0], sum(shares)])
    train = labelled & (samples.known_at < first)
    held_back = ~_shared(samples, train)
    middle = (clock >= first) & labelled
    calibrate = middle & (samples.known_at < second) & held_back
    held_back &= ~_shared(samples, calibrate)
    test = (clock >= second) & (samples.episodes.excluded == 0) & held_back
    used = train | calibrate | test
    purged = int((labelled & ~used).sum())
    slices = [np.flatnonzero(chosen) for chosen in (train, calibrate, test)]
    return Split(slices[0], slices[1], Sealed(slices[2]), purged, (first, second))


def rolling(samples: Samples, split: Split, blocks: int = BLOCKS) -> list[tuple[Rows, Rows]]:
    """Cut the calibrating slice into blocks of time, each with the rows known before it.

    The rows known before share no cluster and no incident with the block.
    """
    rows = split.calibrate
    clock = samples.moments.clock[rows]
    shares = [number / blocks for number in range(1, blocks)]
    cuts = [split.starts[0], *_cuts(samples, rows, shares), split.starts[1]]
    found = []
    for start, end in pairwise(cuts):
        judged = rows[(clock >= start) & (clock < end)]
        chosen = np.zeros(len(samples), bool)
        chosen[judged] = True
        earlier = split.both[samples.known_at[split.both] < start]
        found.append((earlier[~_shared(samples, chosen)[earlier]], judged))
    return [(earlier, judged) for earlier, judged in found if len(judged)]


def cut_by_time(samples: Samples, rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Cut rows at a time; later rows of clusters and incidents known before it are left out.

    Parameters
    ----------
    share
        Share of the rows' clusters before the time.
    """
    if not len(rows):
        return rows, rows
    clock = samples.moments.clock[rows]
    (cut,) = _cuts(samples, rows, [share])
    before = rows[samples.known_at[rows] < cut]
    chosen = np.zeros(len(samples), bool)
    chosen[before] = True
    after = rows[clock >= cut]
    return before, after[~_shared(samples, chosen)[after]]


def _cuts(samples: Samples, rows: Rows, shares: list[float]) -> list[float]:
    """Return the times before which these shares of the rows lie; each cluster counts once."""
    if not len(rows):
        return [0.0] * len(shares)
    clock = samples.moments.clock[rows]
    order = np.argsort(clock, kind="stable")
    passed = np.cumsum(cluster_weights(samples, rows)[order])
    places = np.searchsorted(passed, np.array(shares) * passed[-1] + _TINY, side="right")
    return [float(each) for each in clock[order][np.minimum(places, len(rows) - 1)]]


def _shared(samples: Samples, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the samples that share a cluster or an incident with the chosen ones."""
    found = np.zeros(len(samples), bool)
    for group in (samples.episodes.cluster, samples.incidents.number):
        found |= np.isin(group, group[chosen])
    return found


def incident_weights(samples: Samples, rows: Rows) -> NDArray[np.float64]:
    """Return weights so that each incident counts once among these rows."""
    return _once(samples.incidents.number[rows])


def cluster_weights(samples: Samples, rows: Rows) -> NDArray[np.float64]:
    """Return weights so that each cluster counts once among these rows."""
    return _once(samples.episodes.cluster[rows])


def _once(group: NDArray[np.int32]) -> NDArray[np.float64]:
    _, which, count = np.unique(group, return_inverse=True, return_counts=True)
    weights: NDArray[Any] = 1.0 / count[which]
    return weights
