"""Join a simulator's records with samples: what releases would have done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.samples.samples import Samples

HELD_BACK = -1


@dataclass(frozen=True, slots=True)
class Truth:
    """The latent truth, one line for each sample.

    Attributes
    ----------
    known
        Whether there is a record of the sample's hold. bool
    delays_s
        Seconds after the hold at which releases are considered.
    pays
        Whether each of those releases would pay. bool, (samples, delays)
    hopeless
        Whether no release without a fix would ever pay. bool
    cause
        The simulator's name of what held each job; empty without a record.
    """

    known: NDArray[np.bool_]
    delays_s: tuple[float, ...]
    pays: NDArray[np.bool_]
    hopeless: NDArray[np.bool_]
    cause: tuple[str, ...] = ()

    def costs(
        self, rows: NDArray[np.int64], action: NDArray[np.int64], back: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the costs of actions, which are indices into `delays_s` or `HELD_BACK`.

        A release that does not pay costs 1.

        Parameters
        ----------
        back
            Cost of holding each job back.
        """
        failed = 1.0 - self.pays[rows, np.maximum(action, 0)]
        return np.where(action == HELD_BACK, back, failed)

    def least(self, rows: NDArray[np.int64], back: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the cost of the best action for each, which the oracle takes."""
        least: NDArray[np.float64] = np.minimum(1.0 - self.pays[rows].max(axis=1), back)
        return least


def join_truth(samples: Samples, records: Iterable[Mapping[str, Any]]) -> Truth:
    """Find the record of each sample's hold, by access point, job and number of the hold."""
    holds = [record for record in records if record["kind"] == "hold"]
    delays = [str(each) for each in (holds[0]["release_pays_after_s"] if holds else ["0"])]
    places = {_key(record): place for place, record in enumerate(holds)}
    of = np.array([places.get(key, -1) for key in _keys(samples)], np.int64)
    pays = np.array([[r["release_pays_after_s"][d] for d in delays] for r in holds], bool)
    hopeless = np.array([record["hopeless"] for record in holds], bool)
    order = np.argsort([float(delay) for delay in delays])
    known = of >= 0
    pays = np.append(pays.reshape(-1, len(delays)), np.zeros((1, len(delays)), bool), axis=0)
    return Truth(
        known,
        tuple(float(delays[place]) for place in order.tolist()),
        pays[of][:, order],
        np.append(hopeless, False)[of],
        tuple(str(holds[place]["cause"]) if place >= 0 else "" for place in of.tolist()),
    )


def _key(record: Mapping[str, Any]) -> tuple[str, int, int, int]:
    return record["access_point"], record["cluster"], record["proc"], record["hold"]


def _keys(samples: Samples) -> list[tuple[str, int, int, int]]:
    events, rows = samples.timeline.events, samples.episodes.row
    names = [events.access_points[point] for point in samples.episodes.access_point.tolist()]
    nth = samples.features.column("holds").astype(np.int64) + 1
    numbers = (events.cluster[rows], events.proc[rows], nth)
    return list(zip(names, *(each.tolist() for each in numbers), strict=True))
