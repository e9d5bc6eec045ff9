"""Count the tries of other jobs near a hold, in the cells that `blame` weighs.

A try is a start, or a hold without one. Everything comes from rows smaller than `upto`.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.answers.blame import FAR, MATES, NEAR, OTHERS, Blame, Cell, Seen, blame
from wingspan.advisor.answers.places import Places
from wingspan.advisor.answers.shelves import Shelf, Sums
from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.prefix import mark, number_by_first
from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import Place

SPANS_S: Final = {
    "host": 86400.0,
    "site": 21600.0,
    "access point": 3600.0,
}  # as long as outages last
_UNSEEN: Final = Seen()
_FEW: Final = 100  # numbers up to which a set counts the distinct ones faster
Where: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Hold:
    """The hold in question: its places, and for each place the row from which tries count."""

    episode: int
    upto: int
    place: Mapping[str, int]
    since: Mapping[str, int]


class Tries:
    """Starts of all jobs and the tries that ended in a hold, by place, kind of hold and cluster."""

    def __init__(
        self, timeline: Timeline, episodes: Episodes, at: Places, template: NDArray[Any]
    ) -> None:
        self.timeline, self.episodes = timeline, episodes
        self._clock = timeline.clock.data
        self.template = template
        self.where: Where = {
            "host": at.host,
            "site": at.region,
            "access point": timeline.events.access_point,
        }
        self.rows = rows = timeline.where(Event.EXECUTE)
        self._clusters = Shelf(rows, rows, timeline.cluster[rows])
        self._cluster_jobs = timeline.job[self._clusters.items]
        self.began = began = self._beginnings()
        started = began != episodes.row
        everything = np.arange(len(episodes))
        self._kinds = Shelf(everything, episodes.row, template)
        self._unstarted = Sums(~started[self._kinds.items])
        self._kind_of_cluster = number_by_first(template, episodes.cluster)
        self._own = Shelf(everything, episodes.row, self._kind_of_cluster)
        self._own_unstarted = Sums(~started[self._own.items])
        self._mates_group = number_by_first(episodes.cluster, episodes.code)
        self._mates = Shelf(everything, episodes.row, self._mates_group)
        self._cells = {name: _Cell(self, name, started) for name in NEAR}

    def _beginnings(self) -> NDArray[np.int64]:
        """Return the row at which the try of each hold began: its start, else the hold itself."""
        episodes = self.episodes
        holds = mark(episodes.row, episodes.job, len(self.timeline))
        before = holds.last(episodes.job, episodes.row)
        start = last_starts(self.timeline, episodes)
        return np.where(start > before, start, episodes.row)

    def blame(self, episode: int, upto: int, said: Place) -> Blame:
        """Return where the fault for a hold lies; `said` comes from its rule."""
        row, clock = int(self.episodes.row[episode]), self.timeline.clock
        place = {name: int(where[row]) for name, where in self.where.items()}
        known = [name for name in NEAR if place[name] >= 0]
        now = float(clock[upto - 1])
        since = {name: bisect_left(self._clock, now - SPANS_S[name]) for name in known}
        hold = _Hold(episode, upto, place, since)
        own = int(self.episodes.cluster[episode])
        seen: dict[Cell, Seen] = {
            (OTHERS, name): self._cells[name].others(hold, own, known[:number])
            for number, name in enumerate(known)
        }
        seen |= self._seen_of_mates(hold, known)
        return blame(said, seen, self._usual(episode, upto), known)

    def _seen_of_mates(self, hold: _Hold, known: list[str]) -> dict[Cell, Seen]:
        """Count the tries of the cluster's other jobs, and those held for the code, by nearness."""
        episodes = self.episodes
        own = episodes.job[hold.episode]
        first, last = self._clusters.bounds(int(episodes.cluster[hold.episode]), hold.upto)
        ran = self._clusters.items[first:last][self._cluster_jobs[first:last] != own]
        held = self._mates.below(int(self._mates_group[hold.episode]), hold.upto)
        held = held[episodes.job[held] != own]
        began = self.began[held]
        alone = began[self.timeline.events.code[began] != Event.EXECUTE]
        tries = np.concatenate((ran, alone)) if len(alone) else ran
        counts = self._near(tries, hold, known), self._near(began, hold, known)
        return {
            (MATES, name): Seen(held_there, tried, int(tried > 0))
            for name, tried, held_there in zip((*known, FAR), *counts, strict=True)
        }

    def _near(self, rows: NDArray[Any], hold: _Hold, known: list[str]) -> list[int]:
        """Count rows by their nearest place; those at no place, or too old, come last."""
        counts, left = [], len(rows)
        recent = rows[rows >= min(hold.since.values(), default=0)] if known else rows[:0]
        for name in known:
            here = (self.where[name][recent] == hold.place[name]) & (recent >= hold.since[name])
            counts.append(int(here.sum()))
            recent = recent[~here]
            left -= counts[-1]
        return [*counts, left]

    def _usual(self, episode: int, upto: int) -> Seen:
        """Count the tries of all other clusters, and those that ended in such a hold."""
        all_ = self._kinds.bounds(int(self.template[episode]), upto)
        own = self._own.bounds(int(self._kind_of_cluster[episode]), upto)
        same = all_[1] - all_[0] - (own[1] - own[0])
        unstarted = self._unstarted.between(*all_) - self._own_unstarted.between(*own)
        starts = self._clusters.count(int(self.episodes.cluster[episode]), upto)
        tries = int(self.rows.searchsorted(upto)) - starts + unstarted
        return Seen(same, max(tries, same), 0)


def last_starts(timeline: Timeline, episodes: Episodes) -> NDArray[np.int64]:
    """Return the row of each job's last start before its hold; -1 without one."""
    rows = timeline.where(Event.EXECUTE)
    starts = mark(rows, timeline.job[rows], len(timeline))
    return starts.last(episodes.job, episodes.row)


class _Cell:
    """Tries at places of one sort: hosts, sites or access points."""

    def __init__(self, tries: "Tries", name: str, started: NDArray[np.bool_]) -> None:
        where, began, cluster = tries.where, tries.began, tries.timeline.cluster
        at_hold = where[name][tries.episodes.row]
        self._name = name
        self._group = number_by_first(tries.template, at_hold)
        self._starts = starts = Shelf(tries.rows, tries.rows, where[name][tries.rows])
        self._cluster = cluster[starts.items]
        self._at = {one: each[starts.items] for one, each in where.items()}
        holds = Shelf(np.arange(len(began)), tries.episodes.row, self._group)
        self._holds, self._began = holds, began[holds.items]
        alone = ~(started & (where[name][began] == at_hold))
        self._alone = alone[holds.items]
        self._held_cluster = cluster[self._began]
        self._held_at = {one: each[self._began] for one, each in where.items()}
        self._last = np.zeros(int(cluster.max(initial=-1)) + 1, np.int64)

    def others(self, hold: _Hold, own: int, nearer: list[str]) -> Seen:
        """Count the tries of other clusters at the hold's place, without its nearer places."""
        since = hold.since[self._name]
        first, last = self._starts.bounds(hold.place[self._name], hold.upto, since)
        start, stop = self._holds.bounds(int(self._group[hold.episode]), hold.upto, since)
        if first == last and start == stop:
            return _UNSEEN
        clear = self._cluster[first:last] != own
        ended = (self._held_cluster[start:stop] != own) & (self._began[start:stop] >= since)
        for name in nearer:
            clear &= self._at[name][first:last] != hold.place[name]
            ended &= self._held_at[name][start:stop] != hold.place[name]
        alone = self._held_cluster[start:stop][ended & self._alone[start:stop]]
        ran = self._cluster[first:last][clear]
        tried = np.concatenate((ran, alone)) if len(alone) else ran
        return Seen(int(np.count_nonzero(ended)), len(tried), self._distinct(tried))

    def _distinct(self, clusters: NDArray[Any]) -> int:
        """Return how many different clusters there are."""
        if len(clusters) <= _FEW:
            return len(set(clusters.tolist()))
        places = np.arange(len(clusters))
        self._last[clusters] = places  # of several places of a cluster one stays
        return int(np.count_nonzero(self._last[clusters] == places))
