"""Timeline -> evidence for one hold: what came of releases before, how cluster-mates and host-mates fare.

Everything is taken from rows smaller than `upto`, so that what stands below changes nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from math import exp, lgamma, log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.episodes import OUTCOMES, Episodes
from wingspan.advisor.prefix import first_of, number_by_first
from wingspan.advisor.timeline import Timeline, whose
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import DECISIONS

LEVELS: Final = ("template", "sub-code", "code")
_PAID, _FAILED = OUTCOMES.index("released_ok"), OUTCOMES.index("released_failed")
_SAME = OUTCOMES.index("released_held_same")
_SIMILAR: Final = 3
_AT_ONCE_S: Final = 3600.0
_MOST_ODDS: Final = 50.0  # logarithm; more than that is certainty


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
class Fault:
    """Whose fault a hold is, by counting jobs.

    Attributes
    ----------
    host_held, host_jobs
        Jobs of other clusters that ran on the host, and how many of them were held there.
    mates_held, mates_jobs
        Jobs of the same cluster that ran on other hosts, and how many of them were held for the same code.
    odds
        How many times likelier the records are if the machine is at fault than if the job is.
    """

    host_held: int
    host_jobs: int
    mates_held: int
    mates_jobs: int
    odds: float


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
    fault
        None where the host is not known, or nobody else ran.
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
    fault: Fault | None
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
        real = np.flatnonzero(~np.isin(episodes.code, list(DECISIONS)))
        self._host_holds = _Shelf(real, episodes.row[real], episodes.host[real])

    @cached_property
    def _starts(self) -> tuple[NDArray[np.int64], dict[str, _Shelf]]:
        timeline = self.timeline
        rows = timeline.where(Event.EXECUTE)
        groups = {"job": timeline.job, "cluster": timeline.cluster, "host": timeline.host}
        return rows, {name: _Shelf(rows, rows, group[rows]) for name, group in groups.items()}

    @cached_property
    def _firsts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows at which each job started, and was held, for the first time."""
        rows, _ = self._starts
        held = self.episodes.row
        return (
            rows[first_of(self.timeline.job[rows])],
            held[first_of(self.episodes.job)],
        )

    def at(self, episode: int, upto: int) -> Evidence:
        """Return what was known of an episode above the row `upto`."""
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
            fault=self._fault(episode, upto, held),
            similar=tuple(similar[: -_SIMILAR - 1 : -1].tolist()),
            ran_s=self._ran(episode),
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

    def _ran(self, episode: int) -> float:
        row = int(self.episodes.row[episode])
        starts = self._starts[1]["job"].below(int(self.episodes.job[episode]), row)
        clock = self.timeline.clock
        return float(clock[row] - clock[starts[-1]]) if len(starts) else float("nan")

    def _fault(self, episode: int, upto: int, held: NDArray[np.int64]) -> Fault | None:
        episodes, timeline = self.episodes, self.timeline
        host, cluster = int(episodes.host[episode]), int(episodes.cluster[episode])
        if host < 0:
            return None
        here = self._starts[1]["host"].below(host, upto)
        here = np.unique(timeline.job[here[timeline.cluster[here] != cluster]])
        elsewhere = self._starts[1]["cluster"].below(cluster, upto)
        elsewhere = np.unique(timeline.job[elsewhere[timeline.host[elsewhere] != host]])
        elsewhere = elsewhere[elsewhere != episodes.job[episode]]
        stuck = self._host_holds.below(host, upto)
        held_here = len(np.intersect1d(episodes.job[stuck], here))
        held_there = len(np.intersect1d(episodes.job[held[episodes.host[held] != host]], elsewhere))
        if not len(here) + len(elsewhere):
            return None
        jobs, holds = (int(np.searchsorted(rows, upto)) for rows in self._firsts)
        usual = min((holds + 1) / (jobs + 2), 0.99)
        odds = odds_of_machine(held_here, len(here), held_there, len(elsewhere), usual)
        return Fault(held_here, len(here), held_there, len(elsewhere), odds)


def odds_of_machine(
    host_held: int, host_jobs: int, mates_held: int, mates_jobs: int, usual: float
) -> float:
    """Return how many times likelier the records are with the machine at fault than with the job at fault.

    If it is the machine, jobs on it are held at a rate of their own (any from 0 to 1, all alike likely) and mates
    elsewhere at the usual rate; if it is the job, the other way round.

    >>> odds_of_machine(9, 10, 0, 20, 0.05) > 1000 > 0.001 > odds_of_machine(0, 10, 18, 20, 0.05)
    True
    """
    host = _own_rate(host_held, host_jobs) - _at_rate(host_held, host_jobs, usual)
    mates = _own_rate(mates_held, mates_jobs) - _at_rate(mates_held, mates_jobs, usual)
    return exp(max(-_MOST_ODDS, min(host - mates, _MOST_ODDS)))


def _own_rate(held: int, jobs: int) -> float:
    """Return the logarithm of the likelihood, integrated over all rates."""
    return lgamma(held + 1) + lgamma(jobs - held + 1) - lgamma(jobs + 2)


def _at_rate(held: int, jobs: int, rate: float) -> float:
    return held * log(rate) + (jobs - held) * log(1 - rate)
