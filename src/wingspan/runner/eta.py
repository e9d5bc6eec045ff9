"""Estimate how long a run will take, from its own steps and those of earlier runs; pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from wingspan.planning.times import family
from wingspan.runner.events import DONE, RUNNING, UNDER_WAY, WAITING, StepEvent

_LEFT = {WAITING, *UNDER_WAY}


class TimeLeft(NamedTuple):
    """An estimate.

    Parameters
    ----------
    seconds
        Until all steps of known time have ended.
    unknown
        Number of steps of unknown time, which come on top.
    """

    seconds: float
    unknown: int


def usual_times(
    events: Iterable[StepEvent], earlier: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """Return how long each map's steps take: in this run, else in earlier runs."""
    own: dict[str, list[float]] = {}
    for event in events:
        if event.state == DONE and event.wall_s:
            own.setdefault(family(event.step), []).append(event.wall_s)
    return {name: median(times) for name, times in {**earlier, **own}.items() if times}


def time_left(
    events: Mapping[str, StepEvent],
    needs: Mapping[str, Sequence[str]],
    usual: Mapping[str, float],
    now: float,
) -> TimeLeft | None:
    """Return the longer of the longest chain and the work over the jobs at once.

    None if no time is known.

    Parameters
    ----------
    events
        By step, each after those it needs.
    """
    chains: dict[str, float] = {}
    work, unknown, known = 0.0, 0, False
    for name, event in events.items():
        if event.state not in _LEFT:
            continue
        takes = usual.get(family(name))
        if takes is None:
            unknown += 1
        else:
            known = True
        ran = now - event.time if event.state == RUNNING else 0.0
        rest = max((takes or 0.0) - max(ran, 0.0), 0.0)
        work += rest
        chains[name] = rest + max(
            (chains.get(need, 0.0) for need in needs.get(name, ())), default=0.0
        )
    if not known:
        return None
    at_once = max(sum(event.state == RUNNING for event in events.values()), 1)
    return TimeLeft(max(*chains.values(), work / at_once), unknown)
