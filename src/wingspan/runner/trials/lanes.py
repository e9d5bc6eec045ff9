"""Find in which lane, job and attempt the trials of a sweep run on a pool. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from wingspan.eventlog.attempt import Attempt


class LaneNow(NamedTuple):
    """What a lane does now.

    Parameters
    ----------
    attempt
        The last one of the lane's job.
    trial
        The trial that runs in it, such as ``fit[3]``; empty between two trials.
    tries
        How many attempts the trial has had, this one included.
    """

    attempt: Attempt
    trial: str = ""
    tries: int = 0


def lane_of(attempt: Attempt) -> str:
    """Return the lane of a trial's attempt in words, or the node of the sweep's own job.

    >>> lane_of(Attempt("fit-2_lane3", 1, 0.0))
    'lane 3'
    """
    _, lane, number = attempt.node.rpartition("_lane")
    return f"lane {number}" if lane and number.isdigit() else attempt.node


def lanes_now(
    sweep: str, attempts: Mapping[str, Sequence[Attempt]], running: Collection[str]
) -> list[LaneNow]:
    """Return what the lanes of a sweep do whose jobs have not ended.

    Parameters
    ----------
    attempts
        Those of `Run.attempts`.
    running
        The names of the trials that have not ended.
    """
    last = {one.node: one for one in attempts.get(sweep, ())}
    trials = {
        replace(tried[-1], number=0): (name, len(tried))
        for name, tried in attempts.items()
        if name in running and tried
    }
    return [
        LaneNow(one, *trials.get(replace(one, number=0), ("", 0)))
        for one in last.values()
        if not one.outcome or one.outcome == "held"
    ]
