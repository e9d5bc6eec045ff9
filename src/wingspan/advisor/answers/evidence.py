"""Collect the evidence for one hold: outcomes of earlier releases, mates and host.

Everything comes from rows smaller than `upto`, so that later events change nothing.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.answers.blame import Blame
from wingspan.advisor.answers.places import places_of
from wingspan.advisor.answers.rule_of_hold import whole_reasons
from wingspan.advisor.answers.shelves import (
    Medians,
    Shelf,
    Sums,
    before_in_group,
    first_in_group,
)
from wingspan.advisor.answers.tries import Tries, last_starts
from wingspan.advisor.holds.episodes import OUTCOMES, Episodes
from wingspan.advisor.holds.prefix import number_by_first
from wingspan.advisor.holds.timeline import Timeline, whose
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.owners import owners
from wingspan.eventlog.rules import Place

LEVELS: Final = ("template", "sub-code", "code")
_PAID, _FAILED = OUTCOMES.index("released_ok"), OUTCOMES.index("released_failed")
_SAME = OUTCOMES.index("released_held_same")
_SIMILAR: Final = 3
_AT_ONCE_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Outcomes of earlier releases of some kind of hold.

    Attributes
    ----------
    clusters
        Number of different clusters: the independent pieces of evidence.
    wait_s
        Median seconds from the hold to a release that paid; nan without any, and always for cluster-mates.
    """

    paid: int = 0
    again: int = 0
    failed: int = 0
    clusters: int = 0
    wait_s: float = float("nan")

    @property
    def total(self) -> int:
        """Return the number of releases with a known outcome."""
        return self.paid + self.again + self.failed


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the logs showed by the moment.

    Attributes
    ----------
    levels
        Outcomes for holds with the same template, sub-code and code: see `LEVELS`.
    job, mates
        Outcomes for earlier holds with the code, of this job and of its cluster-mates.
    job_same
        Number of this job's releases that ended in the same hold again.
    held_mates, held_hosts
        Jobs of the cluster held for the same code, this one included, and their number of hosts.
    alike
        Other clusters with such a hold at its access point in the hour before; nodes of DAGs count as one.
    last_alike
        When the last of those holds came; nan without any.
    blame
        Where the fault lies.
    similar
        Last episodes of the template, else of the code, with known outcome, newest first.
    ran_s
        Seconds from the last start to the hold; nan without a start.
    """

    levels: tuple[Counts, ...]
    job: Counts
    job_same: int
    mates: Counts
    held_mates: int
    held_hosts: int
    alike: int
    last_alike: float
    blame: Blame
    similar: tuple[int, ...]
    ran_s: float


class _Outcomes:
    """Outcomes of episodes by group, as far as they are known above a row."""

    def __init__(self, episodes: Episodes, known: NDArray[Any], group: NDArray[Any]) -> None:
        self._shelf = shelf = Shelf(known, episodes.outcome_row[known], group[known])
        outcome = episodes.outcome[shelf.items]
        self._paid, self._failed = Sums(outcome == _PAID), Sums(outcome == _FAILED)
        self._same = Sums(outcome == _SAME)
        self._clusters = Sums(first_in_group(shelf, episodes.cluster))
        self._waits = Medians(shelf, episodes.after_s[shelf.items], outcome == _PAID)

    def counts(self, group: int, upto: int) -> Counts:
        first, last = self._shelf.bounds(group, upto)
        if first == last:
            return Counts()
        paid, failed = self._paid.between(first, last), self._failed.between(first, last)
        again = last - first - paid - failed
        clusters = self._clusters.between(first, last)
        return Counts(paid, again, failed, clusters, self._waits.below(first, last))

    def same(self, group: int, upto: int) -> int:
        return self._same.between(*self._shelf.bounds(group, upto))

    def last(self, group: int, upto: int) -> NDArray[Any]:
        """Return the last episodes of a group, newest first."""
        return self._shelf.below(group, upto)[: -_SIMILAR - 1 : -1]


class History:
    """The timeline and its episodes, sorted so that a question reads only what it needs.

    Attributes
    ----------
    reasons
        Reasons of the episodes, as in the holds' events.
    said
        The same, except that a missing reason is replaced by the error before the hold.
    ran_s
        Seconds from the episodes' last starts to their holds; nan without a start.
    similar_lines
        Episodes that were described already, in words.
    """

    def __init__(self, timeline: Timeline, episodes: Episodes) -> None:
        self.timeline, self.episodes = timeline, episodes
        self._clock = timeline.clock.data
        self.similar_lines: dict[int, str] = {}
        self._blames: dict[tuple[int, int, Place], Blame] = {}
        places = np.searchsorted(timeline.where(Event.JOB_HELD), episodes.row)
        self.reasons = [timeline.reasons[place] for place in places.tolist()]
        self.said = whole_reasons(timeline, episodes.row, self.reasons)
        self._at = places_of(timeline, episodes.row, self.said)
        starts = last_starts(timeline, episodes)
        ran = timeline.clock[episodes.row] - timeline.clock[starts]
        self.ran_s: list[float] = np.where(starts < 0, np.nan, ran).tolist()
        known = np.flatnonzero(~np.isnan(episodes.label) & (episodes.excluded == 0))
        self._groups = {
            "template": number_by_first(episodes.code, episodes.subcode, episodes.template),
            "sub-code": number_by_first(episodes.code, episodes.subcode),
            "code": number_by_first(episodes.code),
            "mates": number_by_first(episodes.cluster, episodes.code),
            "job": number_by_first(episodes.job, episodes.code),
        }
        self._outcomes = {
            name: _Outcomes(episodes, known, group) for name, group in self._groups.items()
        }
        self._at_access_point = number_by_first(self._groups["template"], episodes.access_point)
        everything = np.arange(len(episodes))
        self._holds = Shelf(everything, episodes.row, self._groups["mates"])
        self._held_jobs = Sums(first_in_group(self._holds, episodes.job))
        hosts = first_in_group(self._holds, episodes.host)
        self._held_hosts = Sums(hosts & (episodes.host[self._holds.items] >= 0))
        self._there = Shelf(everything, episodes.row, self._at_access_point)
        self._whose = whose(timeline, episodes.row)
        self._whose_there = self._whose[self._there.items]
        self._whose_before = before_in_group(self._there, self._whose)

    @cached_property
    def _tries(self) -> "Tries":
        groups = self._groups["template"]
        return Tries(self.timeline, self.episodes, self._at, groups, self._owners[0])

    @cached_property
    def _owners(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return a number for each cluster's owner, -1 if unknown, and the names."""
        cluster = self.timeline.cluster
        first = np.full(int(cluster.max(initial=-1)) + 1, -1)
        known = np.flatnonzero(cluster >= 0)[::-1]
        first[cluster[known]] = known
        return owners(self.timeline.events, self.timeline.events, first)

    def owner(self, episode: int) -> str:
        """Return the name of a job's owner; empty if unknown."""
        numbers, names = self._owners
        number = int(numbers[self.episodes.cluster[episode]])
        return names[number] if number >= 0 else ""

    def at(self, episode: int, upto: int, place: Place) -> Evidence:
        """Return what was known of an episode above the row `upto`; `place` comes from its rule."""
        known = {
            name: (one, int(self._groups[name][episode]), upto)
            for name, one in self._outcomes.items()
        }
        counts = {name: one.counts(group, row) for name, (one, group, row) in known.items()}
        own, job_group, _ = known["job"]
        mates = _without(counts["mates"], counts["job"])
        held = self._holds.bounds(int(self._groups["mates"][episode]), upto)
        alike, last_alike = self._alike(episode, upto)
        similar, group, _ = known["template" if counts["template"].total else "code"]
        return Evidence(
            levels=tuple(counts[level] for level in LEVELS),
            job=counts["job"],
            job_same=own.same(job_group, upto),
            mates=mates,
            held_mates=self._held_jobs.between(*held),
            held_hosts=self._held_hosts.between(*held),
            alike=alike,
            last_alike=last_alike,
            blame=self.blame(episode, upto, place),
            similar=tuple(similar.last(group, upto).tolist()),
            ran_s=self.ran_s[episode],
        )

    def blame(self, episode: int, upto: int, place: Place) -> Blame:
        """Return where the fault for an episode lies by what was known above the row `upto`."""
        asked = episode, upto, place
        if asked not in self._blames:
            self._blames[asked] = self._tries.blame(*asked)
        return self._blames[asked]

    def _alike(self, episode: int, upto: int) -> tuple[int, float]:
        """Count other clusters held alike in the last hour, and return when the last such hold came."""
        clock = self._clock
        since = bisect_left(clock, clock[upto - 1] - _AT_ONCE_S) if upto else 0
        first, last = self._there.bounds(int(self._at_access_point[episode]), upto, since)
        others = np.flatnonzero(self._whose_there[first:last] != self._whose[episode]) + first
        if not len(others):
            return 0, float("nan")
        new = np.count_nonzero(self._whose_before[others] < first)
        return int(new), float(clock[self.episodes.row[self._there.items[others[-1]]]])


def _without(counts: Counts, own: Counts) -> Counts:
    """Return the counts of a cluster without those of one of its jobs."""
    paid, again, failed = (
        counts.paid - own.paid,
        counts.again - own.again,
        counts.failed - own.failed,
    )
    return Counts(paid, again, failed, int(paid + again + failed > 0))
