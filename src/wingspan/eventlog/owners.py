"""Find the owners of jobs, and leave out the jobs of some owners or clusters.

Logs name users only in job-ad events (028). One such event of a cluster names the owner of all its jobs.
"""

import re
from collections.abc import Collection
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.bodies import read_records
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events

_OWNER: Final = re.compile(rb'(?:^Owner = |"Owner" ?: ?|n="Owner"><s>)"?([^"\n<]+)', re.MULTILINE)


def owners(
    events: Events, jobs: Events, rows: NDArray[Any]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the owners of the jobs at some rows, as indices into names; -1 if unknown.

    Parameters
    ----------
    events
        The events in which job ads are looked up; of the same access points as `jobs`.
    """
    found, number, names = _owners_of_clusters(events)
    if not len(found):
        return np.full(len(rows), -1), ()
    asked = _clusters(jobs, rows)
    place = np.minimum(np.searchsorted(found, asked), len(found) - 1)
    return np.where(found[place] == asked, number[place], -1), names


def leave_out(
    events: Events, users: Collection[str] = (), clusters: Collection[int] = ()
) -> tuple[Events, tuple[str, ...]]:
    """Return the events without the jobs of users and clusters, and the names without jobs."""
    if not users and not clusters:
        return events, ()
    gone = np.isin(events.cluster, list(clusters))
    missing = [str(one) for one in clusters if not (events.cluster == one).any()]
    if users:
        found, number, names = _owners_of_clusters(events)
        theirs = found[np.isin(number, [names.index(name) for name in users if name in names])]
        gone |= np.isin(_clusters(events, np.arange(len(events))), theirs)
        missing += [name for name in users if name not in names]
    return events.take(~gone), tuple(missing)


def _owners_of_clusters(
    events: Events,
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Return the clusters with a job-ad event, ascending, each one's owner, and the names."""
    ads = np.flatnonzero(events.code == Event.JOB_AD_INFORMATION)
    found, first = np.unique(_clusters(events, ads), return_index=True)
    names: dict[str, int] = {}
    number = [_owner(record, names) for record in read_records(events, ads[first])]
    return found, np.array(number, np.int64), tuple(names)


def _owner(record: bytes, names: dict[str, int]) -> int:
    said = _OWNER.search(record)
    return names.setdefault(said[1].decode(errors="replace"), len(names)) if said else -1


def _clusters(events: Events, rows: NDArray[Any]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = events.access_point[rows].astype(np.int64) << 32
    found += events.cluster[rows]
    return found
