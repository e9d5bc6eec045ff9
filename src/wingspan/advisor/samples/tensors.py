"""Count events by frame of time, job and kind of event, up to a moment, as tensors.

Axes are (episode, frame, job, event). Frames go from the oldest to the newest, which ends at the moment. Job 0 is the
held one; the others are jobs of its cluster, its host and its access point with earlier events. Counts are whole numbers
in bytes. A mask says which job existed in which frame.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.moments import Moments
from wingspan.advisor.holds.prefix import Marks, Numbers, mark
from wingspan.advisor.holds.timeline import Timeline
from wingspan.errors import SettingError
from wingspan.eventlog.codes import EventNumber as Event

_CHOSEN: Final = (12, 1, 5, 13, 9, 4, 7, 0, 6, 21, 22, 24, 23, 40, 33, 28, 10, 11, 2, 3)
CHANNELS: Final = (
    *_CHOSEN,
    *sorted({int(each) for each in Event if each < 100} - set(_CHOSEN)),
)
_CHATTER: Final = (6, 28, 29, 30, 40)  # events that repeat while a job's state stays the same
_CHANGES: Final = (1, 4, 5, 7, 9, 12, 13, 21, 22, 23, 24)  # events that change a job's state
_BYTES_A_CHUNK: Final = 1 << 24
_CODES: Final = 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """The sizes of tensors.

    Attributes
    ----------
    m, j, e
        Frames, jobs, kinds of events: the first e - 1 of `CHANNELS`, and all others together.
    frame_s
        Seconds of a frame; None makes frames ever longer into the past, from 1 s to `horizon_s`.
    horizon_s
        How far back log-spaced frames reach, seconds; events before the first frame do not count.
    reach
        How many of each job's last events count, of frequent and of other events each.
    """

    m: int = 10
    j: int = 10
    e: int = 18
    frame_s: float | None = None
    horizon_s: float = 7 * 86400.0
    reach: int = 64

    def __post_init__(self) -> None:
        limits = {"m": 1000, "j": 1000, "e": len(CHANNELS) + 1, "reach": 127}
        for name, most in limits.items():
            if not 1 <= getattr(self, name) <= most:
                problem = f"{name} = {getattr(self, name)} is not between 1 and {most}"
                raise SettingError("tensor layout", problem, f"choose {name} in that range")
        if self.frame_s is not None and self.frame_s <= 0:
            raise SettingError("tensor layout", "frame_s is not above 0", "give seconds, or None")
        if self.horizon_s <= 1:
            raise SettingError("tensor layout", "horizon_s is not above 1", "give seconds")

    @property
    def edges(self) -> NDArray[np.float64]:
        """Ages in seconds between frames, newest first; a frame includes its younger edge.

        There are m + 1 of them.
        """
        if self.frame_s is not None:
            return np.arange(self.m + 1, dtype=np.float64) * self.frame_s
        inner = np.geomspace(1.0, self.horizon_s, self.m) if self.m > 1 else [self.horizon_s]
        return np.append(0.0, inner)

    @property
    def channels(self) -> NDArray[np.int64]:
        """Channel of each event number from 0 to 1023."""
        table = np.full(_CODES, self.e - 1)
        chosen = CHANNELS[: self.e - 1]
        table[list(chosen)] = np.arange(len(chosen))
        return table


@dataclass(frozen=True, slots=True)
class Tensors:
    """Counts of some moments.

    Attributes
    ----------
    counts
        Events by (moment, frame, job, kind). uint8
    mask
        Whether the job existed by the end of the frame; if not, a count of 0 says nothing. bool, (moment, frame, job)
    job
        The timeline's number of each job, -1 where there were fewer. int32, (moment, job)
    """

    counts: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    job: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Stream:
    """Rows of some events sorted by job, with their columns.

    `before` counts those among the first k rows of all jobs, sorted the same way.
    """

    before: Numbers
    clock: NDArray[np.float64]
    channel: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Company:
    """Changes of all jobs of a group, by group and row; `again` is the job's next place."""

    group: NDArray[Any]
    marks: Marks
    job: NDArray[np.int32]
    again: Numbers


def make_tensors(timeline: Timeline, moments: Moments, layout: Layout) -> Tensors:
    """Make the tensors of all moments at once: n * m * j * e bytes."""
    parts = list(tensor_chunks(timeline, moments, layout))
    return Tensors(
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.mask for part in parts]),
        np.concatenate([part.job for part in parts]),
    )


def tensor_chunks(timeline: Timeline, moments: Moments, layout: Layout) -> Iterator[Tensors]:
    """Make tensors in chunks of some thousand moments, in order; at least one, even if empty.

    Time is linear in moments and events. Memory, apart from the timeline's, does not grow with the moments.
    """
    rows = np.flatnonzero(timeline.job >= 0)
    by_job = mark(rows, timeline.job[rows], len(timeline) + 1)
    streams, companies = _streams(timeline, by_job, layout), _companies(timeline)
    born = np.full(int(timeline.job.max(initial=-1)) + 1, np.inf)
    np.minimum.at(born, timeline.job[timeline.job >= 0], timeline.clock[timeline.job >= 0])
    size = max(1, _BYTES_A_CHUNK // (layout.m * layout.j * layout.e))
    for start in range(0, max(len(moments), 1), size):
        part = moments.part(start, start + size)
        jobs = _choose_jobs(timeline, part, companies, layout.j)
        counts = np.zeros((len(part), layout.m, layout.j, layout.e), np.uint8)
        _count(counts, by_job, streams, jobs, part, layout)
        yield Tensors(counts, _existed(born, jobs, part, layout), jobs)


def _streams(timeline: Timeline, by_job: Marks, layout: Layout) -> list[_Stream]:
    codes = timeline.events.code[by_job.rows]
    channels = layout.channels[np.clip(codes, 0, _CODES - 1)]
    frequent = np.isin(codes, _CHATTER)
    clock = timeline.clock[by_job.rows]
    return [
        _Stream(np.append(0, np.cumsum(chosen)), clock[chosen], channels[chosen])
        for chosen in (~frequent, frequent)
    ]


def _companies(timeline: Timeline) -> list[_Company]:
    rows = timeline.where(*_CHANGES)
    companies = []
    for group in (timeline.cluster, timeline.host, timeline.events.access_point):
        marks = mark(rows, group[rows], len(timeline) + 1)
        job = timeline.job[marks.rows]
        of = marks.keys // marks.span
        order = np.argsort(of * (len(timeline) + 1) + job, kind="stable")
        same = (np.diff(job[order]) == 0) & (np.diff(of[order]) == 0)
        again = np.full(len(job), len(job))
        again[order[:-1][same]] = order[1:][same]
        companies.append(_Company(group, marks, job, again))
    return companies


def _choose_jobs(
    timeline: Timeline, moments: Moments, companies: list[_Company], count: int
) -> NDArray[np.int32]:
    """Return the held job and its context: jobs of the cluster, host and access point.

    Those with the latest change come first.

    Every second one is from the cluster, every fourth from the host and from the access point, if there are enough.
    """
    own = timeline.job[moments.hold]
    jobs = np.full((len(own), count), -1, np.int32)
    jobs[:, 0] = own
    if count == 1 or not len(own):
        return jobs
    latest = [_latest(company, moments, own, count - 1) for company in companies]
    turn = np.arange(count - 1)
    order = np.argsort(np.concatenate([2 * turn, 4 * turn + 1, 4 * turn + 3]))
    found = np.concatenate(latest, axis=1)[:, order]
    fresh = found >= 0
    for place in range(1, found.shape[1]):
        fresh[:, place] &= (found[:, :place] != found[:, place, None]).all(axis=1)
    _pack(jobs[:, 1:], found, fresh)
    return jobs


def _latest(
    company: _Company, moments: Moments, own: NDArray[np.int32], count: int
) -> NDArray[np.int32]:
    """Return up to `count` other jobs of the group's last changes, latest first; -1 for none.

    The last `4 * count` changes are searched.
    """
    jobs = np.full((len(own), count), -1, np.int32)
    if not len(company.job):
        return jobs
    group = company.group[moments.hold]
    end = company.marks.place(group, moments.upto)
    start = np.where(group >= 0, company.marks.start(group), end)
    place = end[:, None] - 1 - np.arange(4 * count)
    inside = place >= start[:, None]
    place = np.where(inside, place, 0)
    found = company.job[place]
    last = company.again[place] >= end[:, None]
    _pack(jobs, found, inside & last & (found != own[:, None]))
    return jobs


def _pack(out: NDArray[np.int32], found: NDArray[np.int32], wanted: NDArray[np.bool_]) -> None:
    """Write the wanted numbers of each line of `found` to the start of that line of `out`."""
    nth = np.cumsum(wanted, axis=1, dtype=np.int16)
    line, place = np.nonzero(wanted & (nth <= out.shape[1]))
    out[line, nth[line, place] - 1] = found[line, place]


def _count(
    counts: NDArray[np.uint8],
    by_job: Marks,
    streams: list[_Stream],
    jobs: NDArray[np.int32],
    moments: Moments,
    layout: Layout,
) -> None:
    """Add each event of a job's last `reach` ones to its frame, job and channel."""
    line, slot = np.nonzero(jobs >= 0)
    job, clock = jobs[line, slot], moments.clock[line]
    start, end = by_job.start(job), by_job.place(job, moments.upto[line])
    first_bin = line * (layout.m * layout.j) + slot
    for stream in streams:
        stop = stream.before[end]
        length = np.minimum(stop - stream.before[start], layout.reach)
        pair = np.repeat(np.arange(len(job)), length)
        place = np.arange(len(pair)) + (stop - np.cumsum(length))[pair]
        frame = np.searchsorted(layout.edges, clock[pair] - stream.clock[place], side="right") - 1
        seen = np.flatnonzero(frame < layout.m)
        pair, place, frame = pair[seen], place[seen], layout.m - 1 - frame[seen]
        bins = (first_bin[pair] + frame * layout.j) * layout.e + stream.channel[place]
        np.add.at(counts.reshape(-1), bins, np.uint8(1))


def _existed(
    born: NDArray[np.float64], jobs: NDArray[np.int32], moments: Moments, layout: Layout
) -> NDArray[np.bool_]:
    age = np.where(jobs >= 0, moments.clock[:, None] - born[jobs], -1.0)
    frame = layout.m - np.searchsorted(layout.edges, age, side="right")
    frame = np.where(jobs >= 0, frame, layout.m)
    return np.arange(layout.m)[None, :, None] >= frame[:, None, :]
