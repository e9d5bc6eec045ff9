"""Find logs that report the same events, although they do not name their access point.

A log that begins in the middle, such as one that was cut, does not name it. Its jobs would count once more if another log
has them too. Equal job numbers do not suffice, since every access point counts its clusters from 1: the events must agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.rotations import family_of

_SHARE: Final = 0.5  # of the events in the common span that both logs must have
_SAMPLE: Final = 100  # bodies that are compared
_ALIKE: Final = 0.9  # share of those bodies that must agree
_PRIME: Final = np.uint64(1099511628211)
Places = NDArray[np.int64]


def unnamed_points(events: Events) -> frozenset[str]:
    """Return the access points that no submission names; they have the names of their logs."""
    families = {family_of(file.path) for file in events.files}
    return frozenset(name for name in events.access_points if name in families)


def join_overlapping(events: Events) -> Events:
    """Give each log without submissions the access point of a log that it overlaps.

    Rotations without headers that overlap, as when they were copied by hand, become logs of their own (`LogFile.apart`),
    so that `group_by_job` takes each of their events once.
    """
    unnamed = _files_without_point(events)
    chained = _chained(events)
    if not (unnamed | chained).any():
        return events
    rows = _Rows.of(events, unnamed | chained)
    family = np.unique([family_of(file.path) for file in events.files], return_inverse=True)[1]
    links: list[tuple[int, int, int]] = []  # matches, access points
    apart = set()
    for one, other in rows.candidates(~unnamed):
        same_log = bool(family[one] == family[other])
        if not (chained[one] and chained[other] if same_log else unnamed[one] or unnamed[other]):
            continue
        matched = _matches(events, rows, one, other)
        if not len(matched):
            continue
        if same_log:
            apart.add(max(one, other, key=rows.begins))
        mine, theirs = (np.bincount(events.access_point[part]).argmax() for part in matched.T)
        links.append((len(matched), int(mine), int(theirs)))
    joined = _join_points(events, links)
    files = (
        replace(file, apart=number in apart) if number in apart else file
        for number, file in enumerate(joined.files)
    )
    return replace(joined, files=tuple(files))


def _files_without_point(events: Events) -> NDArray[np.bool_]:
    """Return which files only have events of an unnamed access point."""
    names = unnamed_points(events)
    found = np.zeros(len(events.files), bool)
    if not names or len(events.access_points) < 2:
        return found
    named = np.array([name not in names for name in events.access_points], bool)
    found[np.unique(events.file)] = True
    found[np.unique(events.file[named[events.access_point]])] = False
    return found


def _chained(events: Events) -> NDArray[np.bool_]:
    """Return which files are rotations of one log that may overlap: headers exclude it."""
    found = np.zeros(len(events.files), bool)
    groups: dict[str, list[int]] = {}
    for number, file in enumerate(events.files):
        groups.setdefault(family_of(file.path), []).append(number)
    several = [
        group
        for group in groups.values()
        if len(group) > 1 and any(events.files[number].header is None for number in group)
    ]
    spans = _spans(events) if several else []
    for group in several:
        starts, ends = np.array(sorted(spans[number] for number in group)).T
        found[group] = (starts[1:] < np.maximum.accumulate(ends)[:-1]).any()
    return found


def _spans(events: Events) -> list[tuple[float, float]]:
    first, last = np.full(len(events.files), np.inf), np.full(len(events.files), -np.inf)
    np.minimum.at(first, events.file, events.time)
    np.maximum.at(last, events.file, events.time)
    return list(zip(first.tolist(), last.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of jobs that doubtful files have, by file and job.

    `key` is equal where job, event, second and numbers are; `bounds` of each file's rows.
    """

    row: Places
    job: Places
    key: NDArray[np.uint64]
    time: NDArray[np.float64]
    file: NDArray[np.int32]
    bounds: Places

    @classmethod
    def of(cls, events: Events, doubtful: NDArray[np.bool_]) -> "_Rows":
        """Choose the rows; job ads are written into some logs only."""
        chosen = (events.cluster >= 0) & (events.proc >= 0)
        rows = np.flatnonzero(chosen & (events.code != Event.JOB_AD_INFORMATION))
        job = (events.cluster[rows].astype(np.int64) << 32) | events.proc[rows]
        wanted = np.isin(job, np.unique(job[doubtful[events.file[rows]]]))
        rows, job = rows[wanted], job[wanted]
        order = np.lexsort((job, events.file[rows]))
        rows, job = rows[order], job[order]
        columns = (events.code, np.floor(events.time), events.value, events.detail)
        key = job.astype(np.uint64) * _PRIME
        for column in columns:
            key = (key ^ column[rows].astype(np.int64).astype(np.uint64)) * _PRIME
        file = events.file[rows]
        bounds = np.searchsorted(file, np.arange(len(events.files) + 1))
        return cls(rows, job, key, events.time[rows], file, bounds)

    def candidates(self, first: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """Yield pairs of files that share an event: the first file with it and each other.

        Files that are marked go before others.
        """
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(~first, kind="stable")] = np.arange(len(first))
        order = np.lexsort((rank[self.file], self.key))
        key, file = self.key[order], self.file[order]
        new = np.diff(key, prepend=key[:1] ^ np.uint64(1)) != 0
        leader = file[np.flatnonzero(new)[np.cumsum(new) - 1]]
        pairs = np.unique(np.stack([leader, file]), axis=1)
        yield from ((one, other) for one, other in pairs.T.tolist() if one != other)

    def of_file(self, file: int) -> slice:
        """Return the places of a file's rows."""
        return slice(int(self.bounds[file]), int(self.bounds[file + 1]))

    def begins(self, file: int) -> float:
        """Return when a file's rows begin."""
        return float(self.time[self.of_file(file)].min())

    def of_jobs(self, file: int, jobs: Places) -> Places:
        """Return the places of a file's rows of these jobs."""
        own = self.of_file(file)
        starts, stops = (np.searchsorted(self.job[own], jobs, side) for side in ("left", "right"))
        counts = stops - starts
        offsets = np.repeat(starts - np.cumsum(counts) + counts, counts)
        places: Places = own.start + offsets + np.arange(counts.sum())
        return places


def _matches(events: Events, rows: _Rows, one: int, other: int) -> Places:
    """Return the pairs of rows that are one event in two files; none if they do not overlap."""
    small, large = sorted(
        (one, other), key=lambda file: int(rows.bounds[file + 1] - rows.bounds[file])
    )
    jobs = np.unique(rows.job[rows.of_file(small)])
    theirs = rows.of_jobs(large, jobs)
    mine = rows.of_jobs(small, np.unique(rows.job[theirs]))
    since = max(rows.time[mine].min(), rows.time[theirs].min())
    until = min(rows.time[mine].max(), rows.time[theirs].max())
    places = [part[_within(rows.time[part], since, until)] for part in (mine, theirs)]
    keys = [np.unique(rows.key[part], return_index=True) for part in places]
    _, *which = np.intersect1d(keys[0][0], keys[1][0], assume_unique=True, return_indices=True)
    found = [
        rows.row[part[key[1][each]]] for part, key, each in zip(places, keys, which, strict=True)
    ]
    matched = np.stack(found, axis=1)
    if len(matched) < max(_SHARE * min(len(key[0]) for key in keys), 1) or not _agree(
        events, matched
    ):
        return matched[:0]
    return matched


def _within(time: NDArray[np.float64], since: float, until: float) -> NDArray[Any]:
    return np.flatnonzero((time >= np.floor(since)) & (time < np.floor(until) + 1))


def _agree(events: Events, matched: Places) -> bool:
    """Return whether the bodies of matching events agree, in attributes that both have.

    They do not where the log itself is gone, as after `write_parquet`.
    """
    files = (events.files[number] for number in np.unique(events.file[matched]).tolist())
    if not all(file.source.exists() for file in files):
        return False
    chosen = matched[np.linspace(0, len(matched) - 1, min(len(matched), _SAMPLE)).astype(np.int64)]
    bodies = (read_bodies(events, column) for column in chosen.T)
    same = sum(
        all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())
        for mine, theirs in zip(*bodies, strict=True)
    )
    return same >= _ALIKE * len(chosen)


def _join_points(events: Events, links: list[tuple[int, int, int]]) -> Events:
    """Give linked access points one name, the best link first; two named ones are never joined."""
    unnamed = unnamed_points(events)
    into = list(range(len(events.access_points)))
    for _, *ends in sorted(links, reverse=True):
        one, other = sorted(
            (into[end] for end in ends),
            key=lambda point: (events.access_points[point] in unnamed, point),
        )
        if events.access_points[other] in unnamed:
            into = [one if point == other else point for point in into]
    left = sorted(set(into))
    if len(left) == len(into):
        return events
    places = np.array([left.index(point) for point in into], np.int16)
    names = tuple(events.access_points[point] for point in left)
    return replace(events, access_points=names, access_point=places[events.access_point])
