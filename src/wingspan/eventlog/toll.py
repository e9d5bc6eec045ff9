"""Count what runs cost, by how they ended and by host, site and user; exact, from columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.access_points import runs_at_home
from wingspan.eventlog.bodies import read_records
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.histories import HoldCycles, JobHistories, Runs
from wingspan.eventlog.kernel import ABSENT
from wingspan.eventlog.places import Starts, machines_of

_PRIOR: Final = (
    20.0  # runs at the usual rate that each rate begins with, so that few runs do not rank first
)
_EVICTED: Final = (Event.JOB_EVICTED, Event.SHADOW_EXCEPTION, Event.JOB_RECONNECT_FAILED)
_ENDS: Final = {
    Event.JOB_EVICTED: "evicted",
    Event.SHADOW_EXCEPTION: "shadow exception",
    Event.EXECUTABLE_ERROR: "not executable",
    Event.JOB_RECONNECT_FAILED: "lost after a disconnect",
    Event.JOB_HELD: "held",
    Event.JOB_ABORTED: "removed",
    Event.JOB_TERMINATED: "ended badly",
    Event.DATAFLOW_JOB_SKIPPED: "skipped",
    ABSENT: "no end in the log",
}
_AT_ONCE_S: Final = 60.0  # a hold this soon after a run's eviction is the run's end
_SINFUL: Final = re.compile(rb"<[^>\n]*>")
_PART: Final = 1 << 16  # records that are read at once


@dataclass(frozen=True, slots=True)
class Toll:
    """Outcomes of the runs on a host, at a site or of a user.

    Attributes
    ----------
    good_s, bad_s
        Seconds of wall time: of runs that exited with 0, and of all others.
    holds, evictions, failures
        Runs that ended in a hold; in an eviction, shadow exception or lost connection; and with a bad exit, or without
        having been executable.
    rate
        Share of the runs that ended in one of these, shrunk towards the share of all runs: the order of tables.
    """

    name: str
    runs: int
    good_s: float
    bad_s: float
    holds: int
    evictions: int
    failures: int
    rate: float

    @property
    def bad(self) -> float:
        """Return the share of the runs that ended in a hold, an eviction or badly."""
        return (self.holds + self.evictions + self.failures) / self.runs


@dataclass(frozen=True, slots=True)
class Loss:
    """Unsuccessful runs that ended in one way, and their wall time."""

    how: str
    runs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Ends:
    """How runs ended: their seconds, and masks of those that ended well, held, evicted or badly."""

    seconds: NDArray[np.float64]
    good: NDArray[np.bool_]
    held: NDArray[np.bool_]
    evicted: NDArray[np.bool_]
    failed: NDArray[np.bool_]


def ends_of(runs: Runs, holds: HoldCycles) -> Ends:
    """Return how runs ended; a hold at once after the run's eviction is its end."""
    held = np.zeros(len(runs.row), bool)
    if len(runs.row):
        before = np.searchsorted(runs.row, holds.row) - 1
        last = np.maximum(before, 0)
        after = (before >= 0) & (runs.job[last] == holds.job)
        after &= ~(holds.start - runs.end[last] > _AT_ONCE_S)
        held[before[after]] = True
    evicted = np.isin(runs.end_code, _EVICTED) & ~held
    failed = np.isin(runs.end_code, (Event.JOB_TERMINATED, Event.EXECUTABLE_ERROR))
    failed &= ~runs.good & ~held
    seconds = np.maximum(np.nan_to_num(runs.end - runs.start), 0.0)  # clocks may step back
    return Ends(seconds, runs.good, held, evicted, failed)


def losses(runs: Runs, ends: Ends, counted: NDArray[np.bool_]) -> tuple[Loss, ...]:
    """Return the wall time of unsuccessful runs by how they ended, the most first."""
    found = []
    unknown = ~np.isin(runs.end_code, list(_ENDS))  # as of a job that starts twice
    end = np.where(unknown, ABSENT, runs.end_code)
    end[ends.held] = Event.JOB_HELD
    for code, how in _ENDS.items():
        chosen = counted & ~ends.good & (end == code)
        if chosen.any():
            found.append(Loss(how, int(chosen.sum()), float(ends.seconds[chosen].sum())))
    return tuple(sorted(found, key=lambda loss: -loss.seconds))


def tolls(
    number: NDArray[Any], names: Sequence[str], ends: Ends, counted: NDArray[np.bool_]
) -> tuple[Toll, ...]:
    """Return the toll of each name, the worst first; runs with number -1 belong to none."""
    chosen = counted & (number >= 0)
    place = number[chosen]

    def total(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(place, values[chosen], minlength=len(names)).astype(np.float64)

    runs, good = total(np.ones(len(number))), total(ends.seconds * ends.good)
    held, evicted, failed = total(ends.held), total(ends.evicted), total(ends.failed)
    bad = held + evicted + failed
    usual = bad.sum() / max(runs.sum(), 1.0)
    rate = (bad + _PRIOR * usual) / (runs + _PRIOR)
    lost = total(ends.seconds) - good
    order = np.lexsort((-runs, -rate))
    return tuple(
        Toll(
            name=names[one],
            runs=int(runs[one]),
            good_s=float(good[one]),
            bad_s=float(lost[one]),
            holds=int(held[one]),
            evictions=int(evicted[one]),
            failures=int(failed[one]),
            rate=float(rate[one]),
        )
        for one in order[runs[order] > 0].tolist()
    )


def at_home(history: JobHistories, runs: Runs, starts: Starts) -> NDArray[np.bool_]:
    """Return which runs were on the access point itself, as DAGMan's are.

    They have no slot and run at the submitting daemon.
    """
    events, own = history.events, np.zeros(len(runs.row), bool)
    bare = np.flatnonzero(starts.bare)
    first, names = history.starts[runs.job[bare]], dict[bytes, int]()
    here = machines_of(events, first, names) == machines_of(events, runs.row[bare], names)
    here &= events.code[first] == Event.SUBMIT  # else the log does not say where it came from
    bare, first = bare[here], first[here]
    for begin in range(0, len(bare), _PART):
        part = slice(begin, begin + _PART)
        submits, records = (read_records(events, rows[part]) for rows in (first, runs.row[bare]))
        own[bare[part]] = [
            runs_at_home(_address(submit), _address(record))
            for submit, record in zip(submits, records, strict=True)
        ]
    return own


def _address(record: bytes) -> str:
    found = _SINFUL.search(record)
    return found[0].decode(errors="replace") if found else ""
