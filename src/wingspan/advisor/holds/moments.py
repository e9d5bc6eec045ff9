"""Choose the moments at which advice is asked for: a hold, and what is known of the logs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.prefix import mark
from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.codes import EventNumber as Event


@dataclass(frozen=True, slots=True)
class Moments:
    """One entry for each question.

    Attributes
    ----------
    episode
        Index of the episode. int64
    hold
        The hold's row in the timeline. int64
    upto
        Rows smaller than this were known. int64
    clock
        The time of the question, UTC seconds. float64
    """

    episode: NDArray[np.int64]
    hold: NDArray[np.int64]
    upto: NDArray[np.int64]
    clock: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.hold)

    def part(self, start: int, stop: int) -> "Moments":
        """Return the entries from `start` to before `stop`."""
        return self.take(slice(start, stop))

    def take(self, of: "slice | NDArray[np.int64]") -> "Moments":
        """Return some entries."""
        return Moments(self.episode[of], self.hold[of], self.upto[of], self.clock[of])


def at_holds(episodes: Episodes) -> Moments:
    """Ask at every hold, with the logs known up to its record."""
    return Moments(np.arange(len(episodes)), episodes.row, episodes.row + 1, episodes.known)


def at_delay(timeline: Timeline, episodes: Episodes, delay_s: float) -> Moments:
    """Ask some time after every hold that lasted that long, with what was known by then."""
    asked = episodes.known + delay_s
    upto = np.searchsorted(timeline.clock, asked, side="right")
    steps = timeline.where(
        Event.JOB_TERMINATED, Event.JOB_ABORTED, Event.JOB_HELD, Event.JOB_RELEASED
    )
    marks = mark(steps, timeline.job[steps], len(timeline) + 1)
    unmoved = marks.last(episodes.job, upto) == episodes.row
    end = timeline.clock[-1] if len(timeline) else 0.0
    open_still = np.flatnonzero(unmoved & (asked <= end))
    return Moments(open_still, episodes.row[open_still], upto[open_still], asked[open_still])
