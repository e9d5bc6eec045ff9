"""Timeline -> evidence for one hold: what came of releases before, how cluster-mates and host-mates fare.

Everything is taken from rows smaller than `upto`, so that what stands below changes nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.answers.blame import (
    FAR,
    MATES,
    OTHERS,
    Blame,
    Cell,
    Seen,
    blame,
)
from wingspan.advisor.answers.places import places_of
from wingspan.advisor.answers.said import whole_reasons
from wingspan.advisor.holds.episodes import OUTCOMES, Episodes
from wingspan.advisor.holds.prefix import number_by_first
from wingspan.advisor.holds.timeline import Timeline, whose
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import Origin

LEVELS: Final = ("template", "sub-code", "code")
_PAID, _FAILED = OUTCOMES.index("released_ok"), OUTCOMES.index("released_failed")
_SAME = OUTCOMES.index("released_held_same")
_SIMILAR: Final = 3
_AT_ONCE_S: Final = 3600.0
SPANS_S: Final = {
    "host": 86400.0,
    "site": 21600.0,
    "access point": _AT_ONCE_S,
}  # as long as outages last

Tries: TypeAlias = tuple[
    NDArray[np.int64], NDArray[np.bool_]
]  # ascending rows, and which of them ended in a hold


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of earlier releases of some kind of hold.

    Attributes
    ----------
    clusters
        Different clusters they are from: the number of independent pieces of evidence.
    wait_s
        Median seconds from the hold to a release that paid, nan without any.
    """

    paid: int = 0
    again: int = 0
    failed: int = 0
    clusters: int = 0
    wait_s: float = float("nan")

    @property
    def total(self) -> int:
        """Return how many releases with a known outcome there were."""
        return self.paid + self.again + self.failed


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the logs had told by the moment.

    Attributes
    ----------
    levels
        Of holds with the same template, sub-code, code: see `LEVELS`.
    job, mates
        Of this job's own earlier holds with the code, and of its cluster-mates'.
    job_same
        How many of this job's releases ended in the same hold again.
    held_mates, held_hosts
        Jobs of the cluster that were held for the same code, this one too, and on how many hosts.
    alike
        Other clusters with such a hold at its access point in the hour before; nodes of DAGs count as one.
    blame
        Whose matter it is.
    similar
        Indices of the last episodes of the template, else of the code, with known outcome, newest first.
    ran_s
        Seconds from the last start to the hold, nan without a start.
    """

    levels: tuple[Counts, ...]
    job: Counts
    job_same: int
    mates: Counts
    held_mates: int
    held_hosts: int
    alike: int
    blame: Blame
    similar: tuple[int, ...]
    ran_s: float


class _Shelf:
    """Items by group, each known from a row on: `below` gives those of a group with smaller rows (from one on), ascending."""

    def __init__(self, items: NDArray[Any], rows: NDArray[Any], group: NDArray[Any]) -> None:
        order = np.lexsort((rows, group))
        self._items, self._rows = items[order], rows[order].astype(np.int64)
        self._group = group[order].astype(np.int64)

    def below(self, group: int, upto: int, since: int = 0) -> NDArray[Any]:
        start = np.searchsorted(self._group, group)
        stop = np.searchsorted(self._group, group, side="right")
        first, last = np.searchsorted(self._rows[start:stop], (since, upto))
        return self._items[start + first : start + last]


class History:
    """The timeline and its episodes, sorted so that each question costs what it touches."""

    def __init__(self, timeline: Timeline, episodes: Episodes) -> None:
        self.timeline, self.episodes = timeline, episodes
        bodies = read_bodies(timeline.events, episodes.row)
        self.reasons = [str(body.get("HoldReason") or "") for body in bodies]
        self.said = whole_reasons(timeline, episodes.row, self.reasons)
        self._at = places_of(timeline, episodes.row, self.said)
        told = np.flatnonzero(~np.isnan(episodes.label) & (episodes.excluded == 0))
        known = episodes.outcome_row[told]
        self._groups = {
            "template": number_by_first(episodes.code, episodes.subcode, episodes.template),
            "sub-code": number_by_first(episodes.code, episodes.subcode),
            "code": number_by_first(episodes.code),
            "mates": number_by_first(episodes.cluster, episodes.code),
            "job": number_by_first(episodes.job, episodes.code),
        }
        there = number_by_first(self._groups["template"], episodes.access_point)
        self._groups["access point"] = there
        self._told = {
            name: _Shelf(told, known, group[told]) for name, group in self._groups.items()
        }
        everything = np.arange(len(episodes))
        self._holds = _Shelf(everything, episodes.row, self._groups["mates"])
        self._there = _Shelf(everything, episodes.row, there)
        self._whose = whose(timeline, episodes.row)
        row = episodes.row
        places: dict[str, NDArray[Any]] = {
            "host": self._at.host[row],
            "site": self._at.region[row],
            "access point": timeline.events.access_point[row],
        }
        self._places = {
            name: number_by_first(self._groups["template"], place) for name, place in places.items()
        }
        self._kinds = _Shelf(everything, row, self._groups["template"])
        self._kind_holds = {
            name: _Shelf(everything, row, group) for name, group in self._places.items()
        }

    @cached_property
    def _starts(self) -> tuple[NDArray[np.int64], dict[str, _Shelf]]:
        timeline = self.timeline
        rows = timeline.where(Event.EXECUTE)
        groups: dict[str, NDArray[Any]] = {
            "job": timeline.job,
            "cluster": timeline.cluster,
            "host": self._at.host,
            "site": self._at.region,
            "access point": timeline.events.access_point,
        }
        return rows, {name: _Shelf(rows, rows, group[rows]) for name, group in groups.items()}

    @cached_property
    def _began(self) -> NDArray[np.int64]:
        """Return the row at which the try began that each hold ended: its start, else the hold itself."""
        rows, jobs = self._starts[0], self.timeline.job
        order = np.lexsort((rows, jobs[rows]))
        rows = rows[order]
        wanted = jobs[self.episodes.row].astype(np.int64), self.episodes.row
        width = len(self.timeline) + 1
        place = np.searchsorted(jobs[rows] * np.int64(width) + rows, wanted[0] * width + wanted[1])
        last = rows[np.maximum(place - 1, 0)] if len(rows) else wanted[1]
        known = (place > 0) & (jobs[last] == jobs[wanted[1]])
        before = np.full(len(self.episodes), -1)
        order = np.lexsort((wanted[1], wanted[0]))
        same = np.flatnonzero(np.diff(wanted[0][order]) == 0)
        before[order[same + 1]] = wanted[1][order[same]]
        return np.where(known & (last > before), last, wanted[1])

    def at(self, episode: int, upto: int, origin: Origin) -> Evidence:
        """Return what was known of an episode above the row `upto`; `origin` is whose matter its rule says it is."""
        told = {
            name: shelf.below(int(self._groups[name][episode]), upto)
            for name, shelf in self._told.items()
        }
        own = told["job"]
        mates = told["mates"]
        mates = mates[self.episodes.job[mates] != self.episodes.job[episode]]
        held = self._holds.below(int(self._groups["mates"][episode]), upto)
        hosts = self.episodes.host[held]
        similar = told["template"] if len(told["template"]) else told["code"]
        return Evidence(
            levels=tuple(self._counts(told[level]) for level in LEVELS),
            job=self._counts(own),
            job_same=int((self.episodes.outcome[own] == _SAME).sum()),
            mates=self._counts(mates),
            held_mates=len(np.unique(self.episodes.job[held])),
            held_hosts=len(np.unique(hosts[hosts >= 0])),
            alike=self._alike(episode, upto),
            blame=self._blame(episode, upto, origin),
            similar=tuple(similar[: -_SIMILAR - 1 : -1].tolist()),
            ran_s=self.ran(episode),
        )

    def _alike(self, episode: int, upto: int) -> int:
        clock = self.timeline.clock
        since = np.searchsorted(clock, clock[upto - 1] - _AT_ONCE_S) if upto else 0
        group = int(self._groups["access point"][episode])
        others = self._whose[self._there.below(group, upto, int(since))]
        return len(np.unique(others[others != self._whose[episode]]))

    def _counts(self, chosen: NDArray[np.int64]) -> Counts:
        outcome = self.episodes.outcome[chosen]
        paid, failed = outcome == _PAID, outcome == _FAILED
        waited = self.episodes.after_s[chosen][paid]
        return Counts(
            int(paid.sum()),
            len(chosen) - int(paid.sum()) - int(failed.sum()),
            int(failed.sum()),
            len(np.unique(self.episodes.cluster[chosen])),
            float(np.median(waited)) if len(waited) else float("nan"),
        )

    def ran(self, episode: int) -> float:
        """Return the seconds from the last start to the hold, nan without a start."""
        row = int(self.episodes.row[episode])
        starts = self._starts[1]["job"].below(int(self.episodes.job[episode]), row)
        clock = self.timeline.clock
        return float(clock[row] - clock[starts[-1]]) if len(starts) else float("nan")

    def _blame(self, episode: int, upto: int, origin: Origin) -> Blame:
        episodes, timeline = self.episodes, self.timeline
        row = int(episodes.row[episode])
        wheres: dict[str, NDArray[Any]] = {
            "host": self._at.host,
            "site": self._at.region,
            "access point": timeline.events.access_point,
        }
        places = {name: (where, int(where[row])) for name, where in wheres.items()}
        seen: dict[Cell, Seen] = {}
        mates = self._tries_of_mates(episode, upto)
        nearer: list[tuple[NDArray[Any], int]] = []
        for name, (where, place) in places.items():
            if place < 0:
                continue
            since = int(np.searchsorted(timeline.clock, timeline.clock[upto - 1] - SPANS_S[name]))
            rows, held = self._tries_at(name, place, episode, upto, since)
            clear = _apart(rows, nearer)
            seen[OTHERS, name] = _seen(timeline, rows[clear], held[clear])
            rows, held = mates
            here = (where[rows] == place) & (rows >= since)
            seen[MATES, name] = _seen(timeline, rows[here], held[here])
            mates = rows[~here], held[~here]
            nearer.append((where, place))
        seen[MATES, FAR] = _seen(timeline, *mates)
        known = [name for name, (_, place) in places.items() if place >= 0]
        return blame(origin, seen, self._usual(episode, upto), known)

    def _tries_of_mates(self, episode: int, upto: int) -> Tries:
        """Return the rows of the tries of the cluster's other jobs, and which of them ended in a hold of the code."""
        episodes = self.episodes
        ran = self._starts[1]["cluster"].below(int(episodes.cluster[episode]), upto)
        holds = self._holds.below(int(self._groups["mates"][episode]), upto)
        own = episodes.job[episode]
        return self._tries(ran[self.timeline.job[ran] != own], holds[episodes.job[holds] != own])

    def _tries_at(self, name: str, place: int, episode: int, upto: int, since: int) -> Tries:
        """Return the rows of the tries of other clusters' jobs at a place, and which of them ended in such a hold."""
        cluster = int(self.episodes.cluster[episode])
        ran = self._starts[1][name].below(place, upto, since)
        holds = self._kind_holds[name].below(int(self._places[name][episode]), upto, since)
        holds = holds[(self._began[holds] >= since) & (self.episodes.cluster[holds] != cluster)]
        return self._tries(ran[self.timeline.cluster[ran] != cluster], holds)

    def _tries(self, ran: NDArray[Any], holds: NDArray[Any]) -> Tries:
        """Join starts, and holds by the rows at which they began; what was held before it started has no start."""
        began = np.unique(self._began[holds]).astype(np.int64)
        rows = np.union1d(ran, began)
        return rows, np.isin(rows, began)

    def _usual(self, episode: int, upto: int) -> Seen:
        """Count the tries of all other clusters, and those that ended in such a hold."""
        cluster = int(self.episodes.cluster[episode])
        rows, groups = self._starts
        same = self._kinds.below(int(self._groups["template"][episode]), upto)
        same = same[self.episodes.cluster[same] != cluster]
        own = len(groups["cluster"].below(cluster, upto))
        tries = int(np.searchsorted(rows, upto)) - own + self._unstarted(same)
        return Seen(len(same), max(tries, len(same)), 0)

    def _unstarted(self, holds: NDArray[Any]) -> int:
        return int((self._began[holds] == self.episodes.row[holds]).sum())


def _apart(rows: NDArray[np.int64], nearer: list[tuple[NDArray[Any], int]]) -> NDArray[np.bool_]:
    """Return which rows are at none of some places."""
    clear = np.ones(len(rows), bool)
    for where, place in nearer:
        clear &= where[rows] != place
    return clear


def _seen(timeline: Timeline, rows: NDArray[np.int64], held: NDArray[np.bool_]) -> Seen:
    return Seen(int(held.sum()), len(rows), len(np.unique(timeline.cluster[rows])))
