"""Group events by job, and derive states, holds, runs and transfers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import NotFoundError
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.job_state import STATE_AFTER_EVENT, State
from wingspan.eventlog.kernel import ABSENT

_STARTED: Final = (2, 5)  # transfer sub-types: input and output started
# DAGMan writes these about nodes without a job, under cluster 0.
_WITHOUT_JOB: Final = (Event.GENERIC, Event.POST_SCRIPT_TERMINATED, Event.PRESKIP)
STATE_EVENTS: Final = tuple(STATE_AFTER_EVENT)
_PAUSES: Final = (Event.JOB_SUSPENDED, Event.JOB_UNSUSPENDED)  # a run goes on after them


@dataclass(frozen=True, slots=True)
class HoldCycles:
    """One entry for each hold; `row` is its event in `JobHistories.events`.

    While the hold lasts, `end` is nan and `end_code` is `ABSENT`.
    """

    job: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    end_code: NDArray[np.int64]
    code: NDArray[np.int64]
    subcode: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """One entry for each run, from the execute event `row` to the event that ended it.

    `good` is true if the job exited with 0.
    """

    job: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    end_code: NDArray[np.int64]
    good: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FileTransfers:
    """One entry for each finished file transfer; `row` is the event that started it."""

    job: NDArray[np.int64]
    row: NDArray[np.int64]
    output: NDArray[np.bool_]
    seconds: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JobHistories:
    """The events of all jobs, sorted by access point, cluster and proc, then in written order.

    Attributes
    ----------
    events
        Rows of jobs only, each event once: logs' headers and events of whole clusters are left out.
    starts
        Rows of job k are ``starts[k]`` to ``starts[k + 1]``. int64, one more than jobs
    state
        The job's `State` after each row. int8
    """

    events: Events
    starts: NDArray[np.int64]
    state: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def job(self) -> NDArray[np.int64]:
        """The job's number of every row."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def name(self, job: int) -> str:
        """Return ``cluster.proc`` of a job."""
        row = self.starts[job]
        return f"{self.events.cluster[row]}.{self.events.proc[row]}"

    def find(self, cluster: int, proc: int = 0) -> list[int]:
        """Return the numbers of the jobs with this id, one for each access point that has it."""
        first = self.starts[:-1]
        same = (self.events.cluster[first] == cluster) & (self.events.proc[first] == proc)
        found = [int(job) for job in np.flatnonzero(same)]
        if not found:
            fix = "`wingspan events jobs FILES` lists the jobs of these logs"
            raise NotFoundError(f"job {cluster}.{proc}", "it is not in these logs", fix)
        return found

    def rows(self, job: int) -> NDArray[np.int64]:
        """Return the rows of one job in `events`."""
        return np.arange(self.starts[job], self.starts[job + 1])

    def states_at(self, time: float) -> NDArray[np.int8]:
        """Return the state of every job at an instant (UTC seconds); UNKNOWN before its first event."""
        states = np.zeros(len(self), np.int8)
        past = np.flatnonzero(self.events.time <= time)
        states[self.job[past]] = self.state[past]  # the last row of a job counts
        return states

    def count_states(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count the jobs in each state at each of the ascending times.

        The first axis is numbered as in `State`.
        """
        before = np.roll(self.state, 1)
        before[self.starts[:-1]] = State.UNKNOWN
        changes = np.flatnonzero(self.state != before)
        place = np.searchsorted(times, self.events.time[changes])
        counts = np.zeros((len(State), len(times) + 1), np.int64)
        np.add.at(counts, (self.state[changes], place), 1)
        np.add.at(counts, (before[changes], place), -1)
        counts[State.UNKNOWN, 0] += len(self)
        return np.cumsum(counts[:, :-1], axis=1)

    def _spans(self, code: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return an event's jobs and rows, time and row (-1: none) of what ends its state."""
        ends = tuple(each for each in STATE_EVENTS if each not in _PAUSES)
        changing = np.flatnonzero(np.isin(self.events.code, ends))
        places = np.flatnonzero(self.events.code[changing] == code)
        rows = changing[places]
        after = changing[np.minimum(places + 1, len(changing) - 1)] if len(changing) else rows
        job = self.job[rows]
        inside = (places + 1 < len(changing)) & (after < self.starts[job + 1])
        after = np.where(inside, after, -1)
        end = np.where(after >= 0, self.events.time[after], np.nan) if len(rows) else np.empty(0)
        return job, rows, end, after

    def _code_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(rows >= 0, self.events.code[rows].astype(np.int64), ABSENT)

    def holds(self) -> HoldCycles:
        """Return every hold and what ended it: a release (13), a removal (9), another hold (12)."""
        job, rows, end, after = self._spans(Event.JOB_HELD)
        value, detail = self.events.value[rows], self.events.detail[rows].astype(np.int64)
        start = self.events.time[rows]
        return HoldCycles(job, rows, start, end, self._code_of(after), value, detail)

    def runs(self) -> Runs:
        """Return every run of a job and what ended it; a run goes on after a suspension."""
        job, rows, end, after = self._spans(Event.EXECUTE)
        code = self._code_of(after)
        ended = after[code == Event.JOB_TERMINATED]
        good = np.zeros(len(rows), bool)
        good[code == Event.JOB_TERMINATED] = (self.events.value[ended] == 0) & (
            self.events.detail[ended] == 0
        )
        return Runs(job, rows, self.events.time[rows], end, code, good)

    def transfers(self) -> FileTransfers:
        """Return every file transfer whose start and end are both in the log."""
        rows = np.flatnonzero(self.events.code == Event.FILE_TRANSFER)
        kind, job = self.events.value[rows], self.job[rows]
        pairs = np.flatnonzero(
            np.isin(kind[:-1], _STARTED) & (kind[1:] == kind[:-1] + 1) & (job[1:] == job[:-1])
        )
        start, end = rows[pairs], rows[pairs + 1] if len(pairs) else pairs
        seconds = np.maximum(self.events.time[end] - self.events.time[start], 0.0)
        return FileTransfers(job[pairs], start, kind[pairs] == _STARTED[1], seconds)


def group_by_job(events: Events, codes: Sequence[int] = ()) -> JobHistories:
    """Sort events by job; merge what several logs report about one job, each event once.

    A job's events keep the order of their bytes, rotations in the order of time: small inversions of stamps (several
    processes write a log) change nothing. An event that is in a user's log and in the global log is the same event
    if number and second agree; it is taken from the log that begins first. `codes` keeps only events of these numbers.

    After its queue was reset, an access point reuses ids: a submission after a job's end begins another job.
    """
    wanted = np.isin(events.code, codes) if codes else None
    rows, starts, state = _ordered(events, wanted)
    return JobHistories(events.take(rows), starts, state)


def job_rows(
    events: Events, wanted: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return the rows that `group_by_job` takes, in its order, and the job's `State` after each.

    `wanted` chooses among the events; all are by default.
    """
    rows, _, state = _ordered(events, wanted)
    return rows, state


def repeats(events: Events) -> NDArray[np.bool_]:
    """Mark the events of jobs that another log has too."""
    if one_log_each(events):
        return np.zeros(len(events), bool)
    repeated = _of_jobs(events)
    repeated[job_rows(events)[0]] = False
    return repeated


def _of_jobs(events: Events) -> NDArray[np.bool_]:
    """Mark the events of jobs."""
    chosen: NDArray[np.bool_] = (events.cluster >= 0) & (events.proc >= 0)
    zero = np.flatnonzero(events.cluster == 0)
    chosen[zero] &= ~np.isin(events.code[zero], _WITHOUT_JOB)
    return chosen


def _ordered(
    events: Events, wanted: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Return the rows sorted by job, where each job starts, and the states."""
    chosen = _of_jobs(events)
    if wanted is not None:
        chosen &= wanted
    rows = np.flatnonzero(chosen)
    if len(events.files) > 1:
        first = np.full(len(events.files), np.inf)
        np.minimum.at(first, events.file[rows], events.time[rows])
        rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
        rows = rows[np.argsort(rank[events.file[rows]], kind="stable")]
    key = _job_key(events, rows)
    order = np.argsort(key, kind="stable")
    rows, key = rows[order], key[order]
    if not one_log_each(events):
        kept = _merge_families(events, rows, key)
        rows, key = rows[kept], key[kept]
    starts = np.append(np.flatnonzero(np.diff(key, prepend=-1)), len(key))
    code = events.code[rows]
    state = _states(code, starts)
    again = _ids_used_again(code, starts, state)
    return rows, np.union1d(starts, again) if len(again) else starts, state


def _job_key(events: Events, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each row's job that sorts as access point, cluster, proc do."""
    if not len(rows):
        return np.empty(0, np.int64)
    point, cluster, proc = events.access_point[rows], events.cluster[rows], events.proc[rows]
    clusters, procs = int(cluster.max()) + 1, int(proc.max()) + 1
    if (len(events.access_points) + 1) * clusters * procs < 2**62:
        return (point.astype(np.int64) * clusters + cluster) * procs + proc
    ids = np.stack([point, cluster, proc])
    return np.unique(ids, axis=1, return_inverse=True)[1].reshape(-1)


def _states(code: NDArray[np.int16], starts: NDArray[Any]) -> NDArray[np.int8]:
    table = np.full(1000, -1, np.int8)
    table[list(STATE_EVENTS)] = list(STATE_AFTER_EVENT.values())
    after = table[code]
    places = np.where(after >= 0, np.arange(len(code)), -1)
    job_start = np.repeat(starts[:-1], np.diff(starts))
    last = np.maximum.accumulate(places) if len(places) else places
    return np.where(last >= job_start, after[last], State.UNKNOWN).astype(np.int8)


def _ids_used_again(
    code: NDArray[np.int16], starts: NDArray[Any], state: NDArray[np.int8]
) -> NDArray[np.int64]:
    """Return the rows that submit a job whose id another one had, that has left the queue."""
    submitted = code == Event.SUBMIT
    submitted[starts[:-1]] = False
    rows = np.flatnonzero(submitted)
    return rows[np.isin(state[rows - 1], (State.COMPLETED, State.REMOVED))]


def one_log_each(events: Events) -> bool:
    """Return whether each access point, so each job, is in one log and its rotations alone."""
    names = [file.log for file in events.files]
    family = np.array([names.index(name) for name in names], np.int64)
    if not family.any():
        return True
    file, point = events.file, events.access_point
    new = np.ones(len(events), bool)  # few rows differ from the one before
    new[1:] = (file[1:] != file[:-1]) | (point[1:] != point[:-1])
    seen = np.zeros((len(events.access_points) + 1, len(family)), bool)
    seen[point[new], family[file[new]]] = True
    return bool(seen.sum(axis=1).max() <= 1)


def _merge_families(
    events: Events, ordered: NDArray[np.int64], key: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Merge the rows of a job that several logs report; return places in `ordered`.

    Rotations of one log count as one log.
    """
    names = [file.log for file in events.files]
    family = np.unique(names, return_inverse=True)[1].reshape(-1)[events.file[ordered]]
    job = np.cumsum(np.diff(key, prepend=-1) != 0)
    several = np.zeros(int(job[-1]) + 1 if len(job) else 1, bool)
    several[job[1:][(np.diff(family) != 0) & (np.diff(job) == 0)]] = True
    rows = np.flatnonzero(several[job])
    places = np.arange(len(ordered))
    if not len(rows):
        return places
    of = ordered[rows]
    kept = rows[~_copies(events.code[of], events.time[of], job[rows], family[rows])]
    group = job[kept] * (int(family.max()) + 1) + family[kept]
    # A log may lack fractions of seconds: within a second a submission goes first, then the log that begins first.
    when = _running_maximum(np.floor(events.time[ordered[kept]]), group)
    later = events.code[ordered[kept]] != Event.SUBMIT
    merged = kept[np.lexsort((kept, later, when, job[kept]))]
    alone = places[~several[job]]
    order = np.concatenate([alone, merged])
    return order[np.argsort(job[order], kind="stable")]


def _copies(
    code: NDArray[Any], time: NDArray[Any], job: NDArray[Any], family: NDArray[Any]
) -> NDArray[np.bool_]:
    """Mark rows that repeat a row of another log.

    The n-th event of a number in a second of a job is the same event in every log.
    """
    second, places = np.floor(time), np.arange(len(code))
    order = np.lexsort((places, family, second, code, job))
    same = _same(order, job, code, second, family)
    nth = np.empty(len(code), np.int64)
    nth[order] = places - np.maximum.accumulate(np.where(same, 0, places))
    by_event = np.lexsort((places, nth, second, code, job))
    copies = np.zeros(len(code), bool)
    copies[by_event] = _same(by_event, job, code, second, nth)
    return copies


def _same(order: NDArray[Any], *columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark places of an order whose columns all equal those of the place before."""
    same = np.ones(len(order), bool)
    same[:1] = False
    for column in columns:
        same[1:] &= np.diff(column[order]) == 0
    return same


def _running_maximum(time: NDArray[Any], group: NDArray[Any]) -> NDArray[np.int64]:
    """Return, as ranks, each row's latest time so far within its group."""
    rank = np.unique(time, return_inverse=True)[1].reshape(-1)
    number = np.unique(group, return_inverse=True)[1].reshape(-1)
    order = np.argsort(number, kind="stable")
    lifted = number[order] * (len(time) + 1) + rank[order]
    highest = np.empty(len(time), np.int64)
    highest[order] = np.maximum.accumulate(lifted) - number[order] * (len(time) + 1)
    return highest
