"""Count the tries of other jobs near a hold, in the cells that `blame` weighs.

A try is a start, or a hold without one. Everything comes from rows smaller than `upto`.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.answers.blame import (
    AGES_S,
    FAR,
    MATES,
    NEAR,
    OTHERS,
    SPANS_S,
    THEIRS,
    Blame,
    Cell,
    Seen,
    blame,
)
from wingspan.advisor.answers.places import Places
from wingspan.advisor.answers.shelves import Shelf, Sums
from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.prefix import mark, number_by_first
from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import Place

_UNSEEN: Final = Seen()
_DAY_S: Final = 86400.0
_MOSTLY: Final = 0.95  # of the clusters that are held for their user's fault, those of that user
_COUNTS: Final = 1 + len(AGES_S)  # all tries within the spans, and those of each age
Where: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Hold:
    """The hold in question: its places, and for each place the row from which tries count.

    `ages` are the rows from which the younger tries count, one for each of `AGES_S`.
    """

    episode: int
    upto: int
    place: Mapping[str, int]
    since: Mapping[str, int]
    ages: tuple[int, ...]


class Tries:
    """Starts of all jobs and the tries that ended in a hold, by place, kind of hold and cluster."""

    def __init__(
        self,
        timeline: Timeline,
        episodes: Episodes,
        at: Places,
        template: NDArray[Any],
        owner: NDArray[np.int64],
    ) -> None:
        """Sort the tries; `owner` has a number for each cluster's owner, -1 if unknown."""
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
        self._jobs = Shelf(rows, rows, timeline.job[rows])
        self.began = began = self._beginnings()
        started = began != episodes.row
        clusters, codes = episodes.cluster, episodes.code
        self._same = _Others(episodes, started, template, number_by_first(template, clusters))
        self._mates = _Others(
            episodes,
            started,
            number_by_first(clusters, codes),
            number_by_first(episodes.job, codes),
        )
        self._cells = {name: _Cell(self, name, started) for name in NEAR}
        self._users = _Users(self, owner, started)

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
        ages = tuple(bisect_left(self._clock, now - age) for age in AGES_S)
        hold = _Hold(episode, upto, place, since, ages)
        own = int(self.episodes.cluster[episode])
        counts = self._seen_of_mates(hold, known)
        for number, name in enumerate(known):
            counts[OTHERS, name] = self._cells[name].others(hold, own, known[:number])
        seen, *late = ({cell: each[i] for cell, each in counts.items()} for i in range(_COUNTS))
        usual, shared = self._usual(episode, upto), 0.0
        if self._users.owner[own] >= 0:
            day = bisect_left(self._clock, now - _DAY_S)
            seen[THEIRS, FAR] = self._users.others(episode, upto, day)
            ever = self._users.others(episode, upto, 0)
            usual = Seen(usual.held - ever.held, usual.tries - ever.tries, 0)
            shared = self._users.shared(episode, upto, day)
        return blame(said, seen, usual, known, late, shared)

    def _seen_of_mates(self, hold: _Hold, known: list[str]) -> dict[Cell, tuple[Seen, ...]]:
        """Count the tries of the cluster's other jobs, and those held for the code, by nearness."""
        episodes, upto = self.episodes, hold.upto
        own, cluster = int(episodes.job[hold.episode]), int(episodes.cluster[hold.episode])
        since = min(hold.since.values(), default=upto)
        first, last = self._clusters.bounds(cluster, upto, since)
        ran = self._clusters.items[first:last][self._cluster_jobs[first:last] != own]
        starts = self._clusters.count(cluster, upto) - self._jobs.count(own, upto)
        held, unstarted = self._mates.count(hold.episode, upto)
        recent = self._mates.since(hold.episode, upto, since)
        began = self.began[recent]
        alone = began[began == episodes.row[recent]]
        tries = np.sort(np.concatenate((ran, alone))) if len(alone) else ran
        tried = self._near(tries, starts + unstarted, hold, known)
        ended = self._near(np.sort(began), held, hold, known)
        return {
            (MATES, name): tuple(
                Seen(held_there, count, int(count > 0), int(held_there > 0))
                for count, held_there in zip(tried[name], ended[name], strict=True)
            )
            for name in tried
        }

    def _near(
        self, rows: NDArray[Any], count: int, hold: _Hold, known: list[str]
    ) -> dict[str, tuple[int, ...]]:
        """Count recent rows, in order, by their nearest place: all of them and those of each age.

        The rest of `count`, at no place or too old, comes last.
        """
        counts = {}
        for name in known:
            here = (self.where[name][rows] == hold.place[name]) & (rows >= hold.since[name])
            counts[name] = _counts(rows[here], hold.ages)
            rows = rows[~here]
            count -= counts[name][0]
        return counts | {FAR: (count, *(0 for _ in hold.ages))}

    def _usual(self, episode: int, upto: int) -> Seen:
        """Count the tries of all other clusters, and those that ended in such a hold."""
        same, unstarted = self._same.count(episode, upto)
        starts = self._clusters.count(int(self.episodes.cluster[episode]), upto)
        tries = int(self.rows.searchsorted(upto)) - starts + unstarted
        return Seen(same, max(tries, same), 0)


def last_starts(timeline: Timeline, episodes: Episodes) -> NDArray[np.int64]:
    """Return the row of each job's last start before its hold; -1 without one."""
    rows = timeline.where(Event.EXECUTE)
    starts = mark(rows, timeline.job[rows], len(timeline))
    return starts.last(episodes.job, episodes.row)


class _Others:
    """Holds of a group, without those of a part of it that has the hold in question."""

    def __init__(
        self,
        episodes: Episodes,
        started: NDArray[np.bool_],
        group: NDArray[Any],
        part: NDArray[Any],
    ) -> None:
        everything = np.arange(len(episodes))
        self._numbers, self._part = (group.tolist(), part.tolist()), part
        self._shelves = [Shelf(everything, episodes.row, each) for each in (group, part)]
        self._unstarted = [Sums(~started[shelf.items]) for shelf in self._shelves]

    def count(self, episode: int, upto: int) -> tuple[int, int]:
        """Count the holds above the row `upto`, and those of them without a start."""
        (first, last), mine = (
            shelf.bounds(numbers[episode], upto)
            for shelf, numbers in zip(self._shelves, self._numbers, strict=True)
        )
        whole, part = self._unstarted
        return last - first - (mine[1] - mine[0]), whole.between(first, last) - part.between(*mine)

    def since(self, episode: int, upto: int, since: int) -> NDArray[Any]:
        """Return the holds with rows from `since` to below `upto`."""
        found = self._shelves[0].below(self._numbers[0][episode], upto, since)
        others: NDArray[Any] = found[self._part[found] != self._part[episode]]
        return others


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

    def others(self, hold: _Hold, own: int, nearer: list[str]) -> tuple[Seen, ...]:
        """Count the tries of other clusters at the hold's place, without its nearer places.

        The first count is of all of them, the others are of each age.
        """
        since = hold.since[self._name]
        first, last = self._starts.bounds(hold.place[self._name], hold.upto, since)
        start, stop = self._holds.bounds(int(self._group[hold.episode]), hold.upto, since)
        if first == last and start == stop:
            return (_UNSEEN,) * _COUNTS
        began = self._began[start:stop]
        clear = self._cluster[first:last] != own
        ended = (self._held_cluster[start:stop] != own) & (began >= since)
        for name in nearer:
            clear &= self._at[name][first:last] != hold.place[name]
            ended &= self._held_at[name][start:stop] != hold.place[name]
        unstarted = ended & self._alone[start:stop]
        rows, ran = self._starts.items[first:last][clear], self._cluster[first:last][clear]
        if unstarted.any():
            rows = np.concatenate((rows, began[unstarted]))
            ran = np.concatenate((ran, self._held_cluster[start:stop][unstarted]))
            order = np.argsort(rows, kind="stable")
            rows, ran = rows[order], ran[order]
        held = began[ended]
        order = np.argsort(held, kind="stable")
        held, whose = held[order], self._held_cluster[start:stop][ended][order]
        kinds = (held, rows, rows[self._newest(ran)], held[self._newest(whose)])
        counts = (_counts(one, hold.ages) for one in kinds)
        return tuple(Seen(*each) for each in zip(*counts, strict=True))

    def _newest(self, clusters: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which tries, sorted by time, are the last of their cluster."""
        places = np.arange(len(clusters))
        self._last[clusters] = places  # of several places of a cluster one stays
        found: NDArray[np.bool_] = self._last[clusters] == places
        return found


class _Users:
    """Tries of users' other clusters, where the log names users.

    Attributes
    ----------
    owner
        A number for the owner of each cluster; -1 if unknown.
    """

    def __init__(
        self, tries: "Tries", owner: NDArray[np.int64], started: NDArray[np.bool_]
    ) -> None:
        self.owner = owner
        clusters, rows = tries.timeline.cluster, tries.rows
        self._cluster = tries.episodes.cluster
        whose = owner[self._cluster]
        self._group = number_by_first(whose, tries.template)
        self._starts = Shelf(rows, rows, owner[clusters[rows]])
        self._started_by = clusters[self._starts.items]
        self._holds = Shelf(np.arange(len(whose)), tries.episodes.row, self._group)
        self._held_by = self._cluster[self._holds.items]
        self._unstarted = ~started[self._holds.items]
        everything = np.arange(len(whose))
        self._alike = Shelf(everything, tries.episodes.row, tries.template)
        self._template = tries.template
        clusters, first = np.unique(self._cluster, return_index=True)
        named = owner[clusters] >= 0
        clusters, rows = clusters[named], tries.episodes.row[first[named]]
        self._begun = Shelf(clusters, rows, owner[clusters])
        self._known = np.sort(rows)

    def others(self, episode: int, upto: int, since: int) -> Seen:
        """Count the tries of the user's other clusters, from the row `since` on."""
        own = self._cluster[episode]
        first, last = self._starts.bounds(int(self.owner[own]), upto, since)
        start, stop = self._holds.bounds(int(self._group[episode]), upto, since)
        ran, held = self._started_by[first:last], self._held_by[start:stop]
        ran, other = ran[ran != own], held != own
        alone = np.count_nonzero(other & self._unstarted[start:stop])
        held = held[other]
        tries = max(len(ran) + int(alone), len(held))
        return Seen(len(held), tries, len(np.union1d(ran, held)), len(np.unique(held)))

    def shared(self, episode: int, upto: int, since: int) -> float:
        """Return how much it speaks for the user whose clusters are held alike.

        If something else is at fault, the user's share of them is about that of all held clusters.
        """
        own, owner = self._cluster[episode], self.owner
        alike = np.unique(
            self._cluster[self._alike.below(int(self._template[episode]), upto, since)]
        )
        alike = alike[(alike != own) & (owner[alike] >= 0)]
        theirs = int(np.count_nonzero(owner[alike] == owner[own]))
        known = int(self._known.searchsorted(upto)) - 1 - len(alike)
        mine = self._begun.count(int(owner[own]), upto) - 1 - theirs
        share = min(max((mine + 1) / (known + 2), 1 - _MOSTLY), _MOSTLY)
        others = len(alike) - theirs
        return theirs * log(_MOSTLY / share) + others * log((1 - _MOSTLY) / (1 - share))


def _counts(rows: NDArray[Any], ages: tuple[int, ...]) -> tuple[int, ...]:
    """Count rows in order: all of them, and those that are at least as young as each age."""
    count = len(rows)
    if not count:
        return (0,) * _COUNTS
    return count, *(count - bisect_left(rows.data, age) for age in ages)
