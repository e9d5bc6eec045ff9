"""Notice clocks that were wrong: times that go back in a log, and times in the future.

The order of a log's bytes decides what happened after what. Times are never corrected, so lengths across such a step are wrong.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.events import Events

_STEP_S: Final = 900.0  # several processes write a log, each with its own delay
_AHEAD_S: Final = 600.0  # clocks of two machines


@dataclass(frozen=True, slots=True)
class StepBack:
    """How often the clock of a log goes back within jobs, by how much, and where first."""

    path: Path
    times: int
    most_s: float
    job: str
    at: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """The events of a log that are later than now, and by how much at most."""

    path: Path
    events: int
    most_s: float


def steps_back(events: Events) -> list[StepBack]:
    """Return the logs in which events of a job go back by a quarter of an hour or more."""
    if not len(_back(events)):
        return []
    jobs = np.flatnonzero((events.cluster >= 0) & (events.proc >= 0))
    keys = (events.proc[jobs], events.cluster[jobs], events.file[jobs])
    order = jobs[np.lexsort(keys)]
    columns = (events.file, events.cluster, events.proc)
    same = np.all([np.diff(column[order]) == 0 for column in columns], axis=0)
    steps = -np.diff(events.time[order])
    rows, lengths = order[1:][same & (steps >= _STEP_S)], steps[same & (steps >= _STEP_S)]
    found = []
    for number in np.unique(events.file[rows]).tolist():
        mine = events.file[rows] == number
        row = int(rows[mine].min())
        job = f"{events.cluster[row]}.{events.proc[row]}"
        most_s, at = float(lengths[mine].max()), float(events.time[row])
        found.append(StepBack(events.files[number].path, int(mine.sum()), most_s, job, at))
    return found


def ahead_of(events: Events, now: float) -> list[Ahead]:
    """Return the logs with events that are later than now by ten minutes or more."""
    rows = np.flatnonzero(events.time > now + _AHEAD_S)
    found = []
    for number in np.unique(events.file[rows]).tolist():
        times = events.time[rows[events.file[rows] == number]]
        found.append(Ahead(events.files[number].path, len(times), float(times.max()) - now))
    return found


def end_of(events: Events) -> float:
    """Return the time at the end of the logs, the latest since their clocks last went back."""
    back = _back(events)
    latest = np.full(len(events.files), -np.inf)
    begin = np.zeros(len(events.files), np.int64)
    np.maximum.at(begin, events.file[back], back)
    counts = np.arange(len(events)) >= begin[events.file]
    np.maximum.at(latest, events.file[counts], events.time[counts])
    newest: dict[str, tuple[int, float]] = {}
    for file, time in zip(events.files, latest.tolist(), strict=True):
        end = (file.header.sequence if file.header else 0, time)
        newest[file.log] = max(newest.get(file.log, end), end)
    return max(time for _, time in newest.values())


def _back(events: Events) -> NDArray[np.int64]:
    """Return the rows that are earlier than the row before in their file by `_STEP_S`."""
    steps = np.flatnonzero(np.diff(events.time) <= -_STEP_S)
    rows: NDArray[np.int64] = 1 + steps[events.file[steps] == events.file[steps + 1]]
    return rows
